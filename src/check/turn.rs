//! How long a task waits between being woken and its turn, which is how busy its thread is, and when its turn began.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

/// The turns of one task.
#[derive(Debug, Default)]
pub(in crate::check) struct Turns {
    woken: Option<(Arc<Woken>, Waker)>,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(in crate::check) struct Turn {
    pub(in crate::check) began: Instant,
    /// For this turn.
    pub(in crate::check) waited: Duration,
}

#[derive(Debug)]
struct Woken {
    task: Waker,
    /// When it was, in nanoseconds since [`BEGINNING`]; zero if it was not.
    at: AtomicU64,
}

impl Turn {
    /// That nobody waited for.
    pub(in crate::check) fn first() -> Self {
        Self { began: Instant::now(), waited: Duration::ZERO }
    }
}

impl Turns {
    /// Another turn of the task of this waker, and the waker by which the wait for the next one will be known.
    pub(in crate::check) fn next(&mut self, task: &Waker) -> (Turn, &Waker) {
        let began = Instant::now();
        let waited = self.woken.as_ref().map_or(Duration::ZERO, |(woken, _)| woken.until(began));
        if self.woken.as_ref().is_none_or(|(woken, _)| !woken.task.will_wake(task)) {
            self.woken = None;
        }
        let (_, waker) = self.woken.get_or_insert_with(|| {
            let woken = Arc::new(Woken { task: task.clone(), at: AtomicU64::new(0) });
            (Arc::clone(&woken), woken.into())
        });
        (Turn { began, waited }, waker)
    }
}

impl Woken {
    fn until(&self, turn: Instant) -> Duration {
        match self.at.swap(0, Ordering::Relaxed) {
            0 => Duration::ZERO,
            at => Duration::from_nanos(nanoseconds(turn).saturating_sub(at)),
        }
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.at.load(Ordering::Relaxed) == 0 {
            self.at.store(nanoseconds(Instant::now()), Ordering::Relaxed);
        }
        self.task.wake_by_ref();
    }
}

/// Some moment before all others.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

fn nanoseconds(moment: Instant) -> u64 {
    let since = moment.saturating_duration_since(*BEGINNING).as_nanos();
    u64::try_from(since).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn what_others_do_before_is_waited_for() {
        const LONG: Duration = Duration::from_millis(20);
        let mut turns = Turns::default();
        let mut waits = Vec::new();
        let task = poll_fn(|context| {
            let (turn, waker) = turns.next(context.waker());
            waits.push(turn.waited);
            waker.wake_by_ref();
            if waits.len() < 3 { Poll::Pending } else { Poll::Ready(()) }
        });
        // On this one thread nothing goes on meanwhile.
        let busy = async {
            tokio::task::yield_now().await;
            std::thread::sleep(LONG);
        };
        tokio::join!(task, busy);
        assert_eq!(waits.first(), Some(&Duration::ZERO));
        assert!(waits.iter().any(|waited| *waited >= LONG), "{waits:?}");
    }

    #[tokio::test]
    async fn whoever_was_not_woken_did_not_wait() {
        let mut turns = Turns::default();
        poll_fn(|context| {
            turns.next(context.waker());
            assert_eq!(turns.next(context.waker()).0.waited, Duration::ZERO);
            Poll::Ready(())
        })
        .await;
    }
}
