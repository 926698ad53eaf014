//! What `/readyz` says.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

/// The whole report.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether the service is, and not stopping.
    pub ready: bool,
    /// The policy.
    pub policy: PolicyState,
    /// The issuers' keys.
    pub keys: Vec<KeysState>,
    /// Where the policy comes from.
    pub store: StoreState,
    /// The ports' certificates.
    pub certificates: Vec<CertificatesState>,
    /// Whether the config file differs from what runs, so that a restart would change something.
    pub restart_needed: bool,
}

/// The policy.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyState {
    /// Of the policy that decisions are made on.
    pub revision: Option<String>,
    /// Seconds since its source was last reached.
    pub age_seconds: i64,
    /// When it was applied, in Unix seconds.
    pub applied_at: i64,
    /// What was refused since.
    pub rejected: Option<String>,
}

/// Where the policy comes from.
#[derive(Debug, Clone, Serialize)]
pub struct StoreState {
    /// Why it cannot be read now.
    pub problem: Option<String>,
}

/// One issuer's keys.
#[derive(Debug, Clone, Serialize)]
pub struct KeysState {
    /// Whose.
    pub issuer: String,
    /// Whether tokens of this issuer can be verified.
    pub usable: bool,
}

/// The certificates of a port that has TLS.
#[derive(Debug, Clone, Serialize)]
pub struct CertificatesState {
    /// Which.
    pub port: &'static str,
    /// Why the files cannot be used now, so that what they held before is still in use.
    pub problem: Option<String>,
}

/// Ready once everything is known, and then until shutdown: if staleness could undo it, all replicas would leave
/// at once, and silence is worse than a denial.
#[derive(Debug, Default)]
pub struct Readiness {
    ready: AtomicBool,
    stopping: AtomicBool,
}

impl Readiness {
    /// Everything is known.
    pub fn reached(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether to send requests here.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) && !self.stopping.load(Ordering::Acquire)
    }
}
