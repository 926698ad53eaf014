//! Graph's answers to a bundle and back: `answers/` holds them in their documented shapes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod clouds;
mod directories;
mod files;
mod findings;
mod harness;
mod identity;
mod random;
mod scale;
mod store;
