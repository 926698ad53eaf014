//! A client behind the forward proxy: CONNECT, and inside whatever a test says.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::client::Answer;

/// One request through the proxy, on a connection of its own.
#[derive(Debug, Clone)]
pub(crate) struct Tunnel {
    proxy: SocketAddr,
    /// What CONNECT names.
    connect: String,
    /// What TLS names; nothing for a client that leaves it out.
    sni: Option<String>,
    trusts: CertificateDer<'static>,
    line: String,
    host: String,
    headers: Vec<(String, String)>,
}

/// Why there was no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// CONNECT was answered with this status.
    Connect(u16),
    /// The tunnel was closed before TLS was up, or the certificate is not one that the client trusts.
    Tls,
    /// The tunnel was closed without an answer.
    Closed,
}

impl Tunnel {
    /// As browsers do it: one name everywhere.
    pub(crate) fn to(proxy: SocketAddr, name: &str, trusts: &CertificateDer<'static>) -> Self {
        Self {
            proxy,
            connect: format!("{name}:443"),
            sni: Some(name.to_owned()),
            trusts: trusts.clone(),
            line: "GET / HTTP/1.1".to_owned(),
            host: name.to_owned(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn connect(self, name: &str) -> Self {
        Self { connect: name.to_owned(), ..self }
    }

    pub(crate) fn sni(self, name: Option<&str>) -> Self {
        Self { sni: name.map(ToOwned::to_owned), ..self }
    }

    pub(crate) fn host(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    pub(crate) fn path(self, path: &str) -> Self {
        self.line(&format!("GET {path} HTTP/1.1"))
    }

    pub(crate) fn line(self, line: &str) -> Self {
        Self { line: line.to_owned(), ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) async fn send(self) -> Result<Answer, Refused> {
        let stream = self.opened().await?;
        let mut roots = RootCertStore::empty();
        roots.add(self.trusts.clone()).unwrap();
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.enable_sni = self.sni.is_some();
        let name = self.sni.clone().unwrap_or_else(|| self.host.clone());
        let name = ServerName::try_from(name).unwrap();
        let tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        self.ask(tls.map_err(|_| Refused::Tls)?).await
    }

    /// Without any TLS inside.
    pub(crate) async fn send_plain(self) -> Result<Answer, Refused> {
        let stream = self.opened().await?;
        self.ask(stream).await
    }

    /// How many bytes answer a TLS greeting whose name is this, whatever it is.
    pub(crate) async fn greeted(self, name: &str) -> usize {
        let config =
            ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        // A name of the same length, which a TLS library writes.
        let stand_in = format!("{}.b", "a".repeat(name.len().max(3) - 2));
        let named = ServerName::try_from(stand_in.clone()).unwrap();
        let mut greeting = Vec::new();
        ClientConnection::new(Arc::new(config), named).unwrap().write_tls(&mut greeting).unwrap();
        let found = greeting.windows(stand_in.len()).position(|bytes| bytes == stand_in.as_bytes()).unwrap();
        if name.is_empty() {
            // As many bytes, none of which is in any name.
            greeting[found..found + stand_in.len()].fill(b' ');
        } else {
            greeting[found..found + name.len()].copy_from_slice(name.as_bytes());
        }
        let mut stream = self.opened().await.unwrap();
        stream.write_all(&greeting).await.unwrap();
        let mut first = [0; 16];
        // Closed with or without a goodbye.
        stream.read(&mut first).await.unwrap_or_default()
    }

    async fn opened(&self) -> Result<TcpStream, Refused> {
        let mut stream = TcpStream::connect(self.proxy).await.unwrap();
        let connect = format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", self.connect);
        stream.write_all(connect.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return Err(Refused::Closed) };
            head.push(byte);
        }
        let status = String::from_utf8(head).unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        if status == 200 { Ok(stream) } else { Err(Refused::Connect(status)) }
    }

    async fn ask(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<Answer, Refused> {
        let headers =
            self.headers.iter().fold(String::new(), |all, (name, value)| format!("{all}{name}: {value}\r\n"));
        let request = format!("{}\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n", self.line, self.host);
        stream.write_all(request.as_bytes()).await.map_err(|_| Refused::Closed)?;
        let mut received = Vec::new();
        // A peer that ends TLS without a goodbye has answered all the same.
        let _ended = stream.read_to_end(&mut received).await;
        if received.is_empty() {
            Err(Refused::Closed)
        } else {
            Ok(Answer::read(&String::from_utf8(received).unwrap()))
        }
    }
}
