//! Live state: one value, swapped whole, read without locks.
//!
//! What must agree lives in one value. A [`Publisher`] is its single writer and cannot be cloned; any number of
//! [`Reader`]s see either the old value or the new one.

mod status;

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};

pub use self::status::{Rejection, Status};

/// The two ends of a cell that holds nothing yet.
pub fn cell<T>() -> (Publisher<T>, Reader<T>) {
    let cell = Arc::new(ArcSwapOption::empty());
    (Publisher { cell: Arc::clone(&cell) }, Reader { cell })
}

/// The one that writes.
#[derive(Debug)]
pub struct Publisher<T> {
    cell: Arc<ArcSwapOption<T>>,
}

impl<T> Publisher<T> {
    /// Replaces the value for every reader from here on.
    pub fn publish(&self, value: T) {
        self.cell.store(Some(Arc::new(value)));
    }
}

/// One of those who read.
#[derive(Debug)]
pub struct Reader<T> {
    cell: Arc<ArcSwapOption<T>>,
}

impl<T> Reader<T> {
    /// The present value, if there was ever one. Pins it: never hold this across an await.
    pub fn borrow(&self) -> Guard<Option<Arc<T>>> {
        self.cell.load()
    }
}

impl<T> Clone for Reader<T> {
    fn clone(&self) -> Self {
        Self { cell: Arc::clone(&self.cell) }
    }
}
