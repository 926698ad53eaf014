//! tenantgate behind a real Envoy, configured by the very files in `deploy/envoy/`.
//!
//! Each test has an Envoy, an upstream that tells what reached it, and the application itself, in this process.
//! Ports are given by the system and nothing waits for a time: what is not so yet is asked for again.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod answers;
mod demo;
mod egress;
mod faults;
mod headers;
mod invitations;
mod mutual;
mod partition;
mod payload;
mod reload;
mod restart;
mod routes;
mod shipped;

#[path = "../it/authority.rs"]
mod authority;
mod client;
mod envoy;
mod gate;
mod load;
mod network;
mod origin;
mod outside;
#[path = "../it/patience.rs"]
mod patience;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "../it/process.rs"]
mod process;
mod proof;
mod scene;
mod tunnel;
mod upstream;
