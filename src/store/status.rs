//! How the policy is: when its source was last reached, what was refused last and why.

use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwapOption;

/// Shared by the source, which writes, and whoever must know.
#[derive(Debug, Default)]
pub struct Status {
    reached_at: AtomicI64,
    applied_at: AtomicI64,
    rejection: ArcSwapOption<Rejection>,
    unreachable: ArcSwapOption<Rejection>,
}

/// An update that was not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Unix seconds.
    pub at: i64,
    /// What was wrong, and where.
    pub reason: String,
}

impl Status {
    /// The source answered at `now` (Unix seconds).
    pub fn reached(&self, now: i64) {
        self.reached_at.store(now, Ordering::Relaxed);
        self.unreachable.store(None);
    }

    /// The source could not be read.
    pub fn unreached(&self, problem: Rejection) {
        self.unreachable.store(Some(problem.into()));
    }

    /// An update was applied.
    pub fn applied(&self, now: i64) {
        self.reached(now);
        self.applied_at.store(now, Ordering::Relaxed);
        self.rejection.store(None);
    }

    /// An update was refused.
    pub fn rejected(&self, rejection: Rejection) {
        self.rejection.store(Some(rejection.into()));
    }

    /// Whatever was refused is not there any more.
    pub fn nothing_rejected(&self) {
        self.rejection.store(None);
    }

    /// Seconds since the source was last reached.
    pub fn age(&self, now: i64) -> i64 {
        now.saturating_sub(self.reached_at.load(Ordering::Relaxed)).max(0)
    }

    /// When the source was last reached, in Unix seconds; 0 for never.
    pub fn reached_at(&self) -> i64 {
        self.reached_at.load(Ordering::Relaxed)
    }

    /// The policy is one that was kept: the source was last reached at `then`, and is not now.
    pub fn restored(&self, then: i64) {
        self.reached_at.store(then, Ordering::Relaxed);
        self.applied_at.store(then, Ordering::Relaxed);
    }

    /// When the present policy was applied, in Unix seconds; 0 for never.
    pub fn applied_at(&self) -> i64 {
        self.applied_at.load(Ordering::Relaxed)
    }

    /// Why the source cannot be read now.
    pub fn unreachable(&self) -> Option<Rejection> {
        self.unreachable.load().as_deref().cloned()
    }

    /// What was refused since the present policy was applied.
    pub fn rejection(&self) -> Option<Rejection> {
        self.rejection.load().as_deref().cloned()
    }
}
