//! `listen`

use std::path::PathBuf;

use serde::Deserialize;

use crate::port::Address;

/// `listen`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// The check port.
    pub check: Address,
    /// Health, readiness, metrics.
    pub admin: Address,
    /// TLS on either.
    pub tls: ListenTls,
    /// Whether a second process may open the same ports, so that it can take over before the first one stops.
    pub reuse_port: bool,
}

impl Default for Listen {
    fn default() -> Self {
        let local = |port| Address::Tcp(([127, 0, 0, 1], port).into());
        Self { check: local(9191), admin: local(9192), tls: ListenTls::default(), reuse_port: false }
    }
}

/// `listen.tls`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenTls {
    /// On the check port.
    pub check: Option<Tls>,
    /// On the admin port.
    pub admin: Option<Tls>,
}

/// TLS on a port.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file.
    pub certificate: PathBuf,
    /// PEM file.
    pub key: PathBuf,
    /// PEM file of the authorities that client certificates must come from.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
    /// URIs and DNS names of which a client certificate must have one.
    #[serde(default)]
    pub client_san: Vec<String>,
}
