//! How far the store was seen to have counted.
//!
//! Whoever asks for what its members agree on hears of no less than anybody did before. Where it is less, the store was
//! restored from a backup: it writes other things at the revisions that it has had once, and counts beyond them in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The highest revision that anybody heard of, shared by all who hear.
#[derive(Debug, Clone, Default)]
pub(in crate::source) struct Horizon(Arc<AtomicU64>);

impl Horizon {
    pub(in crate::source) fn revision(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(in crate::source) fn saw(&self, revision: u64) {
        self.0.fetch_max(revision, Ordering::SeqCst);
    }

    /// The store counts from `revision` again.
    pub(in crate::source) fn begin_anew(&self, revision: u64) {
        self.0.store(revision, Ordering::SeqCst);
    }
}
