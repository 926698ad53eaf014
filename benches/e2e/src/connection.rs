//! One connection to a server, without a runtime: whoever owns it asks, sends and receives in a loop of its own.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};

use crate::http2::{self, Frame};
use crate::request::{Code, Request};

/// Checks that may wait for their answer at once, by their place in a table; a power of two.
const PLACES: usize = 1024;
/// Bytes of answers that the server may send ahead.
const WINDOW: u32 = 1 << 24;

/// A connection and the checks that it waits for.
pub(crate) struct Connection {
    socket: TcpStream,
    output: Vec<u8>,
    sent: usize,
    input: Vec<u8>,
    /// How much of `input` was received and not read yet.
    filled: usize,
    stream: u32,
    /// The first that may still be waited for.
    oldest: u32,
    /// What the server will still take.
    window: usize,
    /// What it does not take yet.
    held: VecDeque<Held>,
    /// What we took and did not say so.
    unacknowledged: u32,
    places: Vec<Option<Waiting>>,
    waiting: usize,
    headers: Vec<u8>,
}

/// A message of which some has yet to be sent; the call is begun all the same, as Envoy does.
struct Held {
    stream: u32,
    message: Arc<[u8]>,
    sent: usize,
}

struct Waiting {
    stream: u32,
    due: Instant,
    expected: Code,
    answer: Option<Code>,
}

