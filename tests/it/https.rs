//! Keys over HTTPS: by an authority of the organisation's own, and through its proxy.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::authority::Authority;
use crate::harness::{Asked, Client, KeyServer, L, World, one_issuer, signer};

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            // Whoever does not believe the certificate hangs up.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The key server, over TLS; gives the port.
async fn serve(authority: &Authority) -> u16 {
    let pair = authority.server();
    let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tls = Tls { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
    let router = KeyServer::start().await.router();
    tokio::spawn(async move { axum::serve(tls, router).await });
    port
}

/// A forward proxy that counts its tunnels.
async fn proxy() -> (SocketAddr, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tunnels = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tunnels);
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut client = BufReader::new(client);
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    client.read_line(&mut head).await.unwrap();
                }
                let target = head.strip_prefix("CONNECT localhost:").unwrap().split(' ').next().unwrap();
                let mut server = TcpStream::connect(format!("127.0.0.1:{target}")).await.unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                drop(copy_bidirectional(&mut client, &mut server).await);
            });
        }
    });
    (address, tunnels)
}

async fn decides(world: &World) {
    let app = world.ready().await;
    let token = signer().mint(&json!({"tid": L, "aud": "api://orders"}));
    let decision = Client::connect(&app.check).decide(&Asked::with_token(&token)).await;
    assert_eq!(decision["effect"], "allow");
}

#[tokio::test]
async fn keys_come_from_whom_the_extra_authority_vouches_for_and_from_nobody_else() {
    let authority = Authority::new();
    let keys = json!({"jwks": format!("https://localhost:{}/keys", serve(&authority).await)});
    let world = one_issuer(&keys, &json!({"extra_ca": "ca.pem"}));
    world.write("ca.pem", &authority.pem);
    decides(&world).await;

    world.write("ca.pem", &Authority::new().pem);
    let app = world.start().await;
    let token = signer().mint(&json!({"tid": L, "aud": "api://orders"}));
    let decision = Client::connect(&app.check).decide(&Asked::with_token(&token)).await;
    assert_eq!(decision["reason"], "keys_unavailable");
}

#[tokio::test]
async fn keys_come_through_the_configured_proxy() {
    let authority = Authority::new();
    let keys = json!({"jwks": format!("https://localhost:{}/keys", serve(&authority).await)});
    let (proxy, tunnels) = proxy().await;
    let world = one_issuer(&keys, &json!({"extra_ca": "ca.pem", "proxy": format!("http://{proxy}")}));
    world.write("ca.pem", &authority.pem);
    decides(&world).await;
    assert_eq!(tunnels.load(Ordering::Relaxed), 1);
}
