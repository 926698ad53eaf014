//! Every connection of a port, and which of them may have to make room.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

/// Those that there are; dropping it ends them.
pub(in crate::port) struct Connections {
    all: JoinSet<()>,
    places: Arc<Semaphore>,
    openings: Openings,
}

impl Connections {
    pub(in crate::port) fn new(most: usize) -> Self {
        let places = Arc::new(Semaphore::new(most));
        Self { all: JoinSet::new(), places, openings: Openings::default() }
    }

    /// A place for one more: where all are taken, that of the oldest that has not begun, or the next to be free.
    pub(in crate::port) async fn place(&mut self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(place);
        }
        self.end_oldest_opening().await;
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Ends the oldest that has not begun; false if there is none.
    pub(in crate::port) async fn end_oldest_opening(&mut self) -> bool {
        let Some(oldest) = self.openings.oldest() else { return false };
        oldest.abort();
        // Its descriptor is free when its task is gone, if no other task is the first.
        self.one_ends().await;
        true
    }

    pub(in crate::port) fn spawn<F>(
        &mut self,
        place: Option<OwnedSemaphorePermit>,
        serve: impl FnOnce(Arc<AtomicBool>) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let begun = Arc::new(AtomicBool::new(false));
        let serving = serve(Arc::clone(&begun));
        let task = self.all.spawn(async move {
            serving.await;
            drop(place);
        });
        self.openings.push(Opening { begun, task });
    }

    /// Waits for one to end; false if there is none.
    pub(in crate::port) async fn one_ends(&mut self) -> bool {
        self.all.join_next().await.is_some()
    }

    /// Whether all have ended in `time`.
    pub(in crate::port) async fn end_within(&mut self, time: Duration) -> bool {
        timeout(time, async { while self.one_ends().await {} }).await.is_ok()
    }

    pub(in crate::port) fn count(&self) -> usize {
        self.all.len()
    }
}

/// Connections that may not have begun, the oldest first.
#[derive(Default)]
struct Openings {
    all: VecDeque<Opening>,
    /// How many there were when they were last looked through.
    kept: usize,
}

struct Opening {
    begun: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Opening {
    fn is_open(&self) -> bool {
        !self.begun.load(Ordering::Relaxed) && !self.task.is_finished()
    }
}

/// It is not worth looking for fewer.
const FEW: usize = 64;

impl Openings {
    fn push(&mut self, opening: Opening) {
        // Each keeps the memory of a task, and none tells when it is one no more.
        if self.all.len() >= self.kept.saturating_mul(2).max(FEW) {
            self.look_through();
        }
        self.all.push_back(opening);
    }

    fn oldest(&mut self) -> Option<AbortHandle> {
        self.look_through();
        self.all.pop_front().map(|oldest| oldest.task)
    }

    fn look_through(&mut self) {
        self.all.retain(Opening::is_open);
        self.kept = self.all.len();
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn whoever_has_begun_or_ended_is_forgotten_whoever_waits_in_front() {
        let mut connections = Connections::new(usize::MAX >> 3);
        let waits = |_| pending();
        connections.spawn(None, waits);
        for _ in 0..10 * FEW {
            connections.spawn(None, |_| async {});
            assert!(connections.one_ends().await);
            connections.spawn(None, |begun| async move {
                begun.store(true, Ordering::Relaxed);
            });
            assert!(connections.one_ends().await);
        }
        assert!(connections.openings.all.len() <= FEW, "{}", connections.openings.all.len());
        assert!(connections.end_oldest_opening().await);
        assert!(!connections.end_oldest_opening().await, "there was one");
        assert_eq!(connections.count(), 0);
    }
}
