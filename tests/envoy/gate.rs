//! tenantgate itself, in this process, with the example policy and an issuer of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tenantgate::app::{App, StartError};
use tenantgate::config::{Config, Environment};
use tenantgate::port::Address;
use tenantgate::telemetry::unix_now;
use tenantgate::token::DevelopmentIssuer;

use crate::client::Request;
use crate::patience::until;

/// Contoso, which the example protects.
pub(crate) const TENANT: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
/// Fabrikam, a partner whose guests may come in.
pub(crate) const PARTNER: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";
/// A partner whose guests may not.
pub(crate) const BLOCKED: &str = "8b1f6d3a-2c4e-4d0b-a1f7-5e9c0d7b6a42";
/// Whoever calls.
pub(crate) const USER: &str = "0a3e6c1e-0d5f-4b54-9c5c-7d1f1d3b5a01";

pub(crate) const EXAMPLE: &str = include_str!("../../deploy/example/policy.json");

pub(crate) struct Gate {
    config: Config,
    issuer: Arc<DevelopmentIssuer>,
    app: Option<App>,
}

impl Gate {
    /// Starts in `directory`, where the policy may be missing.
    pub(crate) async fn start(directory: &TempDir, check: &str) -> Self {
        Self::start_with(directory, check, &json!({})).await
    }

    /// With more `tokens` settings.
    pub(crate) async fn start_with(directory: &TempDir, check: &str, tokens: &Value) -> Self {
        Self::start_over(directory, check, &json!({"tokens": tokens})).await
    }

    /// With more settings.
    pub(crate) async fn start_over(directory: &TempDir, check: &str, more: &Value) -> Self {
        let mut more = more.clone();
        more["listen"]["check"] = check.into();
        Self::start_on(directory, &more).await
    }

    /// With more settings, the check port among them.
    pub(crate) async fn start_on(directory: &TempDir, more: &Value) -> Self {
        let issuer = DevelopmentIssuer::keygen(&directory.path().join("issuer")).unwrap();
        let mut document = document();
        for (name, value) in more.as_object().unwrap() {
            match (document.get_mut(name).and_then(Value::as_object_mut), value) {
                (Some(known), Value::Object(more)) => known.extend(more.clone()),
                _ => document[name] = value.clone(),
            }
        }
        let config =
            Config::read(&document.to_string(), directory.path().to_owned(), &Environment::default())
                .unwrap();
        let mut gate = Self { config, issuer: Arc::new(issuer), app: None };
        gate.restart().await;
        gate
    }

    /// One more like it, at an address of its own.
    pub(crate) async fn another(&self) -> Self {
        let mut config = self.config.clone();
        config.listen.check = "127.0.0.1:0".parse().unwrap();
        let mut gate = Self { config, issuer: Arc::clone(&self.issuer), app: None };
        gate.restart().await;
        gate
    }

    /// Starts again where it was.
    pub(crate) async fn restart(&mut self) {
        assert!(self.app.is_none());
        let config = &self.config;
        // Between two starts the port is anybody's.
        let app = until("the port to be free", async || match App::start(config, None).await {
            Ok(app) => Some(app),
            Err(StartError::Listen(..)) => None,
            Err(error) => panic!("{error:?}"),
        })
        .await;
        self.config.listen.check = app.check.clone();
        self.app = Some(app);
    }

    /// A successor takes over, and then the present one stops.
    pub(crate) async fn roll(&mut self) {
        let next = App::start(&self.config, None).await.unwrap();
        until("the successor to be ready", async || next.is_ready().then_some(())).await;
        self.app.replace(next).unwrap().stop().await;
    }

    pub(crate) async fn stop(&mut self) {
        self.app.take().unwrap().stop().await;
    }

    /// The keys that tokens are signed with.
    pub(crate) fn keys(&self) -> Value {
        self.issuer.jwks()
    }

    pub(crate) fn address(&self) -> &Address {
        &self.config.listen.check
    }

    /// Where operators ask.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.app.as_ref().unwrap().admin.to_string().parse().unwrap()
    }

    /// The policy that is decided on now, as operators learn of it.
    pub(crate) async fn revision(&self) -> String {
        let report = Request::new(self.admin(), "GET", "/readyz").send().await.json();
        report["policy"]["revision"].as_str().unwrap().to_owned()
    }

    /// A token of somebody who has a home in Contoso.
    pub(crate) fn internal(&self) -> String {
        self.mint(&json!({"tid": TENANT, "aud": "api://orders", "oid": USER}))
    }

    /// A token of Contoso's guest from `home`.
    pub(crate) fn guest(&self, home: &str) -> String {
        let idp = format!("https://sts.windows.net/{home}/");
        self.mint(&json!({"tid": TENANT, "idp": idp, "aud": "api://orders", "oid": USER, "acct": 1}))
    }

    pub(crate) fn mint(&self, claims: &Value) -> String {
        self.issuer.mint(&claims.to_string(), unix_now(), 3600).unwrap()
    }
}

/// The configuration, for the directory that policy and issuer are in.
pub(crate) fn document() -> Value {
    json!({
        "listen": {"admin": "127.0.0.1:0"},
        "tenant": TENANT,
        "policy": {"path": "policy.json"},
        "tokens": {
            "issuers": [{
                "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
                "jwks": "file:issuer/jwks.json",
                "cloud": "microsoftonline.com",
            }],
            "audiences": ["api://orders"],
        },
        "applications": {"api://orders": "11111111-2222-3333-4444-555555555555"},
        "authenticationContexts": {"mfa": "c1"},
    })
}

/// Puts a policy in place as careful editors do: whole, by a rename.
pub(crate) fn write_policy(directory: &Path, policy: &str) {
    let beside = directory.join(".policy.json.new");
    fs::write(&beside, policy).unwrap();
    fs::rename(&beside, directory.join("policy.json")).unwrap();
}
