//! The scene of a run: a directory with policy, keys and configuration, and the checks of a thousand callers.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;
use tenantgate::source::{Embedded, Plan, Store as _, records_of};
use tenantgate::telemetry::unix_now;
use tenantgate::token::DevelopmentIssuer;

use crate::fixtures::id::{APPLICATION, TENANT};
use crate::fixtures::{AUDIENCE, Caller, Stance, bundle, claims, guests_for_mfa};
use crate::request::{Code, Request};

/// Records of partners in the policy.
pub(crate) const PARTNERS: u32 = 10_000;
/// Callers, each with one token.
pub(crate) const CALLERS: usize = 1000;
/// One caller in so many is refused.
const ONE_REFUSED_IN: usize = 10;

/// What servers and generator share; its directory goes when it is dropped.
pub(crate) struct Scene {
    directory: TempDir,
    pub(crate) requests: Vec<Request>,
}

impl Scene {
    /// Writes the files and signs the tokens.
    pub(crate) fn set() -> anyhow::Result<Self> {
        Self::sized(PARTNERS)
    }

    /// The same with so many partners.
    pub(crate) fn sized(partners: u32) -> anyhow::Result<Self> {
        Self::new(&bundle(partners, &[guests_for_mfa()]), partners)
    }

    /// The same with another policy.
    pub(crate) fn of(policy: &str) -> anyhow::Result<Self> {
        Self::new(policy, PARTNERS)
    }

    fn new(policy: &str, partners: u32) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let issuer = DevelopmentIssuer::keygen(directory.path())?;
        fs::write(directory.path().join("policy.json"), policy)?;
        let config = config(&json!({"path": "policy.json"}));
        fs::write(directory.path().join("config.json"), config.to_string())?;
        let now = unix_now();
        let requests = callers(partners).map(|(caller, expected)| {
            let token = issuer.mint(&claims(caller).to_string(), now, 3600)?;
            Ok(Request::new(&token, expected))
        });
        Ok(Self { requests: requests.collect::<anyhow::Result<_>>()?, directory })
    }

    /// Another policy in the place of the first.
    pub(crate) fn replace_policy(&self, policy: &str) -> anyhow::Result<()> {
        Ok(fs::write(self.directory.path().join("policy.json"), policy)?)
    }

    /// The policy in a store from here on.
    pub(crate) fn store_policy(&self) -> anyhow::Result<()> {
        let policy = fs::read(self.directory.path().join("policy.json"))?;
        let mut store = Embedded::new(self.directory.path().join("policy.db"));
        let plan = Plan::of(&mut store, records_of(&[policy])?, "bench")?;
        store.apply(&plan.change, plan.on, &mut |_| {})?;
        let config = config(&json!({"source": "embedded", "path": "policy.db"}));
        Ok(fs::write(self.config(), config.to_string())?)
    }

    /// The policy as it is served.
    pub(crate) fn policy(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.directory.path().join("policy.json"))?)
    }

    /// The issuer's public keys.
    pub(crate) fn keys(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.directory.path().join("jwks.json"))?)
    }

    /// The configuration of a service that has no place for any check.
    pub(crate) fn config_without_room(&self) -> anyhow::Result<PathBuf> {
        let mut config = config(&json!({"path": "policy.json"}));
        if let Some(members) = config.as_object_mut() {
            members.insert("limits".to_owned(), json!({"in_flight": 0}));
        }
        let path = self.directory.path().join("no-room.json");
        fs::write(&path, config.to_string())?;
        Ok(path)
    }

    /// Where its files are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The configuration to serve with.
    pub(crate) fn config(&self) -> PathBuf {
        self.directory.path().join("config.json")
    }
}

/// Everything as it comes, but for ports of the system's choice.
pub(crate) fn config(policy: &serde_json::Value) -> serde_json::Value {
    json!({
        "listen": {"check": "127.0.0.1:0", "admin": "127.0.0.1:0"},
        "tenant": TENANT,
        "policy": policy,
        "tokens": {
            "issuers": [{
                "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
                "jwks": "file:jwks.json",
                "cloud": "microsoftonline.com",
            }],
            "audiences": [AUDIENCE],
        },
        "applications": {AUDIENCE: APPLICATION},
        "authenticationContexts": {"mfa": "c1", "compliantDevice": "c2", "domainJoinedDevice": "c3"},
    })
}

/// Three members, six guests and one who is refused, and again, from partners all over the table.
fn callers(partners: u32) -> impl Iterator<Item = (Caller, Code)> {
    let mut members = (0..).map(Caller::Member);
    let mut refused = guests(partners, |stance| stance == Stance::Refused);
    let mut welcome = guests(partners, |stance| stance != Stance::Refused);
    (0..CALLERS).filter_map(move |number| match number % ONE_REFUSED_IN {
        0 => Some((refused.next()?, Code::PERMISSION_DENIED)),
        1..4 => Some((members.next()?, Code::OK)),
        _ => Some((welcome.next()?, Code::OK)),
    })
}

/// From as many different partners as there are callers.
fn guests(partners: u32, is_meant: impl Fn(Stance) -> bool) -> impl Iterator<Item = Caller> {
    let apart = usize::try_from(partners).unwrap_or(usize::MAX) / (CALLERS * 9 / 10);
    (0..partners).filter(move |number| is_meant(Stance::of(*number))).step_by(apart.max(1)).map(Caller::Guest)
}
