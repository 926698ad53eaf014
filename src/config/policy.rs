//! `policy` and `partners`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::scalar::Seconds;

/// `policy`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// What kind of place it is in.
    pub source: SourceKind,
    /// A bundle, a directory of bundles, or the database file.
    pub path: Option<PathBuf>,
    /// The etcd cluster.
    pub etcd: EtcdConfig,
    /// Where the last good policy is kept for a restart without the store.
    pub cache: Option<PathBuf>,
    /// Since the source was last reached; 0 is never.
    pub max_staleness: Seconds,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            source: SourceKind::File,
            path: None,
            etcd: EtcdConfig::default(),
            cache: None,
            max_staleness: Seconds::new(24 * 3600),
        }
    }
}

/// `policy.source`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// JSON files.
    File,
    /// One database file.
    Embedded,
    /// An etcd cluster.
    Etcd,
}

/// `policy.etcd`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EtcdConfig {
    /// URLs of the members.
    pub endpoints: Vec<String>,
    /// Of every key.
    pub prefix: String,
    /// Who we are.
    pub username: Option<String>,
    /// And how we prove it.
    pub password_file: Option<PathBuf>,
    /// How we know them.
    pub tls: Option<EtcdTls>,
}

impl Default for EtcdConfig {
    fn default() -> Self {
        Self {
            endpoints: vec!["http://127.0.0.1:2379".to_owned()],
            prefix: "/tenantgate".to_owned(),
            username: None,
            password_file: None,
            tls: None,
        }
    }
}

/// `policy.etcd.tls`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EtcdTls {
    /// PEM file of the authorities.
    pub ca: Option<PathBuf>,
    /// PEM file.
    pub certificate: Option<PathBuf>,
    /// PEM file.
    pub key: Option<PathBuf>,
}

/// `partners`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PartnersConfig {
    /// Records held.
    pub cache_capacity: u64,
    /// How long.
    pub ttl: Seconds,
    /// How long an absence is believed.
    pub negative_ttl: Seconds,
    /// How long a check may wait for one.
    pub load_timeout: Seconds,
}

impl Default for PartnersConfig {
    fn default() -> Self {
        Self {
            cache_capacity: 100_000,
            ttl: Seconds::new(300),
            negative_ttl: Seconds::new(30),
            load_timeout: Seconds::milliseconds(50),
        }
    }
}
