//! A gate in front of Contoso's application, and what Envoy asks it. Shared by the benches and by `tests/no_alloc.rs`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tenantgate::config::{Config, Environment};
use tenantgate::pb::envoy::service::auth::v3::attribute_context::{self, HttpRequest};
use tenantgate::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};

use crate::fixtures::AUDIENCE;
use crate::fixtures::id::{APPLICATION, TENANT};

/// Its configuration, in the directory of its issuer, with this policy.
pub(crate) fn set(directory: &Path, policy: &str) -> Config {
    let file = |name: &str, text: &str| fs::write(directory.join(name), text).expect("written");
    file("policy.json", policy);
    file("config.json", &config().to_string());
    Config::load(&directory.join("config.json"), &Environment::default()).expect("good")
}

fn config() -> Value {
    let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
    json!({
        "tenant": TENANT,
        "policy": {"path": "policy.json"},
        "tokens": {
            "issuers": [{"issuer": issuer, "jwks": "file:jwks.json", "cloud": "microsoftonline.com"}],
            "audiences": [AUDIENCE],
        },
        "applications": {AUDIENCE: APPLICATION},
        "authenticationContexts": {"mfa": "c1"},
    })
}

/// What Envoy asks for a request with this token.
pub(crate) fn check(token: &str) -> CheckRequest {
    let headers = [("authorization", format!("Bearer {token}")), ("accept", "application/json".to_owned())];
    let http = HttpRequest {
        method: "GET".to_owned(),
        host: "orders.contoso.example".to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        ..HttpRequest::default()
    };
    let attributes = AttributeContext {
        request: Some(attribute_context::Request {
            http: Some(http),
            ..attribute_context::Request::default()
        }),
        context_extensions: [("application".to_owned(), AUDIENCE.to_owned())].into(),
        ..AttributeContext::default()
    };
    CheckRequest { attributes: Some(attributes) }
}
