//! From the configuration to what the modules want of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use reqwest::Url;

use crate::check::{GateConfig, Http2Limits, JudgeConfig, PayloadPlace, RouteDefaults, TokenLimits};
use crate::config::error::ConfigError;
use crate::config::{
    BlockedBlocked, Config, ControlName, NonEntraName, PortConfig, RestrictionsVersion, SourceKind,
    Verification,
};
use crate::directory::DirectoryConfig;
use crate::engine::{Hosts, NonEntra, OwnUsers, Patterns, Rules, Suites, Version};
use crate::id::{Applications, Cloud, TenantId};
use crate::policy::{Contexts, Control, Options};
use crate::source::{
    Embedded, EtcdSettings, EtcdTls, FetchConfig, Files, KeyOrigin, KeySource, KeysConfig, PolicyOrigin,
    PolicySource,
};
use crate::telemetry::Port;
use crate::token::{Expectation, Issuer, IssuerTemplate, entra_issuers};

/// Everything that an application is made of.
#[derive(Debug)]
pub struct Composed {
    /// The check port.
    pub check: PortConfig,
    /// The admin port.
    pub admin: PortConfig,
    /// Bounds of the check port's HTTP/2.
    pub http2: Http2Limits,
    /// The gate.
    pub gate: GateConfig,
    /// Its judge.
    pub judge: JudgeConfig,
    /// What tokens are held against.
    pub expected: Expectation,
    /// Where keys come from.
    pub keys: Vec<KeySource>,
    /// How keys are kept.
    pub keys_config: KeysConfig,
    /// Bounds on tokens.
    pub token_limits: TokenLimits,
    /// Where the policy comes from.
    pub policy: PolicyOrigin,
    /// What the policy must have.
    pub policy_options: Options,
    /// The principal map's file; without one a policy in etcd has its own.
    pub principals: Option<PathBuf>,
    /// Of one message, in bytes.
    pub max_message: usize,
}

impl Config {
    /// What each module wants.
    pub fn compose(&self) -> Result<Composed, ConfigError> {
        let applications = Arc::new(Applications::new(
            self.applications.iter().map(|(name, id)| (name.as_str().into(), *id)),
        ));
        let tokens = &self.tokens;
        let size = |key, bytes: crate::config::Bytes| {
            usize::try_from(bytes.count()).map_err(|_| ConfigError::key(key, "too large for this machine"))
        };
        let max_header_list = u32::try_from(self.limits.max_header_list.count())
            .map_err(|_| ConfigError::key("limits.max_header_list", "no more than 4 GiB"))?;
        Ok(Composed {
            check: self.port(Port::Check)?,
            admin: self.port(Port::Admin)?,
            http2: Http2Limits {
                max_concurrent_streams: self.limits.max_concurrent_streams,
                max_header_list,
            },
            gate: GateConfig {
                in_flight: self.limits.in_flight,
                contact: self.denial.contact.as_deref().map(Into::into),
            },
            judge: JudgeConfig {
                defaults: RouteDefaults { mode: self.mode.into(), tenant: self.tenant },
                rules: self.rules(&applications),
                honor_restrictions_header: self.ingress.honor_tenant_restrictions_header,
                max_staleness: Some(self.policy.max_staleness)
                    .filter(|limit| !limit.is_zero())
                    .map(crate::config::Seconds::duration),
                hosts: self.hosts()?,
                restrictions_version: match self.restrictions.version {
                    RestrictionsVersion::V1 => Version::V1,
                    RestrictionsVersion::V2 => Version::V2,
                },
            },
            expected: Expectation {
                audiences: tokens.audiences.iter().map(|audience| audience.as_str().into()).collect(),
                skew: tokens.clock_skew.whole(),
                max_bytes: tokens.max_bytes,
                applications,
            },
            keys: self.key_sources()?,
            keys_config: KeysConfig {
                fetch: self.fetch()?,
                refresh: tokens.keys.refresh.duration(),
                max_age: tokens.keys.max_age.duration(),
                unknown_kid_interval: tokens.keys.unknown_kid_interval.duration(),
            },
            token_limits: TokenLimits {
                verified_payload: self.verified_payload()?,
                upstream_verifies: tokens.verification == Verification::Upstream,
                cache_capacity: tokens.cache_capacity,
                verify_queue: tokens.verify_queue,
                verify_at_once: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            },
            policy: self.policy_origin(),
            principals: self.principal_map.as_deref().map(|path| self.path(path)),
            policy_options: Options {
                required: self.tenant.into_iter().collect(),
                contexts: contexts(&self.authentication_contexts),
                principal_map: self.principal_map.is_some() || self.policy.source == SourceKind::Etcd,
            },
            max_message: size("limits.max_message", self.limits.max_message)?,
        })
    }

