//! Which clients may connect: those with a certificate of a configured authority and, where names are given, one of
//! these names in it. Common names count for nothing (RFC 9525, section 2).

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
};
use webpki::EndEntityCert;

/// One `client_san`: a URI, compared byte by byte, or a DNS name, in any case and without wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientName {
    /// Such as `spiffe://contoso.example/ns/edge/sa/envoy`.
    Uri(Box<str>),
    /// Such as `envoy.edge.contoso.example`.
    Dns(Box<str>),
}

impl ClientName {
    /// A URI is what has a scheme; None for what is neither.
    pub fn parse(name: &str) -> Option<Self> {
        let printable = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable {
            return None;
        }
        if let Some((scheme, rest)) = name.split_once("://") {
            return (!scheme.is_empty() && !rest.is_empty()).then(|| Self::Uri(name.into()));
        }
        let dns = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        name.bytes().all(dns).then(|| Self::Dns(name.to_ascii_lowercase().into()))
    }

    fn is_of(&self, certificate: &EndEntityCert<'_>) -> bool {
        match self {
            // A SPIFFE certificate has exactly one URI; whoever has several is nobody (X509-SVID, section 2).
            Self::Uri(own) if own.starts_with("spiffe://") => {
                let mut uris = certificate.valid_uri_names();
                uris.next() == Some(own) && uris.next().is_none()
            }
            Self::Uri(own) => certificate.valid_uri_names().any(|uri| uri == &**own),
            Self::Dns(own) => certificate.valid_dns_names().any(|name| name.eq_ignore_ascii_case(own)),
        }
    }
}

/// Those of another verifier's clients who have one of the names.
#[derive(Debug)]
pub(in crate::port) struct NamedClients {
    verifier: Arc<dyn ClientCertVerifier>,
    names: Box<[ClientName]>,
}

impl NamedClients {
    /// Without names: all of them.
    pub(in crate::port) fn among(
        verifier: Arc<dyn ClientCertVerifier>,
        names: &[ClientName],
    ) -> Arc<dyn ClientCertVerifier> {
        if names.is_empty() { verifier } else { Arc::new(Self { verifier, names: names.into() }) }
    }
}

impl ClientCertVerifier for NamedClients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.verifier.verify_client_cert(end_entity, intermediates, now)?;
        let certificate = EndEntityCert::try_from(end_entity)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        if self.names.iter().any(|name| name.is_of(&certificate)) {
            Ok(verified)
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }

    fn offer_client_auth(&self) -> bool {
        self.verifier.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }
}
