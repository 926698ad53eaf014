//! An authority of the test's own, and certificates that it vouches for.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
};

/// Made anew for each test.
pub(crate) struct Authority {
    /// Its own certificate.
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, each in PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Whoever is called like their issuer has signed for themselves, to BoringSSL.
        params.distinguished_name.push(DnType::CommonName, "An authority of the test");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A server's, for `localhost`.
    pub(crate) fn server(&self) -> Pair {
        self.pair(CertificateParams::new(["localhost".to_owned()]).unwrap())
    }

    /// A client's, with these names: URIs, or DNS names.
    pub(crate) fn client(&self, names: &[&str]) -> Pair {
        let mut params = CertificateParams::new([]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        // A common name is no name.
        params.distinguished_name.push(DnType::CommonName, "envoy.contoso.example");
        params.subject_alt_names = names
            .iter()
            .map(|name| {
                let text = (*name).try_into().unwrap();
                if name.contains("://") { SanType::URI(text) } else { SanType::DnsName(text) }
            })
            .collect();
        self.pair(params)
    }

    fn pair(&self, mut params: CertificateParams) -> Pair {
        // All authorities here have one name; whose certificate it is, BoringSSL tells by the key's.
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}
