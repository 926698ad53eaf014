//! Numbers that nobody can foretell, so that not all of a fleet do the same at the same time.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Nine to eleven tenths of `wait`: what failed together must not come back together.
pub(in crate::source) fn jittered(wait: Duration) -> Duration {
    let share = u32::try_from(number() % 201).unwrap_or_default();
    wait.saturating_mul(900 + share) / 1000
}

/// Another one each time.
pub(in crate::source) fn number() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jittered_wait_is_within_a_tenth_and_not_always_the_same() {
        let waits: Vec<_> = (0..1000).map(|_| jittered(Duration::from_secs(1)).as_millis()).collect();
        assert!(waits.iter().all(|wait| (900..=1100).contains(wait)), "{waits:?}");
        assert!(waits.iter().any(|wait| *wait < 990) && waits.iter().any(|wait| *wait > 1010), "{waits:?}");
    }
}
