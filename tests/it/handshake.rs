//! What a TLS handshake comes to, and how long it may take.

use std::sync::Arc;

use serde_json::json;
use tenantgate::port::TlsConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConnection, HandshakeKind};

use crate::authority::Authority;
use crate::patience::within;
use crate::raw::{Raw, reason, tcp};
use crate::tls::{Connector, ONE_THREE, ONE_TWO, connected, internal, within_limits, world};

/// As README.md has them.
const CIPHER_SUITES: [&str; 9] = [
    "TLS13_AES_256_GCM_SHA384",
    "TLS13_AES_128_GCM_SHA256",
    "TLS13_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];
const KEY_EXCHANGE: [&str; 4] = ["X25519", "secp256r1", "secp384r1", "X25519MLKEM768"];

#[test]
fn a_port_agrees_to_the_ciphers_and_key_exchanges_that_are_stated_and_to_no_others() {
    let world = world(&Authority::new(), &json!({}));
    let config = TlsConfig {
        certificate: world.path("tls.pem"),
        key: world.path("tls.key"),
        client_ca: None,
        client_names: Box::default(),
        alpn: b"h2",
    };
    let config = config.load().unwrap();
    let provider = config.crypto_provider();
    let suites: Vec<_> = provider.cipher_suites.iter().map(|known| format!("{:?}", known.suite())).collect();
    let exchanges: Vec<_> = provider.kx_groups.iter().map(|known| format!("{:?}", known.name())).collect();
    assert_eq!(
        (&*suites, &*exchanges),
        (&CIPHER_SUITES.map(String::from)[..], &KEY_EXCHANGE.map(String::from)[..])
    );
}

/// A client's first message, of the version 3.`minor`, with one cipher suite that is known to TLS 1.2.
fn hello(minor: u8) -> Vec<u8> {
    let extensions = [
        // supported_groups: secp256r1
        &[0, 10, 0, 4, 0, 2, 0, 23][..],
        // signature_algorithms: ecdsa_secp256r1_sha256
        &[0, 13, 0, 4, 0, 2, 4, 3],
        // application_layer_protocol_negotiation: h2
        &[0, 16, 0, 5, 0, 3, 2, b'h', b'2'],
    ]
    .concat();
    let body = [
        &[3, minor][..],
        &[7; 32],
        // No session; TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; no compression.
        &[0, 0, 2, 0xc0, 0x2b, 1, 0],
        &u16::try_from(extensions.len()).unwrap().to_be_bytes(),
        &extensions,
    ]
    .concat();
    let length = |more: usize| u16::try_from(body.len() + more).unwrap().to_be_bytes();
    [&[22, 3, 1][..], &length(4), &[1, 0], &length(0), &body].concat()
}

#[tokio::test]
async fn whoever_knows_no_later_version_than_one_one_is_refused() {
    let app = world(&Authority::new(), &json!({})).ready().await;
    let mut answers = Vec::new();
    for minor in [3, 2] {
        let mut stream = TcpStream::connect(tcp(&app.check)).await.unwrap();
        stream.write_all(&hello(minor)).await.unwrap();
        let mut answer = [0; 7];
        within("an answer to the first message", stream.read_exact(&mut answer)).await.unwrap();
        answers.push(answer);
    }
    let [one_two, one_one] = *answers else { panic!("{answers:?}") };
    assert_eq!((one_two[0], one_two[5]), (22, 2), "no ServerHello: {one_two:?}");
    // Fatal: protocol_version.
    assert_eq!(one_one, [21, 3, 3, 0, 2, 2, 70]);
}

#[tokio::test]
async fn whoever_comes_again_proves_again_who_it_is() {
    let authority = Authority::new();
    let app = world(&authority, &json!({})).ready().await;
    for versions in [ONE_THREE, ONE_TWO] {
        // It keeps every session that it is offered.
        let config = Arc::new(Connector::of(&authority).speaking(versions).config());
        for _ in 0..3 {
            let stream = connected(&config, &app).await.unwrap();
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full), "{versions:?}");
            let mut raw = Raw::over(stream).await.unwrap();
            assert_eq!(reason(&raw.check(&internal()).await.unwrap()), "allow");
        }
    }
}

#[tokio::test]
async fn a_handshake_that_stands_still_is_cut_off() {
    let authority = Authority::new();
    let app = within_limits(&authority, &json!({"handshake_timeout": "200ms"})).ready().await;
    let client = Arc::new(Connector::of(&authority).config());
    let mut hello = Vec::new();
    let name = ServerName::try_from("localhost").unwrap();
    ClientConnection::new(Arc::clone(&client), name).unwrap().write_tls(&mut hello).unwrap();
    for (sent, what) in [
        (&hello[..0], "nothing"),
        (&hello[..hello.len() / 2], "half of the first message"),
        // It is answered, and then nothing follows.
        (&hello[..], "the first message"),
    ] {
        let mut stream = TcpStream::connect(tcp(&app.check)).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut answer = Vec::new();
        let ended = within("the end", stream.read_to_end(&mut answer)).await;
        assert_eq!((ended.is_ok(), answer.is_empty()), (true, sent.len() < hello.len()), "{what}");
    }
    // The time is for all that comes before HTTP/2.
    let mut silent = connected(&client, &app).await.unwrap();
    let _cut_off = within("the end", silent.read_to_end(&mut Vec::new())).await;
    assert!(Connector::of(&authority).served(&app).await);
}
