//! How the policy is: when its source was last reached, what was refused last and why.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwapOption;

/// Shared by the source, which writes, and whoever must know.
#[derive(Debug, Default)]
pub struct Status {
    reached_at: AtomicI64,
    /// The same by a clock that is never set, in milliseconds.
    reached_tick: AtomicI64,
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
        self.reached_tick.store(tick(), Ordering::Relaxed);
        self.unreachable.store(None);
    }

    /// The source could not be read. A clock that was set back meanwhile does not make the policy younger.
    pub fn unreached(&self, problem: Rejection) {
        self.age_by(problem.at, tick());
        self.unreachable.store(Some(problem.into()));
    }

    fn age_by(&self, now: i64, tick: i64) {
        // Whole seconds of it: where no clock was set, this is never more than the wall clock says.
        let elapsed = tick.saturating_sub(self.reached_tick.load(Ordering::Relaxed)) / 1000;
        self.reached_at.fetch_min(now.saturating_sub(elapsed), Ordering::Relaxed);
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

    /// The policy is one that was kept: the source was last reached at `then`, and is not `now`.
    pub fn restored(&self, then: i64, now: i64) {
        self.reached_at.store(then, Ordering::Relaxed);
        let elapsed = now.saturating_sub(then).saturating_mul(1000);
        self.reached_tick.store(tick().saturating_sub(elapsed), Ordering::Relaxed);
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

/// Milliseconds by a clock that is never set, since some moment of this process.
fn tick() -> i64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    i64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_no_policy_younger() {
        let status = Status::default();
        status.reached(50_000);
        let hours = tick() + 8 * 3_600_000;
        // By its clock, two hours before it was reached.
        let now = 50_000 - 2 * 3600;
        assert_eq!(status.age(now), 0);
        status.age_by(now, hours);
        assert_eq!(status.age(now), 8 * 3600);
        status.reached(now);
        assert_eq!(status.age(now), 0, "it is there again");
    }

    #[test]
    fn a_clock_that_is_set_forward_makes_it_no_younger_either() {
        let status = Status::default();
        status.reached(50_000);
        status.age_by(90_000, tick() + 60_000);
        assert_eq!(status.age(90_000), 40_000);
    }

    #[test]
    fn where_no_clock_was_set_the_wall_clocks_seconds_count() {
        let status = Status::default();
        status.reached(50_000);
        let reached = status.reached_tick.load(Ordering::Relaxed);
        // Reached late in its second, asked early in another.
        status.age_by(50_001, reached + 100);
        status.age_by(50_006, reached + 5_999);
        assert_eq!(status.age(50_006), 6);
    }

    #[test]
    fn a_policy_that_was_kept_is_as_old_as_its_last_contact() {
        let status = Status::default();
        status.restored(50_000, 50_600);
        status.age_by(50_000, tick());
        assert_eq!(status.age(50_000), 600, "the clock was set back after the start");
        let never = Status::default();
        never.age_by(50_000, tick());
        assert_eq!(never.reached_at(), 0);
    }
}
