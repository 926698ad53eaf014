//! The application as a whole, in process: the real servers on port 0, real tokens, real policies.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod actions;
mod admin;
mod answers;
mod attack;
mod authority;
mod command;
mod conformance;
mod credentials;
mod egress;
#[expect(dead_code, reason = "tokens need more of it")]
#[path = "../tokens/forge.rs"]
mod forge;
mod framing;
mod fuzz;
mod handed;
mod handshake;
mod harness;
mod hostile;
mod https;
mod keepalive;
mod keys;
mod lifecycle;
mod lint;
mod outage;
mod partners;
mod patience;
mod principals;
mod process;
mod raw;
mod reload;
mod serve;
mod store;
#[path = "../fuzz/subjects.rs"]
mod subjects;
mod tls;
mod traps;
mod warm;
mod wire;
