//! Keeps entries no older than the revision that decisions name, while a watch changes them and loads bring them.
//!
//! An entry knows the revision at which it was read; the ledger knows through which one the watch was *applied*. An
//! entry is good for a snapshot of revision *r* if either is no less than *r*: it was read that late, or every change
//! until then was applied to it. Nor may *r* be before the last change of settings that the entry was read with, for a
//! decision would join it to others than the store had. Three rules make this true, whatever comes between whose steps:
//!
//! * a change is applied first and counted then ([`Ledger::apply`]), and published last, by the caller;
//! * a load that a change of the same record overtook is not kept, nor one from before a restart ([`Ledger::keep`]);
//! * who looks reads the count first and the entry then ([`Ledger::find`]): the other way around, an entry from before
//!   a change could be taken for one from after it.
//!
//! `tests/shelf/` tries the interleavings of exactly this file, and `tests/twins/` of copies that lack one rule each.

use std::collections::VecDeque;

use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering, PoisonError};
use crate::id::TenantId;

/// Changes remembered, to tell whether one overtook a load.
const REMEMBERED: usize = 4096;

/// When an entry was what the store had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// When it was read, or known to be the same.
    pub read_at: u64,
    /// The last revision that had written settings then.
    pub settings: u64,
}

/// Through which revision entries are what the store has.
#[derive(Debug)]
pub struct Ledger {
    applied: AtomicU64,
    changes: Mutex<Changes>,
}

#[derive(Debug)]
struct Changes {
    /// In their order, each with its revision.
    recent: VecDeque<(u64, TenantId)>,
    /// Every change after this revision is among them.
    since: u64,
    /// Told apart by this number: what was read before one is of no use after it.
    restarts: u64,
}

/// When a load began.
#[derive(Debug, Clone, Copy)]
pub struct Begun(u64);

/// What became of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is good for snapshots until this revision, and of later ones with the next changes.
    Until(u64),
    /// The record changed after it was read, or may have: read it again.
    Overtaken,
}

impl Ledger {
    /// A ledger without entries, whose watch begins after `revision`.
    pub fn new(revision: u64) -> Self {
        let changes = Changes { recent: VecDeque::new(), since: revision, restarts: 0 };
        Self { applied: AtomicU64::new(revision), changes: Mutex::new(changes) }
    }

    /// Through which revision the watch was applied.
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// What `get` finds, if it is good for a snapshot of `revision`.
    pub fn find<T>(&self, revision: u64, get: impl FnOnce() -> Option<(Held, T)>) -> Option<T> {
        let (applied, (Held { read_at, settings }, found)) = (self.applied(), get()?);
        let found = (settings <= revision).then_some(found)?;
        (read_at.max(applied) >= revision).then_some(found)
    }

    /// Changes entries by what the watch tells of `changed` until `revision`. Only then may a snapshot of that
    /// revision be published.
    pub fn apply(
        &self,
        revision: u64,
        changed: impl IntoIterator<Item = (u64, TenantId)>,
        change: impl FnOnce(),
    ) {
        let mut log = self.changes();
        log.recent.extend(changed);
        while log.recent.len() > REMEMBERED {
            log.since = log.recent.pop_front().map_or(revision, |(forgotten, _)| forgotten);
        }
        change();
        self.applied.store(revision.max(self.applied()), Ordering::Release);
    }

    /// To be asked before a load begins.
    pub fn begin(&self) -> Begun {
        Begun(self.changes().restarts)
    }

    /// Keeps what was read of `id` at `read_at`, unless it is overtaken.
    pub fn keep(&self, id: TenantId, begun: Begun, read_at: u64, keep: impl FnOnce()) -> Kept {
        let changes = self.changes();
        if begun.0 != changes.restarts {
            return Kept::Overtaken;
        }
        let newer = || changes.recent.iter().rev().take_while(|(revision, _)| *revision > read_at);
        if read_at < changes.since || newer().any(|(_, changed)| *changed == id) {
            return Kept::Overtaken;
        }
        keep();
        Kept::Until(read_at.max(self.applied()))
    }

    /// Starts anew after `revision`, for what happened until then is not known.
    pub fn restart(&self, revision: u64, forget: impl FnOnce()) {
        let mut changes = self.changes();
        changes.recent.clear();
        changes.since = revision;
        changes.restarts = changes.restarts.wrapping_add(1);
        forget();
        self.applied.store(revision, Ordering::Release);
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
