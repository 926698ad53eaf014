//! An independent, naive reading of semantics.md, and random cases to try it on.
//!
//! The model shares no code with the engine: where the two disagree, one of them misreads the
//! document, and the test says which case shows it.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a member of a JSON value that is not there is null, and a test may panic"
)]

pub(crate) mod action;
pub(crate) mod application;
pub(crate) mod claims;
pub(crate) mod cloud;
pub(crate) mod conditional;
mod coverage;
pub(crate) mod domain;
mod elsewhere;
pub(crate) mod evidence;
mod examples;
pub(crate) mod generate;
pub(crate) mod guid;
pub(crate) mod header;
pub(crate) mod inbound;
pub(crate) mod issuer;
pub(crate) mod kleene;
pub(crate) mod model;
pub(crate) mod outbound;
pub(crate) mod policy;
pub(crate) mod principal;
pub(crate) mod relation;
pub(crate) mod restrictions;
pub(crate) mod revocation;
pub(crate) mod route;
pub(crate) mod samples;
mod scene;
pub(crate) mod setting;
