//! The environment: `TENANTGATE_` and a config path joined by `__`, in any case, read as YAML.

use serde_json::{Map, Value};

use crate::config::error::ConfigError;

const PREFIX: &str = "TENANTGATE_";
/// Kubernetes injects these for a service called tenantgate.
const INJECTED: [&str; 2] = ["SERVICE_", "PORT"];

/// Variables, as given to a process.
#[derive(Debug, Clone, Default)]
pub struct Environment(Vec<(String, String)>);

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        // What is no UTF-8 is no name or value of ours either, and is told so.
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self(std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect())
    }

    /// These variables alone.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// One variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Lays every variable of ours over `document`; `keys` spells out a path as the config has it.
    pub(in crate::config) fn overlay(
        &self,
        document: &mut Value,
        spell: impl Fn(&[&str]) -> Vec<String>,
    ) -> Result<Vec<(String, Vec<String>)>, ConfigError> {
        let mut laid = Vec::new();
        for (name, text) in &self.0 {
            let upper = name.to_ascii_uppercase();
            let Some(path) = upper.strip_prefix(PREFIX) else { continue };
            if INJECTED.iter().any(|injected| path.starts_with(injected)) {
                continue;
            }
            let Some((_, original)) = name.split_at_checked(PREFIX.len()) else { continue };
            let value = serde_saphyr::from_str(text).map_err(|error| ConfigError::Variable {
                name: name.clone(),
                problem: format!("its value is no YAML: {error}"),
            })?;
            let path = spell(&original.split("__").collect::<Vec<_>>());
            put(document, &path, value);
            laid.push((name.clone(), path));
        }
        Ok(laid)
    }
}

fn put(document: &mut Value, path: &[String], value: Value) {
    let mut place = document;
    for key in path {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(members) = place else { return };
        place = members.entry(key.clone()).or_insert(Value::Null);
    }
    *place = value;
}
