//! What does not fit together, and what this build does not have yet: refused when switched on, never ignored.

use crate::config::error::ConfigError;
use crate::config::policy::{EtcdConfig, SourceKind};
use crate::config::{Config, ModeName, RestrictionsVersion, Sink};

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
        if self.policy.cache.is_some() && self.policy.source != SourceKind::Etcd {
            return Err(ConfigError::key(
                "policy.cache",
                "is for `source: etcd`; what is in files is on this machine already",
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
            SourceKind::File | SourceKind::Embedded => Ok(()),
            SourceKind::Etcd => self.check_etcd(),
        }
    }

    fn check_etcd(&self) -> Result<(), ConfigError> {
        let EtcdConfig { endpoints, prefix, username, password_file, tls } = &self.policy.etcd;
        let key = |member: &str, problem: &str| {
            Err(ConfigError::key(format!("policy.etcd.{member}"), problem.to_owned()))
        };
        let is = |scheme: &str| endpoints.iter().all(|endpoint| endpoint.starts_with(scheme));
        if endpoints.is_empty() || !(is("http://") || is("https://")) {
            return key("endpoints", "name at least one member, all by http: or all by https:");
        }
        if !prefix.starts_with('/') || prefix.trim_end_matches('/').is_empty() {
            return key("prefix", "begin with `/` and have a name, such as /tenantgate");
        }
        if username.is_some() != password_file.is_some() {
            return key("username", "needs `password_file`, and that needs it");
        }
        match tls {
            None if is("https://") => return key("tls", "say who vouches for the members: {ca: FILE}"),
            Some(_) if is("http://") => return key("tls", "is of no use to endpoints by http:"),
            Some(tls) if tls.ca.is_none() => return key("tls.ca", "name the file of the authorities"),
            Some(tls) if tls.certificate.is_some() != tls.key.is_some() => {
                return key("tls.certificate", "needs `key`, and that needs it");
            }
            Some(_) | None => {}
        }
        if self.restrictions.version == RestrictionsVersion::V1 {
            let problem = "v1 lists every partner, and a policy in etcd has them on demand; use v2";
            return Err(ConfigError::key("restrictions.version", problem));
        }
        Ok(())
    }

    fn refuse_unbuilt(&self) -> Result<(), ConfigError> {
        let Self {
            listen: _,
            tenant: _,
            mode: _,
            policy: _,
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
            ("decision_log.sink", decision_log.sink != Sink::None),
            ("telemetry.otlp", telemetry.otlp.is_some()),
        ];
        switched_on.iter().find(|(_, on)| *on).map_or(Ok(()), |(key, _)| Err(ConfigError::NotBuilt(key)))
    }
}
