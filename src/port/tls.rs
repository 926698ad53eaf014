//! TLS from files: TLS 1.3, and 1.2 with forward secrecy and AEAD ciphers alone, which is all that rustls has.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

use crate::port::client::{ClientName, NamedClients};

/// `listen.tls.check`, `listen.tls.admin`
#[derive(Debug, Clone)]
pub struct TlsConfig {
    /// PEM file: the port's certificate, then those between it and its authority.
    pub certificate: PathBuf,
    /// PEM file: its key.
    pub key: PathBuf,
    /// PEM file: the authorities of which a client must have a certificate.
    pub client_ca: Option<PathBuf>,
    /// Of which a client's certificate must have one; empty: any will do.
    pub client_names: Box<[ClientName]>,
    /// What is spoken inside (RFC 7301).
    pub alpn: &'static [u8],
}

/// Why there is no TLS. Says nothing of what a key file holds.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file.
    #[error("cannot read `{}`", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// What should be in it.
    #[error("`{}` has no certificate, or no whole one", .0.display())]
    NoCertificate(PathBuf),
    /// What should be in it.
    #[error("`{}` has no private key, or no whole one", .0.display())]
    NoKey(PathBuf),
    /// The two do not belong together, or either cannot be used.
    #[error("the certificate `{}` and the key `{}` cannot be used together", certificate.display(), key.display())]
    Pair {
        /// Where the one is.
        certificate: PathBuf,
        /// Where the other is.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// An authority.
    #[error("an authority in `{}` cannot be used", .0.display())]
    Authority(PathBuf, #[source] rustls::Error),
    /// All of them.
    #[error("the authorities in `{}` cannot be used", .0.display())]
    Authorities(PathBuf, #[source] VerifierBuilderError),
}

/// What the files hold at one moment.
pub(in crate::port) struct Material {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl TlsConfig {
    /// Reads everything and makes what a port needs of it.
    pub fn load(&self) -> Result<ServerConfig, TlsError> {
        self.server(&self.read()?)
    }

    pub(in crate::port) fn read(&self) -> Result<Material, TlsError> {
        let read = |path: &PathBuf| fs::read(path).map_err(|error| TlsError::Read(path.clone(), error));
        Ok(Material {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
            client_ca: self.client_ca.as_ref().map(read).transpose()?,
        })
    }

    pub(in crate::port) fn server(&self, material: &Material) -> Result<ServerConfig, TlsError> {
        let chain = certificates(&self.certificate, &material.certificate)?;
        let key =
            PrivateKeyDer::from_pem_slice(&material.key).map_err(|_| TlsError::NoKey(self.key.clone()))?;
        let pair =
            |source| TlsError::Pair { certificate: self.certificate.clone(), key: self.key.clone(), source };
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(pair)?;
        let builder = match (&self.client_ca, &material.client_ca) {
            (Some(path), Some(authorities)) => {
                builder.with_client_cert_verifier(self.verifier(path, authorities)?)
            }
            (None, _) | (_, None) => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(pair)?;
        config.alpn_protocols = vec![self.alpn.to_vec()];
        // Envoy's connections are few and long; a session taken up again would pass by a changed authority.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    fn verifier(&self, path: &Path, authorities: &[u8]) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let mut roots = RootCertStore::empty();
        for authority in certificates(path, authorities)? {
            roots.add(authority).map_err(|error| TlsError::Authority(path.to_owned(), error))?;
        }
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::new(default_provider()))
                .build()
                .map_err(|error| TlsError::Authorities(path.to_owned(), error))?;
        Ok(NamedClients::among(verifier, &self.client_names))
    }
}

/// Tells one [`Material`] from another; a key is not kept for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::port) struct Fingerprint([Box<[u8]>; 3]);

impl Material {
    pub(in crate::port) fn fingerprint(&self) -> Fingerprint {
        let Self { certificate, key, client_ca } = self;
        let sha256 = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes).as_ref().into();
        Fingerprint([certificate.as_slice(), key, client_ca.as_deref().unwrap_or_default()].map(sha256))
    }
}

/// At least one, and none of them cut short.
fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.ok().filter(|all| !all.is_empty()).ok_or_else(|| TlsError::NoCertificate(path.to_owned()))
}
