//! Somebody else's hosts: one server that answers to every name, and the name service that leads to it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::client::Answer;

/// What reached it, head by head.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct Reached {
    /// None without TLS.
    pub(crate) sni: Option<String>,
    pub(crate) line: String,
    /// In the order and spelling of the wire.
    pub(crate) headers: Vec<(String, String)>,
}

impl Reached {
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let of_name = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_str()).collect()
    }
}

pub(crate) struct Origin {
    pub(crate) secure: SocketAddr,
    pub(crate) plain: SocketAddr,
    pub(crate) names: SocketAddr,
    /// The authority that every name of the outside is certified by.
    pub(crate) authority: (CertificateDer<'static>, String),
    requests: Arc<Mutex<Vec<Reached>>>,
    asked_for: Arc<Mutex<Vec<String>>>,
}

/// The names that the server proves.
const NAMES: [&str; 6] = [
    "login.microsoftonline.com",
    "login.live.com",
    "graph.microsoft.com",
    "www.example.com",
    "*.example.com",
    "xlogin.microsoftonline.com",
];

impl Origin {
    pub(crate) async fn start() -> Self {
        Self::proving(&NAMES).await
    }

    /// A server that proves these names.
    pub(crate) async fn proving(names: &[&str]) -> Self {
        let (authority, config) = certified(names);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let secure = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let plain = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let service = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let asked_for = Arc::new(Mutex::new(Vec::new()));
        let started = Self {
            secure: secure.local_addr().unwrap(),
            plain: plain.local_addr().unwrap(),
            names: service.local_addr().unwrap(),
            authority,
            requests: Arc::clone(&requests),
            asked_for: Arc::clone(&asked_for),
        };
        tokio::spawn(resolve(service, asked_for));
        let reached = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (stream, _) = plain.accept().await.unwrap();
                tokio::spawn(answer(stream, None, Arc::clone(&reached)));
            }
        });
        tokio::spawn(async move {
            loop {
                let (stream, _) = secure.accept().await.unwrap();
                let (acceptor, requests) = (acceptor.clone(), Arc::clone(&requests));
                tokio::spawn(async move {
                    // Whoever does not believe the certificate hangs up.
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let sni = stream.get_ref().1.server_name().unwrap_or_default().to_owned();
                    answer(stream, Some(sni), requests).await;
                });
            }
        });
        started
    }

    pub(crate) fn requests(&self) -> Vec<Reached> {
        self.requests.lock().unwrap().clone()
    }

    /// Names that the proxy looked up.
    pub(crate) fn asked_for(&self) -> Vec<String> {
        self.asked_for.lock().unwrap().clone()
    }
}

fn certified(names: &[&str]) -> ((CertificateDer<'static>, String), ServerConfig) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Whoever has its issuer's name has signed itself.
    params.distinguished_name.push(DnType::CommonName, "the outside");
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    let authority = (authority.der().clone(), authority.pem());
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let chain = vec![certificate.der().clone()];
    (authority, ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap())
}

/// One request for each connection; tells what it was.
async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    sni: Option<String>,
    requests: Arc<Mutex<Vec<Reached>>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let split = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let reached = Reached { sni, line, headers: lines.filter_map(split).collect() };
    let body = json!({"sni": reached.sni, "line": reached.line, "headers": reached.headers}).to_string();
    requests.lock().unwrap().push(reached);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _client_may_be_gone = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _client_may_be_gone = stream.shutdown().await;
}

/// Every name is 127.0.0.1, and no name has another address.
async fn resolve(service: UdpSocket, asked_for: Arc<Mutex<Vec<String>>>) {
    let mut query = [0; 512];
    loop {
        let (length, from) = service.recv_from(&mut query).await.unwrap();
        let query = &query[..length];
        // The header is 12 bytes; the name is labels with their lengths before them; type and class follow.
        let (mut at, mut labels) = (12, Vec::new());
        while query[at] != 0 {
            let end = at + 1 + usize::from(query[at]);
            labels.push(String::from_utf8_lossy(&query[at + 1..end]).into_owned());
            at = end;
        }
        let question = &query[12..at + 5];
        let wants_ipv4 = query[at + 1..at + 3] == [0, 1];
        let mut reply =
            [&query[..2], &[0x81, 0x80, 0, 1, 0, u8::from(wants_ipv4), 0, 0, 0, 0], question].concat();
        if wants_ipv4 {
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
        }
        asked_for.lock().unwrap().push(labels.join("."));
        service.send_to(&reply, from).await.unwrap();
    }
}
