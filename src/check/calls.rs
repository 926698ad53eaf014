//! Calls that are under way, until their answers have been taken: whoever begins one after the other, and says no more
//! or takes nothing, must not fill the memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::telemetry::Sharded;

/// A connection with no more than these is not asked how many others have. Envoy has about one for each request that
/// it waits with.
const FEW: usize = 128;
/// Of all connections; each takes some kilobytes.
const MOST: usize = 32 * 1024;

/// The calls of one connection, among those of all.
#[derive(Debug, Clone, Default)]
pub(in crate::check) struct Calls(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: Arc<Sharded<AtomicUsize>>,
    mine: AtomicUsize,
}

/// There are too many, and this connection has more than a few of them.
#[derive(Debug, thiserror::Error)]
#[error("too many calls are under way")]
pub(in crate::check) struct TooMany;

impl Calls {
    /// Those of another connection.
    pub(in crate::check) fn of_another(&self) -> Self {
        Self(Arc::new(Counts { all: Arc::clone(&self.0.all), mine: AtomicUsize::new(0) }))
    }

    /// One more, for as long as it is held.
    pub(in crate::check) fn begin(&self) -> Result<Call, TooMany> {
        let Counts { all, mine } = &*self.0;
        all.mine().fetch_add(1, Ordering::Relaxed);
        let before = mine.fetch_add(1, Ordering::Relaxed);
        let call = Call(self.clone());
        if before < FEW || self.of_all() <= MOST { Ok(call) } else { Err(TooMany) }
    }

    /// A call may end in another thread than it began in, so that one thread's count may be below zero.
    fn of_all(&self) -> usize {
        self.0.all.iter().fold(0, |sum, count| sum.wrapping_add(count.load(Ordering::Relaxed)))
    }
}

/// A call that is under way.
#[derive(Debug)]
pub(in crate::check) struct Call(Calls);

impl Drop for Call {
    fn drop(&mut self) {
        let Counts { all, mine } = &*self.0.0;
        all.mine().fetch_sub(1, Ordering::Relaxed);
        mine.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_many_has_no_more_where_all_have_too_many_and_whoever_has_few_has() {
        let calls = Calls::default();
        let many: Vec<_> = (0..MOST).map(|_| calls.begin().expect("room")).collect();
        assert!(calls.begin().is_err());
        let another = calls.of_another();
        let few: Vec<_> = (0..FEW).map(|_| another.begin().expect("few")).collect();
        assert!(another.begin().is_err());
        std::thread::spawn(|| drop(many)).join().expect("dropped elsewhere");
        assert_eq!(calls.of_all(), FEW);
        assert!(another.begin().is_ok() && calls.begin().is_ok());
        drop(few);
        assert_eq!(calls.of_all(), 0);
    }
}
