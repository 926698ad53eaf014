//! Envoy's own protocol types, compiled from `proto/`.
#![expect(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated"
)]

include!(concat!(env!("OUT_DIR"), "/pb.rs"));
