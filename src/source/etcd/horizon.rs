//! How far the store was seen to have counted.
//!
//! Whoever asks for what its members agree on hears of no less than anybody did before. Where it is less, the store was
//! restored from a backup: it writes other things at the revisions that it has had once, and counts beyond them in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The cluster that the policy is of, and the highest revision that anybody heard of, shared by all who hear.
#[derive(Debug, Clone, Default)]
pub(in crate::source) struct Horizon(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    cluster: AtomicU64,
    revision: AtomicU64,
}

impl Horizon {
    pub(in crate::source) fn revision(&self) -> u64 {
        self.0.revision.load(Ordering::SeqCst)
    }

    pub(in crate::source) fn saw(&self, revision: u64) {
        self.0.revision.fetch_max(revision, Ordering::SeqCst);
    }

    /// Another store is there, or this one as it was once: it counts from `revision`.
    pub(in crate::source) fn begin_anew(&self, revision: u64) {
        self.0.revision.store(revision, Ordering::SeqCst);
    }

    /// The policy is of this cluster.
    pub(in crate::source) fn is_of(&self, cluster: u64) {
        self.0.cluster.store(cluster, Ordering::SeqCst);
    }

    /// Whether what this cluster says at `revision` goes on from what was seen before it was asked: `seen`.
    pub(in crate::source) fn continues(&self, cluster: u64, revision: u64, seen: u64) -> bool {
        self.0.cluster.load(Ordering::SeqCst) == cluster && revision >= seen
    }
}
