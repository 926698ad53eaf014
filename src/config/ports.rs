//! From `listen` and `limits` to what a port wants of them.

use crate::config::error::ConfigError;
use crate::config::{Config, Tls};
use crate::port::{Address, ClientName, Limits, TlsConfig};
use crate::telemetry::Port;

/// How a port is opened.
#[derive(Debug)]
pub struct PortConfig {
    /// Where.
    pub address: Address,
    /// Its TLS.
    pub tls: Option<TlsConfig>,
    /// Bounds on connections.
    pub limits: Limits,
    /// `listen.reuse_port`
    pub reuse_port: bool,
}

/// Operators' tools and a scraper or two.
const ADMIN_CONNECTIONS: usize = 64;

impl Config {
    pub(in crate::config) fn port(&self, port: Port) -> Result<PortConfig, ConfigError> {
        let (listen, limits) = (&self.listen, &self.limits);
        let (address, tls, alpn, max_connections) = match port {
            Port::Check => (&listen.check, &listen.tls.check, &b"h2"[..], limits.max_connections),
            Port::Admin => (&listen.admin, &listen.tls.admin, &b"http/1.1"[..], ADMIN_CONNECTIONS),
        };
        Ok(PortConfig {
            address: match address {
                Address::Unix(path) => Address::Unix(self.path(path)),
                Address::Tcp(_) => address.clone(),
            },
            tls: tls.as_ref().map(|tls| self.tls(port, tls, alpn)).transpose()?,
            limits: Limits {
                max_connections,
                handshake_timeout: limits.handshake_timeout.duration(),
                drain: limits.drain.duration(),
            },
            reuse_port: listen.reuse_port,
        })
    }

    fn tls(&self, port: Port, tls: &Tls, alpn: &'static [u8]) -> Result<TlsConfig, ConfigError> {
        let Tls { certificate, key, client_ca, client_san } = tls;
        let at = |member: &str| format!("listen.tls.{}.{member}", port.word());
        if client_ca.is_none() && !client_san.is_empty() {
            let problem = "names of clients mean nothing without `client_ca`, which vouches for them";
            return Err(ConfigError::key(at("client_san"), problem));
        }
        let names = client_san.iter().enumerate().map(|(index, name)| {
            let problem = "a URI such as `spiffe://contoso.example/envoy`, or a DNS name without wildcards";
            ClientName::parse(name)
                .ok_or_else(|| ConfigError::key(at(&format!("client_san[{index}]")), problem))
        });
        Ok(TlsConfig {
            certificate: self.path(certificate),
            key: self.path(key),
            client_ca: client_ca.as_deref().map(|path| self.path(path)),
            client_names: names.collect::<Result<_, _>>()?,
            alpn,
        })
    }
}
