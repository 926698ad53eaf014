//! A listening socket: opened here, or handed over.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

use crate::port::address::Address;
use crate::port::handed::{Handed, Socket};
use crate::port::name::{self, Name};

/// A listener could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{address}`")]
pub struct ListenError {
    address: Address,
    source: io::Error,
}

/// Connections that the kernel holds for us; with TCP no more than `net.core.somaxconn`.
const BACKLOG: u32 = 1024;
/// How often the queue is asked for one more when it is closed.
const ATTEMPTS: usize = 4096;

/// A bound socket.
#[derive(Debug)]
pub struct Bound {
    socket: Socket,
    address: Address,
    /// Of a Unix socket that was opened here.
    name: Option<Name>,
    handed: bool,
}

/// A bound socket on the runtime that accepts its connections.
pub(in crate::port) struct Listening {
    listener: Listener,
    name: Option<Name>,
    handed: bool,
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection of either kind.
pub(in crate::port) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

impl Bound {
    /// Takes what was handed over for `address`, or binds. A Unix socket that a former process left behind is
    /// replaced; one that somebody listens on is not, nor is a TCP port shared, unless `reuse_port`.
    pub fn bind(address: Address, handed: &mut Handed, reuse_port: bool) -> Result<Self, ListenError> {
        let bound = match (handed.take(&address), &address) {
            (Some(socket), _) => Ok(Self::handed(socket, &address)),
            (None, Address::Tcp(tcp)) => Self::tcp(*tcp, reuse_port),
            (None, Address::Unix(path)) => Self::unix(path, reuse_port),
        };
        bound.map_err(|source| ListenError { address, source })
    }

    /// Where it listens, with the port that was chosen for port 0.
    pub fn address(&self) -> &Address {
        &self.address
    }

    fn handed(socket: Socket, address: &Address) -> Self {
        Self { socket, address: address.clone(), name: None, handed: true }
    }

    fn tcp(address: SocketAddr, reuse_port: bool) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // Without it nobody could bind while connections of a former process linger.
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(reuse_port)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let address = Address::Tcp(listener.local_addr()?);
        let socket = Socket::Tcp(listener.into_std()?);
        Ok(Self { socket, address, name: None, handed: false })
    }

    /// The socket gets its name when its permissions are right, and its name from whoever had it before in one step.
    fn unix(path: &Path, reuse_port: bool) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => return Err(io::ErrorKind::AlreadyExists.into()),
            Ok(_) if !reuse_port && name::is_served(path) => {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            Ok(_) | Err(_) => {}
        }
        let beside = path.with_file_name(format!(".{}.sock", std::process::id()));
        // A process of this number may have ended between the two steps.
        drop(fs::remove_file(&beside));
        let listener = std::os::unix::net::UnixListener::bind(&beside)?;
        // Envoy runs as another user of a group that both share.
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o660))?;
        let name = Name::take(path, &beside)?;
        Ok(Self {
            socket: Socket::Unix(listener),
            address: Address::Unix(path.to_owned()),
            name: Some(name),
            handed: false,
        })
    }

    pub(in crate::port) fn listen(self) -> io::Result<Listening> {
        let Self { socket, address: _, name, handed } = self;
        let listener = match socket {
            Socket::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Listener::Tcp(TcpListener::from_std(listener)?)
            }
            Socket::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Listener::Unix(UnixListener::from_std(listener)?)
            }
        };
        Ok(Listening { listener, name, handed })
    }
}

impl Listening {
    pub(in crate::port) async fn accept(&self) -> io::Result<Box<dyn Connection>> {
        match &self.listener {
            Listener::Tcp(listener) => tcp(listener.accept().await?.0),
            Listener::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }

    /// Closes it; gives the connections that were made and not accepted yet, which the kernel would reset. What was
    /// handed over keeps its queue, for others who have it.
    pub(in crate::port) fn close(self) -> Vec<Box<dyn Connection>> {
        let Self { listener, name, handed } = self;
        // From now on a path leads to another process, or nowhere.
        drop(name);
        if handed {
            return Vec::new();
        }
        let left = match listener {
            Listener::Tcp(listener) => listener
                .into_std()
                .map(|listener| left(|| listener.accept().and_then(|(stream, _)| nonblocking_tcp(stream)))),
            Listener::Unix(listener) => listener
                .into_std()
                .map(|listener| left(|| listener.accept().and_then(|(stream, _)| nonblocking_unix(stream)))),
        };
        left.unwrap_or_default()
    }
}

/// Everything that `accept` gives until there is no more. One connection that is broken is not the last; but the end
/// must come, whoever goes on connecting.
fn left<T>(mut accept: impl FnMut() -> io::Result<T>) -> Vec<T> {
    let attempts = std::iter::repeat_with(|| match accept() {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        accepted => Some(accepted),
    });
    attempts.take(ATTEMPTS).map_while(|accepted| accepted).filter_map(Result::ok).collect()
}

fn tcp(stream: TcpStream) -> io::Result<Box<dyn Connection>> {
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

fn nonblocking_tcp(stream: std::net::TcpStream) -> io::Result<Box<dyn Connection>> {
    stream.set_nonblocking(true)?;
    tcp(TcpStream::from_std(stream)?)
}

fn nonblocking_unix(stream: std::os::unix::net::UnixStream) -> io::Result<Box<dyn Connection>> {
    stream.set_nonblocking(true)?;
    Ok(Box::new(UnixStream::from_std(stream)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_emptied_whatever_is_wrong_with_some_of_it_and_not_for_ever() {
        let mut queue =
            vec![Err(io::ErrorKind::WouldBlock), Ok(2), Err(io::ErrorKind::ConnectionAborted), Ok(1)];
        assert_eq!(left(|| queue.pop().unwrap().map_err(io::Error::from)), [1, 2]);
        assert_eq!(left(|| Ok(0)).len(), ATTEMPTS);
    }

    #[tokio::test]
    async fn what_is_written_to_a_connection_leaves_at_once() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let same = stream.try_clone().unwrap();
        assert!(!same.nodelay().unwrap(), "it would without us");
        let _connection = nonblocking_tcp(stream).unwrap();
        assert!(same.nodelay().unwrap());
    }
}
