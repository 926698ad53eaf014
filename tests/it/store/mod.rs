//! The embedded store: commands that write it, a service that reads it meanwhile, and writers that are killed.

mod commands;
mod crash;
mod guards;
mod serving;

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::bundles::{ALL_APPS, ALL_USERS, setting};
use crate::harness::{L, World};

/// A service's files, with a policy in a store that is not there yet.
pub(crate) fn world(policy: &Value) -> World {
    let mut config = json!({"policy": {"source": "embedded", "path": "policy.db"}});
    for (name, value) in policy.as_object().unwrap() {
        config["policy"][name] = value.clone();
    }
    World::new(&config, &json!({}))
}

/// L with these partners, and inbound collaboration as `access` says by default.
pub(crate) fn bundle(access: &str, partners: &[Value]) -> Value {
    let inbound = setting((access, ALL_USERS), (access, ALL_APPS));
    json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {
        "default": {"b2bCollaborationInbound": inbound}, "partners": partners,
    }}]})
}

/// The partner of this number, with something to tell versions by.
pub(crate) fn partner(number: usize, version: usize) -> Value {
    json!({"tenantId": format!("{number:08x}-604b-40ac-a9d7-9fd97c0b779f"), "version": version})
}

/// `tenantgate policy …` on the store of `world`.
pub(crate) fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenantgate"));
    command.env_clear().arg("policy").args(arguments).arg("--config").arg(world.path("config.json"));
    command.current_dir(world.path(""));
    command
}

pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn policy(world: &World, arguments: &[&str]) -> Done {
    let Output { status, stdout, stderr } = command(world, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
}

/// Applies a bundle, and whatever it takes.
pub(crate) fn apply(world: &World, bundle: &Value, more: &[&str]) -> Done {
    world.write("next.json", &bundle.to_string());
    policy(world, &[&["apply", "next.json"], more].concat())
}

/// What `get` prints, with its revision.
pub(crate) fn get(world: &World) -> (Value, String) {
    let done = policy(world, &["get"]);
    assert_eq!(done.code, 0, "{}", done.err);
    (serde_json::from_str(&done.out).unwrap(), done.err.trim().to_owned())
}
