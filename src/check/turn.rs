//! How long a task waits between being woken and its turn, which is how busy its thread is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

/// The turns of one task.
#[derive(Debug, Default)]
pub(in crate::check) struct Turn {
    woken: Option<(Arc<Woken>, Waker)>,
}

#[derive(Debug)]
struct Woken {
    task: Waker,
    /// When it was, in nanoseconds by [`now`]; zero if it was not.
    at: AtomicU64,
}

impl Turn {
    /// Another turn of the task of this waker: how long it had to wait, and the waker by which that will be known of the
    /// next one.
    pub(in crate::check) fn begins(&mut self, task: &Waker) -> (Duration, &Waker) {
        let waited = self.woken.as_ref().map_or(Duration::ZERO, |(woken, _)| woken.waited());
        if self.woken.as_ref().is_none_or(|(woken, _)| !woken.task.will_wake(task)) {
            self.woken = None;
        }
        let (_, waker) = self.woken.get_or_insert_with(|| {
            let woken = Arc::new(Woken { task: task.clone(), at: AtomicU64::new(0) });
            (Arc::clone(&woken), woken.into())
        });
        (waited, waker)
    }
}

impl Woken {
    fn waited(&self) -> Duration {
        match self.at.swap(0, Ordering::Relaxed) {
            0 => Duration::ZERO,
            at => Duration::from_nanos(now().saturating_sub(at)),
        }
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.at.load(Ordering::Relaxed) == 0 {
            self.at.store(now(), Ordering::Relaxed);
        }
        self.task.wake_by_ref();
    }
}

/// Nanoseconds since some moment before.
fn now() -> u64 {
    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(BEGINNING.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn what_others_do_before_is_waited_for() {
        const LONG: Duration = Duration::from_millis(20);
        let mut turn = Turn::default();
        let mut waits = Vec::new();
        let turns = poll_fn(|context| {
            let (waited, waker) = turn.begins(context.waker());
            waits.push(waited);
            waker.wake_by_ref();
            if waits.len() < 3 { Poll::Pending } else { Poll::Ready(()) }
        });
        // On this one thread nothing goes on meanwhile.
        let busy = async {
            tokio::task::yield_now().await;
            std::thread::sleep(LONG);
        };
        tokio::join!(turns, busy);
        assert_eq!(waits.first(), Some(&Duration::ZERO));
        assert!(waits.iter().any(|waited| *waited >= LONG), "{waits:?}");
    }

    #[tokio::test]
    async fn whoever_was_not_woken_did_not_wait() {
        let mut turn = Turn::default();
        poll_fn(|context| {
            turn.begins(context.waker());
            assert_eq!(turn.begins(context.waker()).0, Duration::ZERO);
            Poll::Ready(())
        })
        .await;
    }
}
