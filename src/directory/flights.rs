//! One read for all who wait for the same record, and a bounded number of reads at once.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::directory::caches::Key;

/// The reads that are under way. They end with this, or by themselves when nobody waits any more: whoever comes next
/// finds what they brought.
#[derive(Debug)]
pub(in crate::directory) struct Flights {
    places: Arc<Semaphore>,
    under_way: Arc<Mutex<UnderWay>>,
    tasks: Mutex<JoinSet<()>>,
}

type UnderWay = HashMap<Key, watch::Receiver<Option<bool>>, RandomState>;

impl Flights {
    pub(in crate::directory) fn new(at_once: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(at_once)), under_way: Arc::default(), tasks: Mutex::default() }
    }

    /// Waits for the read of `key`: the one that is under way, or `work` as soon as there is a place for it. Gives what
    /// it came to.
    pub(in crate::directory) async fn board(
        &self,
        key: Key,
        work: impl Future<Output = bool> + Send + 'static,
    ) -> bool {
        let known = locked(&self.under_way).get(&key).cloned();
        if let Some(flight) = known {
            return landed(flight).await;
        }
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return false };
        let (result, flight) = watch::channel(None);
        // Somebody may have had a place before.
        if let Some(first) = Self::register(&self.under_way, key, &flight) {
            drop(place);
            return landed(first).await;
        }
        let off = Registered { under_way: Arc::clone(&self.under_way), key };
        self.start(async move {
            let found = work.await;
            drop((off, place));
            result.send_replace(Some(found));
        });
        landed(flight).await
    }

    fn start(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = locked(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }

    fn register(
        under_way: &Mutex<UnderWay>,
        key: Key,
        flight: &watch::Receiver<Option<bool>>,
    ) -> Option<watch::Receiver<Option<bool>>> {
        let mut under_way = locked(under_way);
        let first = under_way.get(&key).cloned();
        if first.is_none() {
            under_way.insert(key, flight.clone());
        }
        first
    }
}

/// What a read came to; one that was cut off came to nothing.
async fn landed(mut flight: watch::Receiver<Option<bool>>) -> bool {
    flight.wait_for(Option::is_some).await.is_ok_and(|result| result.unwrap_or_default())
}

/// Under way until this is dropped.
struct Registered {
    under_way: Arc<Mutex<UnderWay>>,
    key: Key,
}

impl Drop for Registered {
    fn drop(&mut self) {
        locked(&self.under_way).remove(&self.key);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