    fn rules(&self, applications: &Arc<Applications>) -> Rules {
        Rules {
            blocked_blocked_strict: self.blocked_blocked == BlockedBlocked::Strict,
            non_entra: match self.non_entra {
                NonEntraName::Domains => NonEntra::Domains,
                NonEntraName::Permit => NonEntra::Permit,
                NonEntraName::Deny => NonEntra::Deny,
            },
            groups_emitted: self.tokens.groups_emitted,
            cross_cloud_redemption: self.cross_cloud_redemption,
            report_only: self.report_only,
            own_users: if self.egress.evaluate_outbound { OwnUsers::Judged } else { OwnUsers::Unjudged },
            applications: Arc::clone(applications),
            contexts: contexts(&self.authentication_contexts),
            partner_contexts: self
                .partner_authentication_contexts
                .iter()
                .map(|(tenant, names)| (*tenant, contexts(names)))
                .collect(),
            suites: Suites::new(&self.suites.office365, &self.suites.all_microsoft_apps),
        }
    }

    fn hosts(&self) -> Result<Hosts, ConfigError> {
        let restrictions = &self.restrictions;
        let sign_in = Patterns::new(restrictions.sign_in_hosts.iter().map(|host| (host.as_str(), ())));
        let resources =
            restrictions.resource_hosts.iter().map(|(host, application)| (host.as_str(), *application));
        Ok(Hosts::new(
            sign_in.map_err(|bad| ConfigError::key("restrictions.sign_in_hosts", bad.to_string()))?,
            Patterns::new(resources)
                .map_err(|bad| ConfigError::key("restrictions.resource_hosts", bad.to_string()))?,
        ))
    }

    fn policy_origin(&self) -> PolicyOrigin {
        let path = self.policy.path.as_deref().map(|path| self.path(path));
        PolicyOrigin::Watched(match (self.policy.source, path) {
            (SourceKind::Etcd, _) => return PolicyOrigin::Etcd(Box::new(self.etcd()), self.directory()),
            (SourceKind::File, Some(path)) => PolicySource::Files(Files::new(path)),
            (SourceKind::Embedded, Some(path)) => PolicySource::Embedded(Embedded::new(path)),
            (SourceKind::File | SourceKind::Embedded, None) => {
                PolicySource::BuiltIn(self.example.as_ref().map(|example| example.policy).unwrap_or_default())
            }
        })
    }

    fn directory(&self) -> DirectoryConfig {
        let partners = &self.partners;
        DirectoryConfig {
            capacity: partners.cache_capacity,
            ttl: partners.ttl.duration(),
            negative_ttl: partners.negative_ttl.duration(),
            load_timeout: partners.load_timeout.duration(),
            keep_texts: self.policy.cache.is_some(),
        }
    }

    fn etcd(&self) -> EtcdSettings {
        let etcd = &self.policy.etcd;
        let path = |path: &Option<PathBuf>| path.as_deref().map(|path| self.path(path));
        EtcdSettings {
            endpoints: etcd.endpoints.clone(),
            prefix: etcd.prefix.clone(),
            cache: path(&self.policy.cache),
            user: etcd.username.clone().zip(path(&etcd.password_file)),
            tls: etcd.tls.as_ref().map(|tls| EtcdTls {
                ca: path(&tls.ca).unwrap_or_default(),
                identity: path(&tls.certificate).zip(path(&tls.key)),
            }),
        }
    }

