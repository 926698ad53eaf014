//! `tokens`

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::scalar::Seconds;
use crate::id::Cloud;

/// What tokens are held against.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokensConfig {
    /// Who may issue them.
    pub issuers: Vec<IssuerConfig>,
    /// Whom they may be for.
    pub audiences: Vec<String>,
    /// Tolerated difference of clocks.
    pub clock_skew: Seconds,
    /// The longest one read.
    pub max_bytes: usize,
    /// Verified ones held.
    pub cache_capacity: u64,
    /// How keys are kept.
    pub keys: KeysConfig,
    /// Signature checks that may wait.
    pub verify_queue: usize,
    /// Whether a token without groups is of somebody without groups.
    pub groups_emitted: bool,
    /// Who verifies.
    pub verification: Verification,
    /// Where Envoy's `jwt_authn` leaves its payload.
    pub verified_payload: Option<String>,
    /// An HTTPS proxy for key fetches.
    pub proxy: Option<String>,
    /// PEM file of another authority to believe in key fetches.
    pub extra_ca: Option<PathBuf>,
}

impl Default for TokensConfig {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            audiences: Vec::new(),
            clock_skew: Seconds::new(60),
            max_bytes: 16384,
            cache_capacity: 100_000,
            keys: KeysConfig::default(),
            verify_queue: 256,
            groups_emitted: false,
            verification: Verification::Signature,
            verified_payload: None,
            proxy: None,
            extra_ca: None,
        }
    }
}

/// One of `tokens.issuers`: the well-known issuers of a cloud, or one by its URI.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// With `{tenantid}` where the tenant's GUID stands.
    #[serde(default)]
    pub issuer: Option<String>,
    /// `file:PATH`, `https://…`, or `http://…` on loopback.
    #[serde(default)]
    pub jwks: Option<String>,
    /// Where its tenants live.
    pub cloud: Cloud,
}

/// `tokens.keys`: of `https:` sources.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeysConfig {
    /// How often they are fetched.
    pub refresh: Seconds,
    /// How long they are believed.
    pub max_age: Seconds,
    /// How soon an unknown key may cause a fetch.
    pub unknown_kid_interval: Seconds,
}

impl Default for KeysConfig {
    fn default() -> Self {
        Self {
            refresh: Seconds::new(3600),
            max_age: Seconds::new(24 * 3600),
            unknown_kid_interval: Seconds::new(300),
        }
    }
}

/// `tokens.verification`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verification {
    /// We do.
    Signature,
    /// The upstream does, for tokens that only it can verify.
    Upstream,
}
