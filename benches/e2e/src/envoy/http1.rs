//! One client's connection to Envoy, without a runtime, as `crate::connection` is to a server.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::connection::Answer;

/// Between the head of a message and its body.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A connection and the request that it waits for.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    input: Vec<u8>,
    /// How much of `input` was received.
    filled: usize,
    waiting: Option<Waiting>,
    /// Answers that were 200.
    pub(crate) let_by: u64,
}

#[derive(Debug)]
struct Waiting {
    due: Instant,
    expected: u16,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, input: vec![0; 64 * 1024], filled: 0, waiting: None, let_by: 0 })
    }

    /// Whether it waits for nothing.
    pub(crate) fn is_free(&self) -> bool {
        self.waiting.is_none()
    }

    /// Sends a request that should have been sent when it was `due`. It is smaller than what the socket holds.
    pub(crate) fn ask(&mut self, request: &[u8], expected: u16, due: Instant) -> io::Result<()> {
        self.waiting = Some(Waiting { due, expected });
        self.socket.write_all(request)
    }

    /// Gives the answer once all of it has come.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Answer>> {
        let Some(waiting) = &self.waiting else { return Ok(None) };
        match self.socket.read(self.input.get_mut(self.filled..).unwrap_or_default()) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => self.filled += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        let Some(status) = whole(self.input.get(..self.filled).unwrap_or_default())? else { return Ok(None) };
        let answer = Answer { due: waiting.due, right: status == waiting.expected, code: None };
        self.let_by += u64::from(status == 200);
        self.waiting = None;
        self.filled = 0;
        Ok(Some(answer))
    }
}

/// The status of an answer that is there as a whole, body included.
fn whole(answer: &[u8]) -> io::Result<Option<u16>> {
    let Some(end) = answer.windows(END_OF_HEAD.len()).position(|bytes| bytes == END_OF_HEAD) else {
        return Ok(None);
    };
    let (head, body) = answer.split_at(end);
    let head = std::str::from_utf8(head).map_err(io::Error::other)?;
    // Envoy writes names in lower case.
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let (Some(status), Some(length)) = (status, length.and_then(|length| length.parse::<usize>().ok()))
    else {
        return Err(io::Error::other(format!("no status or no length: {head}")));
    };
    Ok((body.len() >= END_OF_HEAD.len() + length).then_some(status))
}

/// How many requests without a body end in these bytes.
pub(crate) fn ends(requests: &[u8]) -> usize {
    requests.windows(END_OF_HEAD.len()).filter(|bytes| *bytes == END_OF_HEAD).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_once_its_body_is_there() {
        let answer = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nserver: envoy\r\n\r\nno";
        for length in 0..answer.len() {
            assert_eq!(whole(&answer[..length]).unwrap(), None);
        }
        assert_eq!(whole(answer).unwrap(), Some(403));
    }

    #[test]
    fn an_answer_of_unknown_length_is_an_error() {
        whole(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n").unwrap_err();
    }
}
