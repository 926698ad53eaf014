//! Policies kept as records, with revisions and a history: what `tenantgate policy` reads and writes.
//!
//! A hosted tenant is one record, the bundle's tenant without its partners (its *settings*), and each of its partners
//! another, Graph's JSON as it was given. Every change makes one new revision of the whole. A [`Store`] does not judge:
//! what may be written is decided before ([`Plan`]), on what was read at the revision that the change is made on.
//!
//! The trait is synchronous: an operator's command does one thing after another, and so does a thread that may block.
//! An engine whose client is asynchronous has its runtime to itself.

mod bundle;
mod change;
mod difference;
mod embedded;
mod error;
mod plan;

use std::collections::BTreeMap;
use std::io;

pub use self::bundle::{records_of, write_bundle, write_bundle_to};
pub use self::change::{Change, Counts, Edit, Key};
pub use self::difference::{Difference, differences};
pub(in crate::source) use self::embedded::Since;
pub use self::embedded::{Embedded, Mark};
pub use self::error::StoreError;
pub(in crate::source) use self::plan::All;
pub use self::plan::{Concern, Plan, compile_records, records_as_of};
use crate::id::TenantId;

/// One engine.
pub trait Store {
    /// Where it is, for messages.
    fn place(&self) -> String;

    /// Hands every record over as of one revision, which is told: tenants in the order of their ids, each followed by
    /// its partners in the order of theirs. Nobody is kept from writing for longer than the reading takes.
    ///
    /// # Errors
    /// [`StoreError::Empty`] where nothing was ever written; what `records` refuse is [`StoreError::Output`].
    fn read(&mut self, records: &mut dyn Records) -> Result<u64, StoreError>;

    /// Makes the change whole or not at all, on revision `on` (0: the empty store) and on no other, and tells the
    /// new revision. When this returns, the change is durable. `progress` hears how many records were written so far.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the store has another revision by now; nothing was written then.
    fn apply(&mut self, change: &Change, on: u64, progress: &mut dyn FnMut(u64)) -> Result<u64, StoreError>;

    /// The changes that were made, the latest first.
    fn history(&mut self) -> Result<Vec<Past>, StoreError>;

    /// What the records that changed since `revision` were then.
    ///
    /// # Errors
    /// [`StoreError::NotKept`] where that cannot be told any more, or never could.
    fn former(&mut self, revision: u64) -> Result<Former, StoreError>;
}

/// Who takes records one by one.
pub trait Records {
    /// The settings of the next tenant, which has so many partners.
    fn tenant(&mut self, id: TenantId, settings: &str, partners: usize) -> io::Result<()>;

    /// The next partner of that tenant, `of`.
    fn partner(&mut self, of: TenantId, id: TenantId, record: &str) -> io::Result<()>;
}

/// A change that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// The revision that it made.
    pub revision: u64,
    /// When, in Unix seconds.
    pub at: i64,
    /// What was done.
    pub what: String,
    /// Tenants whose settings were touched.
    pub tenants: Counts,
    /// Partners.
    pub partners: Counts,
    /// Whether the policy as of this revision can still be told.
    pub kept: bool,
}

/// What changed since some revision, as it was then.
#[derive(Debug)]
pub struct Former {
    /// The present revision.
    pub present: u64,
    /// Absent records are None.
    pub records: BTreeMap<Key, Option<Box<str>>>,
}
