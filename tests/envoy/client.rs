//! A client that sends what a test says, byte for byte: any case, any copies, any path.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One HTTP/1.1 request on a connection of its own.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    edge: SocketAddr,
    bytes: Vec<u8>,
    body: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn new(edge: SocketAddr, method: &str, path: &str) -> Self {
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: orders.contoso.example\r\nConnection: close\r\n");
        Self { edge, bytes: head.into_bytes(), body: String::new() }
    }

    /// One more header, after those that are there.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b": ");
        self.bytes.extend_from_slice(value.as_ref());
        self.bytes.extend_from_slice(b"\r\n");
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    pub(crate) fn text(self, body: &str) -> Self {
        let headed = self.header("Content-Type", "application/json");
        Self { body: body.to_owned(), ..headed.header("Content-Length", body.len().to_string()) }
    }

    pub(crate) async fn send(self) -> Answer {
        let mut stream = TcpStream::connect(self.edge).await.unwrap();
        stream.write_all(&self.bytes).await.unwrap();
        stream.write_all(b"\r\n").await.unwrap();
        stream.write_all(self.body.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        Answer::read(&String::from_utf8(received).unwrap())
    }
}

impl Answer {
    /// One that was received by other means.
    pub(crate) fn of(status: u16, body: String) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub(crate) fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.into(), value.into()));
        let answer = Self { status, headers: lines.filter_map(header).collect(), body: body.to_owned() };
        assert_eq!(answer.header("transfer-encoding"), None, "only whole bodies are read here");
        answer
    }

    /// A header, in lower case, as Envoy sends them.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The problem that a denial is answered with.
    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        Problem(self.json())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// An `application/problem+json` document.
#[derive(Debug)]
pub(crate) struct Problem(Value);

impl Problem {
    pub(crate) fn text(&self, member: &str) -> Option<&str> {
        self.0.get(member)?.as_str()
    }

    pub(crate) fn reason(&self) -> &str {
        self.text("reason").unwrap()
    }

    pub(crate) fn decision_id(&self) -> &str {
        self.text("decision_id").unwrap()
    }
}
