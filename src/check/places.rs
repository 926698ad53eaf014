//! How many checks may be under way at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::telemetry::Sharded;

/// A bounded number of places, counted by thread.
#[derive(Debug)]
pub(in crate::check) struct Places {
    limit: usize,
    taken: Sharded<AtomicUsize>,
}

/// From here on, one check more in each thread does not matter.
const MANY: usize = 64;

impl Places {
    pub(in crate::check) fn new(limit: usize) -> Self {
        Self { limit, taken: Sharded::default() }
    }

    /// A place, unless all are taken. A check that is its thread's only one does not look at those of others, which
    /// would make every thread's count everyone's business.
    pub(in crate::check) fn take(&self) -> Option<Place<'_>> {
        let mine = self.taken.mine();
        let place = Place(mine);
        let alone = mine.fetch_add(1, Ordering::Relaxed) == 0;
        // This one is counted already, and given back by its drop where it is one too many.
        (alone && self.limit >= MANY || self.taken() <= self.limit).then_some(place)
    }

    /// How many are taken.
    pub(in crate::check) fn taken(&self) -> usize {
        self.taken.iter().map(|taken| taken.load(Ordering::Relaxed)).sum()
    }
}

/// A place that is given back when dropped, wherever that is.
#[derive(Debug)]
pub(in crate::check) struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_limit_and_each_given_back() {
        for limit in [0, 1, 100] {
            let places = Places::new(limit);
            let taken: Vec<_> = (0..limit).map(|_| places.take().expect("a place")).collect();
            assert!(places.take().is_none(), "{limit}");
            assert_eq!(places.taken(), limit);
            drop(taken);
            assert_eq!(places.taken(), 0);
        }
    }
}
