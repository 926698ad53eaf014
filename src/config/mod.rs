//! The configuration: one document, overlaid by the environment, checked whole before anything starts.
//!
//! Every key is known here from the first day. What a build cannot do yet is refused when it is switched on
//! ([`Config::check`]), never ignored. Names and defaults: `deploy/tenantgate.yaml` shows them all.

mod bounds;
mod compose;
mod decision_log;
mod document;
mod environment;
mod error;
mod limits;
mod listen;
mod policy;
mod ports;
mod scalar;
#[cfg(test)]
mod tests;
mod tokens;
mod unbuilt;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use self::compose::Composed;
pub use self::decision_log::{Compress, DecisionLog, EffectName, OnFull, Rotate, Sink};
pub use self::environment::Environment;
pub use self::error::ConfigError;
pub use self::limits::LimitsConfig;
pub use self::listen::{Listen, ListenTls, Tls};
pub use self::policy::{EtcdConfig, EtcdTls, PartnersConfig, PolicyConfig, SourceKind};
pub use self::ports::PortConfig;
pub use self::scalar::{Bytes, Seconds};
pub use self::tokens::{IssuerConfig, KeysConfig, TokensConfig, Verification};
use crate::engine::Mode;
use crate::id::{AppId, TenantId};
use crate::policy::Control;
use crate::telemetry::Level;

/// The whole configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen.
    pub listen: Listen,
    /// L where a route names none.
    pub tenant: Option<TenantId>,
    /// The mode where a route names none.
    pub mode: ModeName,
    /// Where the policy is.
    pub policy: PolicyConfig,
    /// The cache of partners that are looked up on demand.
    pub partners: PartnersConfig,
    /// A file that tells who guests are at home.
    pub principal_map: Option<PathBuf>,
    /// What tokens are held against.
    pub tokens: TokensConfig,
    /// From an audience's name to the application id that policies list.
    pub applications: BTreeMap<String, AppId>,
    /// Members of Microsoft's suites beside the well-known ones.
    pub suites: Suites,
    /// Which authentication context proves which control.
    #[serde(rename = "authenticationContexts")]
    pub authentication_contexts: BTreeMap<ControlName, String>,
    /// The same for tokens of other tenants.
    #[serde(rename = "partnerAuthenticationContexts")]
    pub partner_authentication_contexts: BTreeMap<TenantId, BTreeMap<ControlName, String>>,
    /// Tenant restrictions.
    pub restrictions: Restrictions,
    /// Egress.
    pub egress: Egress,
    /// Ingress.
    pub ingress: Ingress,
    /// How `blocked` users with `blocked` applications are read.
    pub blocked_blocked: BlockedBlocked,
    /// What is asked of callers from outside Entra.
    pub non_entra: NonEntraName,
    /// Whether automatic redemption works across clouds.
    pub cross_cloud_redemption: bool,
    /// Denials by policy become allows that say so.
    pub report_only: bool,
    /// What the denied read.
    pub denial: Denial,
    /// The decision log.
    pub decision_log: DecisionLog,
    /// What the program tells of itself.
    pub telemetry: Telemetry,
    /// Bounds.
    pub limits: LimitsConfig,
    /// The directory that relative paths are relative to.
    #[serde(skip)]
    pub base: PathBuf,
    /// What is in the program itself, for a start without configuration.
    #[serde(skip)]
    pub example: Option<Example>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            tenant: None,
            mode: ModeName::Inbound,
            policy: PolicyConfig::default(),
            partners: PartnersConfig::default(),
            principal_map: None,
            tokens: TokensConfig::default(),
            applications: BTreeMap::new(),
            suites: Suites::default(),
            authentication_contexts: BTreeMap::new(),
            partner_authentication_contexts: BTreeMap::new(),
            restrictions: Restrictions::default(),
            egress: Egress::default(),
            ingress: Ingress::default(),
            blocked_blocked: BlockedBlocked::Documented,
            non_entra: NonEntraName::Domains,
            cross_cloud_redemption: false,
            report_only: false,
            denial: Denial::default(),
            decision_log: DecisionLog::default(),
            telemetry: Telemetry::default(),
            limits: LimitsConfig::default(),
            base: PathBuf::new(),
            example: None,
        }
    }
}

