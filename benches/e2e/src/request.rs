//! The checks: what Envoy sends for a request of a browser's, with a token of its own for each caller.

use std::collections::HashMap;
use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{Address, Metadata, SocketAddress, address};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{self, HttpRequest, Peer};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use envoy_types::pb::google::protobuf::Timestamp;
use prost::Message as _;

/// One check, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Whose it is.
    pub(crate) token: String,
    /// As generated types have it.
    pub(crate) check: CheckRequest,
    /// The same as a gRPC message: five bytes of prefix, then protobuf.
    pub(crate) message: Arc<[u8]>,
    /// The request that a browser sends to Envoy, by HTTP/1.1.
    pub(crate) http1: Vec<u8>,
    /// What tenantgate must answer.
    pub(crate) expected: Code,
}

/// The `google.rpc.Code` of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u8);

impl Code {
    /// The request may go on.
    pub(crate) const OK: Self = Self(0);
    /// It may not.
    pub(crate) const PERMISSION_DENIED: Self = Self(7);
    /// The service is not able to say.
    pub(crate) const UNAVAILABLE: Self = Self(14);
    /// Nobody knows whose it is.
    pub(crate) const UNAUTHENTICATED: Self = Self(16);

    /// Reads no more of a `CheckResponse` than its first field, `status`, and of that the first, `code`, so that
    /// every answer can be judged while time is measured.
    pub(crate) fn of_message(message: &[u8]) -> Option<Self> {
        match message {
            [0, _, _, _, _, 0x0a, 0, ..] => Some(Self::OK),
            [0, _, _, _, _, 0x0a, _, 0x08, code @ 0..0x80, ..] => Some(Self(*code)),
            _ => None,
        }
    }
}

impl Request {
    /// The check of a request with this token.
    pub(crate) fn new(token: &str, expected: Code) -> Self {
        let check = check(token);
        let frame = check.encode_to_vec();
        let mut message = vec![0];
        message.extend_from_slice(&u32::try_from(frame.len()).unwrap_or(u32::MAX).to_be_bytes());
        message.extend_from_slice(&frame);
        Self { token: token.to_owned(), check, message: message.into(), http1: http1(token), expected }
    }
}

fn check(token: &str) -> CheckRequest {
    let http = HttpRequest {
        id: "1274089346517243".to_owned(),
        method: "GET".to_owned(),
        headers: headers(token),
        path: PATH.to_owned(),
        host: HOST.to_owned(),
        scheme: "https".to_owned(),
        protocol: "HTTP/2".to_owned(),
        ..HttpRequest::default()
    };
    let request = attribute_context::Request {
        time: Some(Timestamp { seconds: 1_795_000_000, nanos: 123_456_000 }),
        http: Some(http),
    };
    let attributes = AttributeContext {
        source: Some(peer("10.0.12.34", 51234)),
        destination: Some(peer("10.0.7.8", 8443)),
        request: Some(request),
        context_extensions: HashMap::from([("application".to_owned(), crate::fixtures::AUDIENCE.to_owned())]),
        metadata_context: Some(Metadata::default()),
        ..AttributeContext::default()
    };
    CheckRequest { attributes: Some(attributes) }
}

/// The same headers, without those that HTTP/2 or Envoy made.
fn http1(token: &str) -> Vec<u8> {
    let mut text = format!("GET {PATH} HTTP/1.1\r\nhost: {HOST}\r\n");
    for (name, value) in headers(token) {
        if !name.starts_with([':', 'x']) && name != "te" {
            text.extend([&name, ": ", &value, "\r\n"]);
        }
    }
    text.push_str("\r\n");
    text.into_bytes()
}

const PATH: &str = "/v1/orders?status=open&page=3";
const HOST: &str = "orders.contoso.example";

/// Twenty, as a browser sends them and Envoy adds to them.
fn headers(token: &str) -> HashMap<String, String> {
    let bearer = format!("Bearer {token}");
    let headers = [
        (":authority", HOST),
        (":method", "GET"),
        (":path", PATH),
        (":scheme", "https"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip, br"),
        ("accept-language", "en-GB,en;q=0.9"),
        ("authorization", &bearer),
        ("cache-control", "no-cache"),
        ("dnt", "1"),
        ("priority", "u=1, i"),
        ("sec-fetch-dest", "empty"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-site", "same-site"),
        ("te", "trailers"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"),
        ("x-envoy-external-address", "203.0.113.7"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "8a1f6f3e-1f0c-4b36-9d5a-0c1d2e3f4a5b"),
    ];
    headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn peer(address: &str, port: u32) -> Peer {
    let socket = SocketAddress {
        address: address.to_owned(),
        port_specifier: Some(PortSpecifier::PortValue(port)),
        ..SocketAddress::default()
    };
    Peer {
        address: Some(Address { address: Some(address::Address::SocketAddress(socket)) }),
        ..Peer::default()
    }
}
