//! Which certificate somebody shows.

use std::sync::Arc;

use tenantgate::port::Address;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::authority::{Authority, Pair};

/// The serial number of what `gate` shows to `client`; None, if either does not like what it is shown.
pub(crate) async fn shown_by(gate: &Address, authority: &Authority, client: &Pair) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots.add(der(&authority.pem)).unwrap();
    let key = PrivateKeyDer::from_pem_slice(client.key.as_bytes()).unwrap();
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![der(&client.certificate)], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let Address::Tcp(address) = gate else { panic!("{gate} is no TCP port") };
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    // In TLS 1.3 a client learns only afterwards that it is not wanted.
    stream.read_u8().await.ok()?;
    let (_, session) = stream.get_ref();
    Some(number(session.peer_certificates()?.first()?))
}

/// The serial number of a certificate in PEM, as Envoy writes it.
pub(crate) fn serial(pem: &str) -> String {
    number(&der(pem))
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// A certificate begins with two sequences, whose lengths take two bytes here, the version and this number (RFC 5280,
/// section 4.1).
fn number(certificate: &CertificateDer<'_>) -> String {
    let [0x30, 0x82, _, _, 0x30, 0x82, _, _, 0xa0, 3, 2, 1, 2, 2, length, rest @ ..] = certificate.as_ref()
    else {
        panic!("{certificate:?}")
    };
    // A zero before it says that it is not negative.
    let digits = rest[..usize::from(*length)].iter().skip_while(|byte| **byte == 0);
    digits.map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