impl Config {
    /// Reads the document at `path` and what the environment lays over it.
    pub fn load(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let base = path.parent().map(Path::to_owned).unwrap_or_default();
        Self::read(&text, base, environment)
    }

    /// Reads a document whose relative paths are relative to `base`.
    pub fn read(text: &str, base: PathBuf, environment: &Environment) -> Result<Self, ConfigError> {
        let mut config: Self = document::read(text, environment)?;
        config.base = base;
        config.check()?;
        Ok(config)
    }

    /// A document that is completed by an example.
    pub fn of_example(text: &str, example: Example, environment: &Environment) -> Result<Self, ConfigError> {
        let mut config: Self = document::read(text, environment)?;
        config.example = Some(example);
        config.check()?;
        Ok(config)
    }

    /// A configured path, relative to the document.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }
}

/// What a start without configuration needs.
#[derive(Debug, Clone)]
pub struct Example {
    /// The bundle, where no other is configured.
    pub policy: &'static str,
    /// The directory of the development issuer, where no other issuer is configured.
    pub issuer: PathBuf,
}

/// `mode`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeName {
    /// Our resources.
    Inbound,
    /// Others' resources.
    Outbound,
    /// Foreign accounts.
    TenantRestrictions,
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Inbound => Self::Inbound,
            ModeName::Outbound => Self::Outbound,
            ModeName::TenantRestrictions => Self::TenantRestrictions,
        }
    }
}

/// `suites`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "PascalCase")]
pub struct Suites {
    /// Beside the well-known members.
    pub office365: Vec<AppId>,
    /// Beside those of Office 365 and Graph.
    pub all_microsoft_apps: Vec<AppId>,
}

/// A control's name as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ControlName {
    /// `mfa`
    Mfa,
    /// `compliantDevice`
    CompliantDevice,
    /// `domainJoinedDevice`
    DomainJoinedDevice,
}

impl From<ControlName> for Control {
    fn from(name: ControlName) -> Self {
        match name {
            ControlName::Mfa => Self::Mfa,
            ControlName::CompliantDevice => Self::CompliantDevice,
            ControlName::DomainJoinedDevice => Self::DomainJoinedDevice,
        }
    }
}

/// `restrictions`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Restrictions {
    /// Of tenant restrictions.
    pub version: RestrictionsVersion,
    /// Hosts where foreign accounts are judged, and their applications.
    pub resource_hosts: BTreeMap<String, AppId>,
    /// Hosts that the header is sent to; none means the well-known ones.
    pub sign_in_hosts: Vec<String>,
}

impl Default for Restrictions {
    fn default() -> Self {
        const GRAPH: AppId = AppId::from_u128(0x0000_0003_0000_0000_c000_0000_0000_0000);
        Self {
            version: RestrictionsVersion::default(),
            resource_hosts: BTreeMap::from([("graph.microsoft.com".to_owned(), GRAPH)]),
            sign_in_hosts: Vec::new(),
        }
    }
}

/// `restrictions.version`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RestrictionsVersion {
    /// `Restrict-Access-To-Tenants`
    V1,
    /// `sec-Restrict-Tenant-Access-Policy`
    #[default]
    V2,
}

/// `egress`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    /// Whether our own users are judged by the outbound settings too.
    pub evaluate_outbound: bool,
}

impl Default for Egress {
    fn default() -> Self {
        Self { evaluate_outbound: true }
    }
}

/// `ingress`
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ingress {
    /// Whether a tenant-restrictions header on a request restricts it.
    pub honor_tenant_restrictions_header: bool,
}

/// `blocked_blocked`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlockedBlocked {
    /// As Graph's documentation has it: only the listed users at the listed applications.
    Documented,
    /// The listed users everywhere, and everyone at the listed applications.
    Strict,
}

/// `non_entra`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NonEntraName {
    /// The domain lists.
    Domains,
    /// Nothing.
    Permit,
    /// None gets in.
    Deny,
}

/// `denial`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Denial {
    /// A line for the person who is denied.
    pub contact: Option<String>,
}

/// `telemetry`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// How much is logged.
    pub log: Level,
    /// An OpenTelemetry collector.
    pub otlp: Option<String>,
}
