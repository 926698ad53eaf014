//! State that every check writes, without a cache line that every core writes: each thread has a shard, and whoever
//! wants the whole looks at all of them.

use std::sync::atomic::{AtomicUsize, Ordering};

/// More threads than this share.
const SHARDS: usize = 16;

/// A value for each of a number of threads.
#[derive(Debug)]
pub struct Sharded<T>(Box<[Padded<T>; SHARDS]>);

/// Two cache lines, since processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded<T>(T);

impl<T> Sharded<T> {
    /// This thread's.
    pub fn mine(&self) -> &T {
        thread_local! {
            static SHARD: usize = {
                static THREADS: AtomicUsize = AtomicUsize::new(0);
                THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS
            };
        }
        let [first, ..] = &*self.0;
        &self.0.get(SHARD.with(|shard| *shard)).unwrap_or(first).0
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|Padded(shard)| shard)
    }
}

impl<T: Default> Default for Sharded<T> {
    fn default() -> Self {
        Self(Box::new(std::array::from_fn(|_| Padded::default())))
    }
}