    fn key_sources(&self) -> Result<Vec<KeySource>, ConfigError> {
        let mut sources = Vec::new();
        if let Some(example) = self.example.as_ref().filter(|_| self.tokens.issuers.is_empty()) {
            let [(issuer, _), _] = entra_issuers(Cloud::Commercial);
            let origin = KeyOrigin::Development(example.issuer.clone());
            sources.push(KeySource { issuer, name: "development".into(), origin });
        }
        for (index, configured) in self.tokens.issuers.iter().enumerate() {
            let key = |member: &str| format!("tokens.issuers[{index}].{member}");
            match (&configured.issuer, &configured.jwks) {
                (None, None) => {
                    for ((issuer, url), version) in
                        entra_issuers(configured.cloud).into_iter().zip(["v2.0", "v1.0"])
                    {
                        let url = Url::parse(&url)
                            .map_err(|error| ConfigError::key(key("cloud"), error.to_string()))?;
                        let name = format!("{}/{version}", configured.cloud).into();
                        sources.push(KeySource { issuer, name, origin: KeyOrigin::WellKnown(url) });
                    }
                }
                (Some(issuer), Some(jwks)) => {
                    let template = IssuerTemplate::parse(issuer)
                        .map_err(|error| ConfigError::key(key("issuer"), format!("`{issuer}`: {error}")))?;
                    let origin =
                        self.key_origin(jwks).map_err(|problem| ConfigError::key(key("jwks"), problem))?;
                    let issuer_of = Issuer { template, cloud: configured.cloud };
                    sources.push(KeySource { issuer: issuer_of, name: label(issuer), origin });
                }
                (Some(_), None) => {
                    return Err(ConfigError::key(key("jwks"), "say where the issuer's keys are"));
                }
                (None, Some(_)) => return Err(ConfigError::key(key("issuer"), "say whose keys these are")),
            }
        }
        tell_apart(&mut sources);
        Ok(sources)
    }

    fn fetch(&self) -> Result<FetchConfig, ConfigError> {
        let proxy = self.tokens.proxy.as_deref().map(|proxy| {
            let url = Url::parse(proxy).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
            url.ok_or_else(|| ConfigError::key("tokens.proxy", "an http: or https: URL of a proxy"))
        });
        let extra_ca = self.tokens.extra_ca.as_deref().map(|path| self.path(path));
        Ok(FetchConfig { proxy: proxy.transpose()?, extra_ca })
    }

    fn verified_payload(&self) -> Result<Option<PayloadPlace>, ConfigError> {
        let place = self.tokens.verified_payload.as_deref().map(|place| {
            let problem = "NAMESPACE/KEY, such as `envoy.filters.http.jwt_authn/payload`";
            PayloadPlace::parse(place).ok_or_else(|| ConfigError::key("tokens.verified_payload", problem))
        });
        place.transpose()
    }

    fn key_origin(&self, jwks: &str) -> Result<KeyOrigin, String> {
        if let Some(path) = jwks.strip_prefix("file:") {
            return Ok(KeyOrigin::File(self.path(&PathBuf::from(path))));
        }
        let url = Url::parse(jwks).map_err(|_| format!("`{jwks}` is neither file:PATH nor a URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "a URL with credentials would show them in the log; keys are public, serve them as such"
                    .to_owned(),
            );
        }
        let loopback = match url.host_str() {
            Some("localhost") => true,
            Some(host) => host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback()),
            None => false,
        };
        match url.scheme() {
            "https" => Ok(KeyOrigin::Url(url)),
            "http" if loopback => Ok(KeyOrigin::Url(url)),
            "http" => {
                Err(format!("`{jwks}`: keys over plain HTTP are anybody's keys; use https, or loopback"))
            }
            other => Err(format!("`{other}:` is not supported; use file: or https:")),
        }
    }
}

/// What an issuer is called in metrics, where no tenant's id belongs.
fn label(issuer: &str) -> Box<str> {
    let parts =
        issuer.split('/').map(|part| if part.parse::<TenantId>().is_ok() { "{tenantid}" } else { part });
    parts.collect::<Vec<_>>().join("/").into()
}

/// Two issuers may share a URI, as the v1.0 ones of two clouds do; each has its own name in metrics.
fn tell_apart(sources: &mut [KeySource]) {
    let mut taken = std::collections::BTreeSet::new();
    for (index, source) in sources.iter_mut().enumerate() {
        if !taken.insert(source.name.clone()) {
            source.name = format!("{}#{}", source.name, index + 1).into();
        }
    }
}

fn contexts(names: &BTreeMap<ControlName, String>) -> Contexts {
    Contexts::new(Control::ALL.map(|control| {
        names
            .iter()
            .find(|(name, _)| Control::from(**name) == control)
            .map(|(_, context)| context.as_str().into())
    }))
}
