//! A configuration, a bundle and keys in a directory of their own, and the application that runs on them.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use tenantgate::app::App;
use tenantgate::config::{Config, Environment};

use crate::harness::signer;

/// Contoso, the protected tenant.
pub(crate) const L: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";

/// Files that live as long as this does.
pub(crate) struct World {
    directory: TempDir,
}

impl World {
    /// `config` is laid over [`base_config`].
    pub(crate) fn new(config: &Value, bundle: &Value) -> Self {
        let world = Self { directory: tempfile::tempdir().unwrap() };
        world.write("jwks.json", &signer().jwks);
        world.write("policy.json", &bundle.to_string());
        let mut full = base_config();
        full.merge(config);
        world.write("config.json", &full.to_string());
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// As an editor does: beside, then over.
    pub(crate) fn replace(&self, name: &str, text: &str) {
        let beside = self.path(".beside");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, self.path(name)).unwrap();
    }

    pub(crate) fn config(&self) -> Config {
        Config::load(&self.path("config.json"), &Environment::default()).unwrap()
    }

    pub(crate) async fn start(&self) -> App {
        App::start(&self.config(), None).await.unwrap()
    }

    /// Started and ready.
    pub(crate) async fn ready(&self) -> App {
        let app = self.start().await;
        for _ in 0..10_000 {
            if app.is_ready() {
                return app;
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        panic!("not ready: was the bundle refused?")
    }
}

/// Every issuer signs with the run's one key.
pub(crate) fn base_config() -> Value {
    let issuer =
        |issuer: &str, cloud: &str| json!({"issuer": issuer, "jwks": "file:jwks.json", "cloud": cloud});
    json!({
        "listen": {"check": "127.0.0.1:0", "admin": "127.0.0.1:0"},
        "tenant": L,
        "policy": {"path": "policy.json"},
        "tokens": {
            "issuers": [
                issuer("https://login.microsoftonline.com/{tenantid}/v2.0", "microsoftonline.com"),
                issuer("https://sts.windows.net/{tenantid}/", "microsoftonline.com"),
                issuer("https://login.microsoftonline.us/{tenantid}/v2.0", "microsoftonline.us"),
                issuer("https://login.partner.microsoftonline.cn/{tenantid}/v2.0", "partner.microsoftonline.cn"),
                issuer("https://issuer.example/{tenantid}/v2.0", "microsoftonline.com"),
            ],
            "audiences": ["api://orders", "11111111-2222-3333-4444-555555555555"],
        },
        "applications": {"api://orders": "11111111-2222-3333-4444-555555555555"},
    })
}

pub(crate) trait Merge {
    /// Objects merge, everything else is replaced.
    fn merge(&mut self, over: &Value);
}

impl Merge for Value {
    fn merge(&mut self, over: &Value) {
        match (self, over) {
            (Self::Object(members), Self::Object(over)) => {
                for (name, value) in over {
                    members.entry(name.clone()).or_insert(Self::Null).merge(value);
                }
            }
            (place, over) => *place = over.clone(),
        }
    }
}

/// Puts `value` where `pointer` points, adding the last member or, for `-`, an item.
pub(crate) fn pointer_set(document: &mut Value, pointer: &str, value: Value) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    let last = last.replace("~1", "/").replace("~0", "~");
    match document.pointer_mut(parent).unwrap_or_else(|| panic!("no `{parent}` to patch")) {
        Value::Object(members) => drop(members.insert(last, value)),
        Value::Array(items) if last == "-" => items.push(value),
        Value::Array(items) => items[last.parse::<usize>().unwrap()] = value,
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            panic!("cannot patch {other}")
        }
    }
}
