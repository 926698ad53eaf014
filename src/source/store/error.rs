//! What keeps a store from being read or written.

use std::io;

/// Why nothing was read, or nothing written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store, or one that nothing was ever written to.
    #[error("{0} holds no policy yet: `tenantgate policy apply` puts one there")]
    Empty(String),
    /// It cannot be reached just now.
    #[error("{place} cannot be used: {why}")]
    Unreachable {
        /// Where it is.
        place: String,
        /// What happened.
        why: String,
    },
    /// Something else is there.
    #[error("{place} is no store of this build's: {why}")]
    Foreign {
        /// Where.
        place: String,
        /// What it seems to be.
        why: String,
    },
    /// It is not what was written.
    #[error("{place} is damaged ({why}): put a backup in its place, or apply a bundle to a new one")]
    Damaged {
        /// Where it is.
        place: String,
        /// How that shows.
        why: String,
    },
    /// Somebody else was first.
    #[error("the store has revision {present}, not {expected}: look at what changed, then try again")]
    Conflict {
        /// What the change was to be made on.
        expected: u64,
        /// What there is.
        present: u64,
    },
    /// The history does not reach there.
    #[error("the policy as of revision {0} is not kept; `tenantgate policy history` shows which are")]
    NotKept(u64),
    /// Whoever took the records took no more.
    #[error("cannot write the records")]
    Output(#[source] io::Error),
}
