//! What is counted at every check, by thread, and added up when somebody asks.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::engine::{Effect, Reason};
use crate::telemetry::sharded::Sharded;

/// Upper bounds in nanoseconds, and as Prometheus writes seconds; a warm check takes microseconds, a cold one tens.
const BUCKETS: [(u64, &str); 14] = [
    (5_000, "0.000005"),
    (10_000, "0.00001"),
    (20_000, "0.00002"),
    (50_000, "0.00005"),
    (100_000, "0.0001"),
    (200_000, "0.0002"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_000_000, "0.002"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (500_000_000, "0.5"),
];

/// The counts of all threads.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct Tally(Sharded<Counts>);

/// Those of one thread.
#[derive(Debug)]
struct Counts {
    /// By reason, then effect.
    checks: [[AtomicU64; 3]; Reason::ALL.len()],
    /// By the bucket that a check falls into; the last has no bound.
    took: [AtomicU64; BUCKETS.len() + 1],
    nanoseconds: AtomicU64,
    token_hits: AtomicU64,
    token_misses: AtomicU64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            checks: std::array::from_fn(|_| Default::default()),
            took: std::array::from_fn(|_| AtomicU64::default()),
            nanoseconds: AtomicU64::default(),
            token_hits: AtomicU64::default(),
            token_misses: AtomicU64::default(),
        }
    }
}

impl Tally {
    pub(in crate::telemetry) fn checked(&self, effect: Effect, reason: Reason, took: Duration) {
        let counts = self.0.mine();
        if let Some(by_effect) = counts.checks.get(reason.index()) {
            add(of(by_effect, effect), 1);
        }
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BUCKETS.iter().position(|(bound, _)| nanoseconds <= *bound).unwrap_or(BUCKETS.len());
        if let Some(bucket) = counts.took.get(bucket) {
            add(bucket, 1);
        }
        add(&counts.nanoseconds, nanoseconds);
    }

    pub(in crate::telemetry) fn token_looked_up(&self, hit: bool) {
        let counts = self.0.mine();
        add(if hit { &counts.token_hits } else { &counts.token_misses }, 1);
    }

    /// Checks with this outcome.
    pub(in crate::telemetry) fn checks(&self, effect: Effect, reason: Reason) -> u64 {
        self.sum(|counts| Some(of(counts.checks.get(reason.index())?, effect)))
    }

    /// Tokens that were known, and those that were not.
    pub(in crate::telemetry) fn tokens(&self) -> [u64; 2] {
        [self.sum(|counts| Some(&counts.token_hits)), self.sum(|counts| Some(&counts.token_misses))]
    }

    /// The histogram of how long checks took, in Prometheus' text format.
    pub(in crate::telemetry) fn render(&self, name: &str, text: &mut String) {
        let mut below = 0;
        let bounds = BUCKETS.iter().map(|(_, bound)| *bound).chain(["+Inf"]);
        for (bucket, bound) in bounds.enumerate() {
            below += self.sum(|counts| counts.took.get(bucket));
            let _infallible = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {below}");
        }
        let seconds = Duration::from_nanos(self.sum(|counts| Some(&counts.nanoseconds))).as_secs_f64();
        let _infallible = writeln!(text, "{name}_sum {seconds}\n{name}_count {below}");
    }

    fn sum<'t>(&'t self, count: impl Fn(&'t Counts) -> Option<&'t AtomicU64>) -> u64 {
        self.0.iter().filter_map(count).map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

fn of(by_effect: &[AtomicU64; 3], effect: Effect) -> &AtomicU64 {
    let [allow, deny, challenge] = by_effect;
    match effect {
        Effect::Allow => allow,
        Effect::Deny => deny,
        Effect::Challenge => challenge,
    }
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_all_threads_add_up() {
        let tally = Tally::default();
        std::thread::scope(|scope| {
            for thread in 0..20 {
                let tally = &tally;
                scope.spawn(move || {
                    for check in 0..1000 {
                        let took = Duration::from_micros(if check % 10 == 0 { 5 } else { 700_000 });
                        tally.checked(Effect::Deny, Reason::UsersBlocked, took);
                        tally.token_looked_up(thread % 2 == 0);
                    }
                });
            }
        });
        assert_eq!(tally.checks(Effect::Deny, Reason::UsersBlocked), 20_000);
        assert_eq!(tally.checks(Effect::Allow, Reason::UsersBlocked), 0);
        assert_eq!(tally.tokens(), [10_000, 10_000]);
        let mut text = String::new();
        tally.render("t", &mut text);
        for line in
            ["t_bucket{le=\"0.000005\"} 2000", "t_bucket{le=\"0.5\"} 2000", "t_bucket{le=\"+Inf\"} 20000"]
        {
            assert!(text.contains(line), "{text}");
        }
        assert!(text.ends_with("t_sum 12600.01\nt_count 20000\n"), "{text}");
    }
}
