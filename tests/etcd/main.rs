//! A policy in a real etcd (Debian's `etcd-server`), and sidecars on it in this process.
//!
//! Nothing waits for a time: what is not so yet is asked for again.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and some tell what they saw"
)]

#[path = "../it/authority.rs"]
mod authority;
mod changes;
mod cluster;
mod coalesced;
#[path = "../it/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "other tests need the rest of it")]
mod harness;
mod kept;
mod mixed;
#[path = "../it/store/operator.rs"]
mod operator;
mod outage;
mod principals;
mod proxy;
mod refused;
mod scene;
mod secure;
mod silence;
mod stale;
mod store;
mod tenants;
