//! The embedded store: commands that write it, a service that reads it meanwhile, and writers that are killed.

mod commands;
mod crash;
mod guards;
mod operator;
mod serving;

use serde_json::{Value, json};

pub(crate) use self::operator::{Done, apply, bundle, command, get, policy};
use crate::harness::World;

/// A service's files, with a policy in a store that is not there yet.
pub(crate) fn world(policy: &Value) -> World {
    let mut config = json!({"policy": {"source": "embedded", "path": "policy.db"}});
    for (name, value) in policy.as_object().unwrap() {
        config["policy"][name] = value.clone();
    }
    World::new(&config, &json!({}))
}

/// The partner of this number, with something to tell versions by.
pub(crate) fn partner(number: usize, version: usize) -> Value {
    json!({"tenantId": format!("{number:08x}-604b-40ac-a9d7-9fd97c0b779f"), "version": version})
}
