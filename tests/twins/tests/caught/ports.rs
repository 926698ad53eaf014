//! What the port itself refuses, or must answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tenantgate::port::{ClientName, TlsConfig};
use tokio::runtime::Runtime;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::Rule;
use crate::authority::{Authority, Pair};
use crate::harness::bundles::base;
use crate::harness::{Asked, L, World, signer};
use crate::raw::{Raw, framed, reason};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "a message with a flag is denied",
        holds: |runtime| runtime.block_on(malformed(|message| [&[1], &message[1..]].concat())),
    },
    Rule {
        name: "a message and more are denied",
        // A field that nobody knows: the whole would be a request.
        holds: |runtime| runtime.block_on(malformed(|message| [message, &[0x7a, 1, 0]].concat())),
    },
    Rule {
        name: "a call whose message never comes is answered in time",
        holds: |runtime| runtime.block_on(late_is_answered()),
    },
    Rule {
        name: "a client of another authority or name is not let in",
        holds: |runtime| {
            let (own, other) = (Authority::new(), Authority::new());
            !lets_in(&own, &other.client(&[NAME]), runtime)
                && !lets_in(&own, &own.client(&["spiffe://contoso.example/other"]), runtime)
                && lets_in(&own, &own.client(&[NAME]), runtime)
        },
    },
    Rule {
        name: "a SPIFFE certificate has one URI",
        holds: |runtime| {
            let own = Authority::new();
            !lets_in(&own, &own.client(&[NAME, "spiffe://contoso.example/other"]), runtime)
        },
    },
];

const NAME: &str = "spiffe://contoso.example/envoy";

fn asked() -> Asked {
    Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders"})))
}

async fn malformed(change: impl FnOnce(&[u8]) -> Vec<u8>) -> bool {
    let app = World::new(&json!({}), &base()).ready().await;
    let mut raw = Raw::to(&app.check).await;
    let mut call = raw.begin(&[]).await.unwrap();
    call.send(&change(&framed(&asked())), true).unwrap();
    call.answer().await.is_ok_and(|answer| reason(&answer) == "request_malformed")
}

async fn late_is_answered() -> bool {
    let app = World::new(&json!({}), &base()).ready().await;
    let mut raw = Raw::to(&app.check).await;
    let call = raw.begin(&[("grpc-timeout", "50m")]).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), call.answer()).await.is_ok()
}

/// Whether a handshake succeeds, on both sides.
fn lets_in(authority: &Authority, client: &Pair, runtime: &Runtime) -> bool {
    let server = Arc::new(server(authority));
    let connector = TlsConnector::from(Arc::new(connecting(authority, client)));
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let name = ServerName::try_from("localhost").unwrap();
    runtime.block_on(async {
        let (accepted, _) =
            tokio::join!(TlsAcceptor::from(server).accept(ours), connector.connect(name, theirs));
        accepted.is_ok()
    })
}

fn server(authority: &Authority) -> ServerConfig {
    let directory = tempfile::tempdir().unwrap();
    let pair = authority.server();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let config = TlsConfig {
        certificate: file("tls.pem", &pair.certificate),
        key: file("tls.key", &pair.key),
        client_ca: Some(file("ca.pem", &authority.pem)),
        client_names: [ClientName::parse(NAME).unwrap()].into(),
        alpn: b"h2",
    };
    config.load().unwrap()
}

fn connecting(authority: &Authority, client: &Pair) -> ClientConfig {
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(der(&authority.pem)).unwrap();
    let key = PrivateKeyDer::from_pem_slice(client.key.as_bytes()).unwrap();
    ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![der(&client.certificate)], key)
        .unwrap()
}