/// A check that ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    /// When it should have been sent.
    pub(crate) due: Instant,
    /// Whether the answer was what was expected.
    pub(crate) right: bool,
    /// What it was, by gRPC.
    pub(crate) code: Option<Code>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let mut output = http2::PREFACE.to_vec();
        http2::put(&mut output, http2::SETTINGS, 0, 0, &http2::OUR_SETTINGS);
        http2::put(&mut output, http2::WINDOW_UPDATE, 0, 0, &WINDOW.to_be_bytes());
        Ok(Self {
            socket,
            output,
            sent: 0,
            input: vec![0; 256 * 1024],
            filled: 0,
            stream: 1,
            oldest: 1,
            window: http2::FIRST_WINDOW,
            held: VecDeque::new(),
            unacknowledged: 0,
            places: std::iter::repeat_with(|| None).take(PLACES).collect(),
            waiting: 0,
            headers: http2::first_headers(),
        })
    }

    /// Checks that wait for their answer.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Puts a check in line; false where our table has no room for it now.
    pub(crate) fn ask(&mut self, request: &Request, expected: Code, due: Instant) -> bool {
        let Some(place @ None) = place(&mut self.places, self.stream) else { return false };
        *place = Some(Waiting { stream: self.stream, due, expected, answer: None });
        http2::put(&mut self.output, http2::HEADERS, http2::END_HEADERS, self.stream, &self.headers);
        self.held.push_back(Held { stream: self.stream, message: Arc::clone(&request.message), sent: 0 });
        if self.stream == 1 {
            self.headers = http2::later_headers();
        }
        self.stream += 2;
        self.waiting += 1;
        self.put_what_is_taken();
        true
    }

    /// The oldest first, by what the window has room for.
    fn put_what_is_taken(&mut self) {
        while let Some(Held { stream, message, sent }) = self.held.front_mut()
            && self.window > 0
        {
            let rest = message.get(*sent..).unwrap_or_default();
            let now = rest.len().min(self.window).min(http2::FRAME);
            let flags = if now == rest.len() { http2::END_STREAM } else { 0 };
            http2::put(&mut self.output, http2::DATA, flags, *stream, rest.get(..now).unwrap_or_default());
            self.window -= now;
            *sent += now;
            if flags == http2::END_STREAM {
                self.held.pop_front();
            }
        }
    }

    /// Waits no longer for what was due by then, as Envoy does; how many that were.
    pub(crate) fn give_up(&mut self, then: Instant) -> u32 {
        let mut given_up = 0;
        while self.oldest < self.stream {
            let waiting = place(&mut self.places, self.oldest).map(Option::as_mut);
            if let Some(Some(waiting)) = waiting
                && waiting.stream == self.oldest
            {
                if waiting.due > then {
                    break;
                }
                http2::put(&mut self.output, http2::RST_STREAM, 0, self.oldest, &http2::CANCEL);
                place(&mut self.places, self.oldest).and_then(Option::take);
                self.forget_held(self.oldest);
                self.waiting -= 1;
                given_up += 1;
            }
            self.oldest += 2;
        }
        given_up
    }

    /// Sends as much as the socket takes.
    pub(crate) fn send(&mut self) -> io::Result<()> {
        while let Some(unsent @ [_, ..]) = self.output.get(self.sent..) {
            match self.socket.write(unsent) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(self.said_at_last().err().unwrap_or(error)),
            }
        }
        self.output.clear();
        self.sent = 0;
        Ok(())
    }

    /// Why the server takes nothing more, if it has said so.
    fn said_at_last(&mut self) -> io::Result<()> {
        while self.receive(|_| {})? {}
        Ok(())
    }

    /// Hands on every answer that has come; false where nothing has come.
    pub(crate) fn receive(&mut self, mut answered: impl FnMut(Answer)) -> io::Result<bool> {
        let free = self.input.get_mut(self.filled..).unwrap_or_default();
        match self.socket.read(free) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => self.filled += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        let buffer = std::mem::take(&mut self.input);
        let mut input = buffer.get(..self.filled).unwrap_or_default();
        while let Some(frame) = Frame::take(&mut input) {
            self.frame(&frame, &mut answered)?;
        }
        let (rest, filled) = (input.len(), self.filled);
        self.input = buffer;
        self.input.copy_within(filled - rest..filled, 0);
        self.filled = rest;
        Ok(true)
    }

    fn frame(&mut self, frame: &Frame<'_>, answered: &mut impl FnMut(Answer)) -> io::Result<()> {
        match frame.kind {
            http2::DATA => {
                self.took(frame.payload.len());
                // A late answer is not that of whoever has its place by now.
                if let Some(waiting) = place(&mut self.places, frame.stream).and_then(Option::as_mut)
                    && waiting.stream == frame.stream
                {
                    waiting.answer = waiting.answer.or_else(|| Code::of_message(frame.payload));
                }
                self.end(frame, answered);
            }
            http2::HEADERS => self.end(frame, answered),
            http2::SETTINGS if frame.flags & http2::ACK == 0 => {
                http2::put(&mut self.output, http2::SETTINGS, http2::ACK, 0, &[]);
            }
            http2::PING if frame.flags & http2::ACK == 0 => {
                http2::put(&mut self.output, http2::PING, http2::ACK, 0, frame.payload);
            }
            http2::WINDOW_UPDATE if frame.stream == 0 => {
                self.window += usize::try_from(frame.increment()).unwrap_or_default();
                self.put_what_is_taken();
            }
            // Nobody waits for it, or has its answer, which came before all was said (RFC 9113, section 8.1).
            http2::RST_STREAM => self.end_of(frame.stream, answered),
            http2::GOAWAY => {
                let problem = format!("the server gave up: {:?}", frame.payload.escape_ascii().to_string());
                return Err(io::Error::other(problem));
            }
            _ => {}
        }
        Ok(())
    }

    fn forget_held(&mut self, stream: u32) {
        if let Ok(place) = self.held.binary_search_by_key(&stream, |held| held.stream) {
            self.held.remove(place);
        }
    }

    fn end(&mut self, frame: &Frame<'_>, answered: &mut impl FnMut(Answer)) {
        if frame.flags & http2::END_STREAM != 0 {
            self.end_of(frame.stream, answered);
        }
    }

    fn end_of(&mut self, stream: u32, answered: &mut impl FnMut(Answer)) {
        let place = place(&mut self.places, stream);
        if let Some(waiting) = place.and_then(|place| place.take_if(|waiting| waiting.stream == stream)) {
            self.waiting -= 1;
            // Answered before all was said.
            self.forget_held(stream);
            let Waiting { due, expected, answer: code, .. } = waiting;
            answered(Answer { due, right: code == Some(expected), code });
        }
    }

    /// The window is given back in large pieces, so that it costs the server nothing.
    fn took(&mut self, bytes: usize) {
        self.unacknowledged += u32::try_from(bytes).unwrap_or(u32::MAX);
        if self.unacknowledged >= WINDOW / 2 {
            http2::put(&mut self.output, http2::WINDOW_UPDATE, 0, 0, &self.unacknowledged.to_be_bytes());
            self.unacknowledged = 0;
        }
    }
}

fn place(places: &mut [Option<Waiting>], stream: u32) -> Option<&mut Option<Waiting>> {
    let number = usize::try_from(stream / 2).unwrap_or_default();
    places.get_mut(number % PLACES)
}

/// Sleeps until something has come on one of them.
pub(crate) fn wait(connections: &[Connection]) -> io::Result<()> {
    let mut sockets: Vec<_> =
        connections.iter().map(|connection| PollFd::new(&connection.socket, PollFlags::IN)).collect();
    poll(&mut sockets, None)?;
    Ok(())
}
