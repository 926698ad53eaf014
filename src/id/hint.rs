//! Where something was found.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A place where something was found last. Whoever looks there makes sure that it is what they look for.
#[derive(Debug, Default)]
pub struct Hint(AtomicUsize);

impl Hint {
    /// Where to look first.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// It was found here.
    pub fn set(&self, place: usize) {
        self.0.store(place, Ordering::Relaxed);
    }
}
