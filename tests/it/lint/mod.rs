//! Every finding of semantics §12: its code, its level, its place.

mod advice;
mod conditional;
mod errors;
mod output;

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{L, World, pointer_set};

const P: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";
const MSA: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const ID: &str = "0a3e6c1e-0d5f-4b54-9c5c-7d1f1d3b5a01";

fn base() -> Value {
    json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {"default": {}, "partners": [{"tenantId": P}]}}]})
}

fn half(access: &str, targets: &[(&str, &str)]) -> Value {
    let targets: Vec<_> =
        targets.iter().map(|(target, kind)| json!({"target": target, "targetType": kind})).collect();
    json!({"accessType": access, "targets": targets})
}

fn setting(users: (&str, &[(&str, &str)]), applications: (&str, &[(&str, &str)])) -> Value {
    json!({"usersAndGroups": half(users.0, users.1), "applications": half(applications.0, applications.1)})
}

const ALL_USERS: &[(&str, &str)] = &[("AllUsers", "user")];
const ALL_APPS: &[(&str, &str)] = &[("AllApplications", "application")];
const A_USER: &[(&str, &str)] = &[(ID, "user")];
const AN_APP: &[(&str, &str)] = &[(ID, "application")];

fn mfa_policy() -> Value {
    json!({"policies": [{
        "id": ID, "displayName": "MFA for all", "state": "enabled",
        "conditions": {"applications": {"includeApplications": ["All"]}, "users": {"includeUsers": ["All"]}},
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    }]})
}

/// Lints the base bundle with one value put at `pointer`: code, level and place of what is found.
fn lint(pointer: &str, value: Value) -> Vec<(String, String, String)> {
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    findings(pointer, value)
        .iter()
        .map(|found| (text(found, "code"), text(found, "level"), text(found, "pointer")))
        .collect()
}

/// The same, whole.
fn findings(pointer: &str, value: Value) -> Vec<Value> {
    let mut bundle = base();
    pointer_set(&mut bundle, pointer, value);
    let report = lint_text(&bundle.to_string(), "--json").unwrap();
    report["findings"].as_array().unwrap().clone()
}

fn lint_text(bundle: &str, format: &str) -> Option<Value> {
    let world = World::new(&json!({}), &json!({}));
    world.write("policy.json", bundle);
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenantgate"));
    let output = command.env_clear().args(["lint", format]).arg(world.path("policy.json")).output().unwrap();
    serde_json::from_slice(&output.stdout).ok()
}

const TENANT: &str = "/tenants/0";
const POLICY: &str = "/tenants/0/crossTenantAccessPolicy";
const DEFAULT: &str = "/tenants/0/crossTenantAccessPolicy/default";
const PARTNER: &str = "/tenants/0/crossTenantAccessPolicy/partners/0";
