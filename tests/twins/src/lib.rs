//! A vulnerable twin of tenantgate for each of its safety rules: the whole of `src/` once more, with a switch at each
//! rule that removes the one check behind it. A rule whose twin no test catches is a rule that no test holds.
//!
//! The sources know nothing of this. `build/` copies them, puts the switches of `list/*.twins` into the copy and stops
//! the build where a switch has no place any more. With no twin switched on, the copy is the original.
//!
//! `cargo test -p twins -- --nocapture` prints each twin with the rule that it breaks and the first case that catches
//! it. `TWIN=name` tries those alone whose name has that in it.
//!
//! To add a twin, add an entry to a file of `list/`:
//!
//! ```text
//! twin  guest_of_another_tenant
//! rule  §2, T≠L and H≠T
//! in    engine/relation.rs
//! -     at_home
//! +     true
//! ```
//!
//! `-` is an expression that stands exactly once in the file, however its lines are broken, or one in `«»` with enough
//! around it to be found; `+` is what the twin has instead. Both may take several lines, and a twin may change several
//! places. What it changes should let somebody in: a twin is caught where a case comes out milder than it should.
#![expect(
    unused_parens,
    clippy::all,
    clippy::nursery,
    clippy::pedantic,
    clippy::restriction,
    reason = "the copies are linted where the originals are"
)]

pub mod twin;

pub use original::pb;

include!(concat!(env!("OUT_DIR"), "/modules.rs"));
