//! A case of `tests/conformance/*.json`.

use std::path::Path;

use serde_json::{Map, Value, json};
use tenantgate::check::Decision;

use crate::harness::{Asked, Merge as _, Sign, now, pointer_set, signer};

/// What holds, who asks for what, and what must come of it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) config: Value,
    pub(crate) bundle: Value,
    pub(crate) data: Value,
    raw: bool,
}

/// Every case of the folder, or those alone whose name has `CASE` in it.
pub(crate) fn cases(folder: &Path) -> Vec<Case> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let only = std::env::var_os("CASE").map(|name| name.into_string().unwrap());
    let mut cases = Vec::new();
    for path in paths {
        let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for (index, data) in file["cases"].as_array().unwrap().iter().enumerate() {
            cases.push(Case::of(&path, &file, data, index));
        }
    }
    cases.retain(|case| only.as_ref().is_none_or(|only| case.name.contains(only)));
    cases
}

impl Case {
    pub(crate) fn of(path: &Path, file: &Value, data: &Value, index: usize) -> Self {
        let mut bundle = file["bundle"].clone();
        for (pointer, value) in data.get("patch").and_then(Value::as_object).into_iter().flatten() {
            pointer_set(&mut bundle, pointer, value.clone());
        }
        let mut config = file.get("config").cloned().unwrap_or_else(|| json!({}));
        config.merge(data.get("config").unwrap_or(&json!({})));
        let mut data = data.clone();
        if data.get("principal_map").is_none() {
            data["principal_map"] = file.get("principal_map").cloned().unwrap_or_default();
        }
        let name = format!("{}: {}", path.file_stem().unwrap().display(), data["name"].as_str().unwrap());
        Self { name, config, bundle, data, raw: index % 2 == 1 }
    }

    /// The principal map as it is configured, where there is one.
    pub(crate) fn principals(&self) -> Option<Value> {
        self.data["principal_map"].as_array().map(|principals| principal_map(principals))
    }

    pub(crate) fn now(&self) -> i64 {
        self.data.get("now").and_then(Value::as_i64).unwrap_or_else(now)
    }

    pub(crate) fn asked(&self) -> Asked {
        let request = self.data.get("request").cloned().unwrap_or_else(|| json!({}));
        let text = |name: &str, default: &str| {
            request.get(name).and_then(Value::as_str).unwrap_or(default).to_owned()
        };
        let mut headers: Vec<(String, String)> = Vec::new();
        for header in request.get("headers").and_then(Value::as_array).into_iter().flatten() {
            headers.push((header[0].as_str().unwrap().to_owned(), header[1].as_str().unwrap().to_owned()));
        }
        headers.extend(self.authorization().into_iter().map(|value| ("authorization".to_owned(), value)));
        let route = self.data.get("route").and_then(Value::as_object).into_iter().flatten();
        Asked {
            method: text("method", "GET"),
            host: text("host", "orders.contoso.example"),
            path: text("path", "/"),
            headers,
            body: match request.get("body") {
                None => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(body) => body.to_string(),
            },
            route: route.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect(),
            raw: self.raw,
        }
    }

    fn authorization(&self) -> Vec<String> {
        let token = self.data.get("claims").filter(|claims| !claims.is_null()).map(|claims| {
            let sign = match self.data.get("sign").and_then(Value::as_str) {
                None | Some("valid") => Sign::Valid,
                Some("other_key") => Sign::OtherKey,
                Some("none") => Sign::None,
                Some("corrupt") => Sign::Corrupt,
                Some(other) => panic!("{}: cannot sign `{other}`", self.name),
            };
            let header = self.data.get("header").and_then(Value::as_object).cloned().unwrap_or_default();
            signer().sign(claims, &header, sign, self.now())
        });
        match self.data.get("authorization").and_then(Value::as_array) {
            Some(values) => values
                .iter()
                .map(|value| value.as_str().unwrap().replace("{token}", token.as_deref().unwrap_or_default()))
                .collect(),
            None => token.into_iter().map(|token| format!("Bearer {token}")).collect(),
        }
    }

    pub(crate) fn differs(&self, decided: &Map<String, Value>) -> Option<String> {
        let wrong: Vec<_> = self.data["expect"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, expected)| decided.get(*name).unwrap_or(&Value::Null) != *expected)
            .map(|(name, expected)| {
                format!("{name} is {}, expected {expected}", decided.get(name).unwrap_or(&Value::Null))
            })
            .collect();
        (!wrong.is_empty()).then(|| format!("{}: {}", self.name, wrong.join("; ")))
    }
}

fn principal_map(principals: &[Value]) -> Value {
    let mut map = json!({});
    for principal in principals {
        let text = |name: &str| principal[name].as_str().unwrap().to_owned();
        let mut entry = principal.clone();
        entry.as_object_mut().unwrap().retain(|name, _| name.starts_with("home"));
        map.merge(&json!({text("tenant"): {text("oid"): entry}}));
    }
    map
}

/// What a case compares.
pub(crate) fn members(decision: &Decision<'_>) -> Map<String, Value> {
    decision.members()
}
