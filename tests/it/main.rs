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
mod command;
mod conformance;
mod credentials;
mod egress;
mod harness;
mod https;
mod keys;
mod lifecycle;
mod lint;
mod outage;
mod principals;
mod reload;
mod serve;
mod traps;
mod warm;
mod wire;
