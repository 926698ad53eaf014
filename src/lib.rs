//! tenantgate enforces Microsoft Entra cross-tenant access settings on every request, as an Envoy `ext_authz`
//! service.
//!
//! # The life of a check
//!
//! ```text
//! frame ──check::request──▶ Request       a view of the CheckRequest: route, host, credential; nothing copied
//!       ──check::route────▶ Route         what Envoy's configuration says; a typo denies
//!       ──check::tokens───▶ Caller        by the cache, or one RSA verification of a bounded number (token::verify)
//!       ──store.borrow()──▶ &Snapshot     lock-free; no await beyond this line
//!       ──engine::decide──▶ Verdict       pure, synchronous, no allocation, one walk with an observer
//!         ⤷ lacks a partner: nothing borrowed, it is fetched (directory), and the walk begins anew
//!       ──check::response─▶ frame         an OK can be built from a Permit alone, and only engine makes one
//! ```
//!
//! # Floors
//!
//! A module uses only floors strictly below its own; `tests/architecture.rs` holds that.
//!
//! | floor | modules | |
//! |---|---|---|
//! | 9 | [`cli`] | speaks to a person |
//! | 8 | [`app`] | binds everything |
//! | 7 | [`config`] | one document, checked whole |
//! | 6 | [`check`] [`admin`] | the faces: Envoy's gRPC, operators' HTTP |
//! | 5 | [`source`] [`port`] | the outside world: policies and keys coming in, connections accepted |
//! | 4 | [`store`] [`directory`] | live state: swapped whole, or read on demand |
//! | 3 | [`telemetry`] | metrics, log, clock |
//! | 2 | [`engine`] | the decision: where policy and identity meet |
//! | 1 | [`policy`] [`token`] | the two models |
//! | 0 | [`id`] [`pb`] | names of things; wire types |

pub mod admin;
pub mod app;
pub mod check;
pub mod cli;
pub mod config;
pub mod directory;
pub mod engine;
pub mod id;
pub mod pb;
pub mod policy;
pub mod port;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod token;
