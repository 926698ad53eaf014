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
    /// It has no room for more.
    #[error(
        "{place} is full and takes nothing more, while what is there can still be read: compact it, defragment each \
         member, and disarm the alarm; then try again"
    )]
    Full {
        /// Where it is.
        place: String,
    },
    /// It does not know who we are, or does not let us.
    #[error("{place} refuses this user: {why}; it needs to read and write all keys under the prefix")]
    Refused {
        /// Where it is.
        place: String,
        /// In its own words.
        why: String,
    },
    /// The change is more than it takes at once.
    #[error(
        "{place} takes no more than 128 keys and 1.5 MiB at once: settings of fewer tenants must be changed in one go, \
         and no record may be longer"
    )]
    TooMuch {
        /// Where it is.
        place: String,
    },
    /// The change may have been made.
    #[error(
        "nobody knows whether the change was made, for {place} could not be asked any more ({why}): look at \
         `tenantgate policy history` before trying again"
    )]
    Unsure {
        /// Where it is.
        place: String,
        /// What happened.
        why: String,
    },
    /// The history does not reach there.
    #[error("the policy as of revision {0} is not kept; `tenantgate policy history` shows which are")]
    NotKept(u64),
    /// Whoever took the records took no more.
    #[error("cannot write the records")]
    Output(#[source] io::Error),
}
