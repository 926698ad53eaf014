//! The verifier against everything that can be written down as a token: by hand, by Wycheproof, by chance.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail loudly"
)]

mod cache;
mod catalogue;
mod differential;
mod forge;
mod wycheproof;
