//! Every finding of semantics §12: its code, its level, its place.

mod advice;
mod conditional;
mod errors;
mod output;

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::bundles::base;
use crate::harness::{World, pointer_set};

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
