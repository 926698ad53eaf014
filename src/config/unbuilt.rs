//! What does not fit together, and what this build does not have yet: refused when switched on, never ignored.

use crate::config::error::ConfigError;
use crate::config::policy::SourceKind;
use crate::config::{Config, ModeName, Sink};

impl Config {
    /// Everything that a type cannot say.
    pub(in crate::config) fn check(&self) -> Result<(), ConfigError> {
        self.refuse_unbuilt()?;
        self.check_bounds()?;
        if self.tokens.audiences.iter().any(String::is_empty) {
            return Err(ConfigError::key("tokens.audiences", "an empty audience is nobody; remove it"));
        }
        if self.mode == ModeName::Inbound && self.tokens.audiences.is_empty() {
            return Err(ConfigError::key(
                "tokens.audiences",
                "name at least one audience: a token for anybody is for nobody",
            ));
        }
        if self.tokens.issuers.is_empty() && self.example.is_none() {
            return Err(ConfigError::key(
                "tokens.issuers",
                "name at least one issuer, such as {cloud: microsoftonline.com}",
            ));
        }
        match self.policy.source {
            SourceKind::File if self.policy.path.is_none() && self.example.is_none() => {
                Err(ConfigError::key("policy.path", "name a bundle, or a directory of bundles"))
            }
            SourceKind::Embedded if self.policy.path.is_none() => Err(ConfigError::key(
                "policy.path",
                "name the database file; `tenantgate policy apply` makes it",
            )),
            SourceKind::File | SourceKind::Embedded | SourceKind::Etcd => Ok(()),
        }
    }

    fn refuse_unbuilt(&self) -> Result<(), ConfigError> {
        let Self {
            listen: _,
            tenant: _,
            mode: _,
            policy,
            partners: _,
            principal_map: _,
            tokens: _,
            applications: _,
            suites: _,
            authentication_contexts: _,
            partner_authentication_contexts: _,
            restrictions: _,
            egress: _,
            ingress: _,
            blocked_blocked: _,
            non_entra: _,
            cross_cloud_redemption: _,
            report_only: _,
            denial: _,
            decision_log,
            telemetry,
            limits: _,
            base: _,
            example: _,
        } = self;
        let switched_on = [
            ("policy.source", policy.source == SourceKind::Etcd),
            ("policy.cache", policy.cache.is_some()),
            ("decision_log.sink", decision_log.sink != Sink::None),
            ("telemetry.otlp", telemetry.otlp.is_some()),
        ];
        switched_on.iter().find(|(_, on)| *on).map_or(Ok(()), |(key, _)| Err(ConfigError::NotBuilt(key)))
    }
}
