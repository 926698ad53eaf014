//! Who writes a policy: `tenantgate policy …`, as a command of its own.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::bundles::{ALL_APPS, ALL_USERS, setting};
use crate::harness::{L, World};

/// L with these partners, and inbound collaboration as `access` says by default.
pub(crate) fn bundle(access: &str, partners: &[Value]) -> Value {
    let inbound = setting((access, ALL_USERS), (access, ALL_APPS));
    json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {
        "default": {"b2bCollaborationInbound": inbound}, "partners": partners,
    }}]})
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
