//! Listening sockets that whoever started us opened before (systemd's socket activation, `sd_listen_fds(3)`).
//!
//! Several processes may share one: its queue outlives each of them, so that a restart refuses nobody. A socket is
//! known by its address, which must be a configured one to the letter.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;

use crate::port::address::Address;

/// A socket was handed over that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadSocket {
    /// It is of some other kind.
    #[error("file descriptor {0} was handed over and is no listening TCP or Unix stream socket")]
    Kind(usize, #[source] io::Error),
    /// It has no use.
    #[error("a socket for `{0}` was handed over, which is neither `listen.check` nor `listen.admin`")]
    Unwanted(Address),
}

/// What was handed over and not taken yet.
#[derive(Debug, Default)]
pub struct Handed(Vec<(Address, Socket)>);

/// One of them.
#[derive(Debug)]
pub(in crate::port) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Where systemd begins to count.
const FIRST: usize = 3;

impl Handed {
    /// What `LISTEN_FDS` tells of; nothing, where it is for another process.
    pub fn from_environment() -> Result<Self, BadSocket> {
        let mut sockets = ListenFd::from_env();
        let all = (0..sockets.len()).map(|index| {
            take(&mut sockets, index).map_err(|error| BadSocket::Kind(index.saturating_add(FIRST), error))
        });
        Ok(Self(all.collect::<Result<_, _>>()?))
    }

    /// The one for this address.
    pub(in crate::port) fn take(&mut self, address: &Address) -> Option<Socket> {
        let index = self.0.iter().position(|(own, _)| own == address)?;
        Some(self.0.swap_remove(index).1)
    }

    /// Whoever handed a socket over means it to be served: to leave one alone would be silence.
    pub fn all_taken(self) -> Result<(), BadSocket> {
        self.0.into_iter().next().map_or(Ok(()), |(address, _)| Err(BadSocket::Unwanted(address)))
    }

    /// The one for this address, to look at the connections in its queue.
    pub fn queue(&self, address: &Address) -> Option<BorrowedFd<'_>> {
        self.0.iter().find(|(own, _)| own == address).map(|(_, socket)| socket.as_fd())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}

fn take(sockets: &mut ListenFd, index: usize) -> io::Result<(Address, Socket)> {
    let gone = || io::Error::from(io::ErrorKind::NotFound);
    if let Ok(socket) = sockets.take_tcp_listener(index) {
        let socket = listening(socket.ok_or_else(gone)?)?;
        return Ok((Address::Tcp(socket.local_addr()?), Socket::Tcp(socket)));
    }
    let socket = listening(sockets.take_unix_listener(index)?.ok_or_else(gone)?)?;
    let path = socket.local_addr()?.as_pathname().map(ToOwned::to_owned);
    let path = path.ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "it has no path"))?;
    Ok((Address::Unix(path), Socket::Unix(socket)))
}

/// On one that does not, every accept would fail, for ever.
fn listening<S: AsFd>(socket: S) -> io::Result<S> {
    if socket_acceptconn(&socket)? {
        Ok(socket)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it does not listen"))
    }
}
