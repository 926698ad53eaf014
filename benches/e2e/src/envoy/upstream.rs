//! What every request is for: a server that answers all of them alike. The generator serves it between two looks at
//! its clients, so that it costs the measured core nothing.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::envoy::http1;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// The upstream and Envoy's connections to it.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    listener: TcpListener,
    connections: Vec<Connection>,
    /// Requests that reached it.
    pub(crate) reached: u64,
}

#[derive(Debug)]
struct Connection {
    socket: TcpStream,
    /// What is there of a request whose end is not.
    input: Vec<u8>,
    is_open: bool,
}

impl Upstream {
    pub(crate) fn open() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        Ok(Self { address: listener.local_addr()?, listener, connections: Vec::new(), reached: 0 })
    }

    /// Answers whatever is there, and does not wait.
    pub(crate) fn serve(&mut self) -> io::Result<()> {
        let mut sockets = vec![PollFd::new(&self.listener, PollFlags::IN)];
        sockets.extend(self.connections.iter().map(|known| PollFd::new(&known.socket, PollFlags::IN)));
        if poll(&mut sockets, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? == 0 {
            return Ok(());
        }
        let mut ready =
            sockets.iter().map(|socket| !socket.revents().is_empty()).collect::<Vec<_>>().into_iter();
        let is_wanted = ready.next() == Some(true);
        for (connection, _) in self.connections.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            self.reached += connection.serve()?;
        }
        self.connections.retain(|connection| connection.is_open);
        if is_wanted {
            let (socket, _) = self.listener.accept()?;
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
            self.connections.push(Connection { socket, input: Vec::new(), is_open: true });
        }
        Ok(())
    }
}

impl Connection {
    /// The number of requests that were answered.
    fn serve(&mut self) -> io::Result<u64> {
        let mut buffer = [0; 16 * 1024];
        match self.socket.read(&mut buffer) {
            Ok(0) => self.is_open = false,
            Ok(count) => self.input.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // Envoy gives up a connection whose client has left.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => self.is_open = false,
            Err(error) => return Err(error),
        }
        let mut answered = 0;
        // One connection has one request at a time.
        if http1::ends(&self.input) > 0 {
            self.input.clear();
            self.socket.write_all(ANSWER)?;
            answered = 1;
        }
        Ok(answered)
    }
}
