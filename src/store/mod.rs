//! Live state: one value, swapped whole, read without locks.
//!
//! What must agree lives in one value. A [`Publisher`] is its single writer and cannot be cloned; any number of
//! [`Reader`]s see either the old value or the new one. Whoever writes also frees: a policy of a million partners takes
//! a while to fall apart, and no check should have to wait for that.

mod status;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwapOption, Guard};

pub use self::status::{Rejection, Status};

/// The two ends of a cell that holds nothing yet.
pub fn cell<T>() -> (Publisher<T>, Reader<T>) {
    let cell = Arc::new(ArcSwapOption::empty());
    (Publisher { cell: Arc::clone(&cell), retired: Mutex::default() }, Reader { cell })
}

/// The one that writes.
#[derive(Debug)]
pub struct Publisher<T> {
    cell: Arc<ArcSwapOption<T>>,
    /// Former values that somebody still read when they were replaced.
    retired: Mutex<Vec<Arc<T>>>,
}

impl<T> Publisher<T> {
    /// Replaces the value for every reader from here on, and frees the former one here, unless somebody reads it just
    /// now; then the next call does, or the next [`Publisher::sweep`].
    pub fn publish(&self, value: T) {
        let former = self.cell.swap(Some(Arc::new(value)));
        self.retired().extend(former);
        self.sweep();
    }

    /// The present value. Whoever holds it for longer than the next [`Publisher::publish`] may be who frees it.
    pub fn present(&self) -> Option<Arc<T>> {
        self.cell.load_full()
    }

    /// Frees the former values that nobody reads any more.
    pub fn sweep(&self) {
        let mut retired = self.retired();
        // No reader can come to a value that is not in the cell: the last one is the last.
        let (read, unread): (Vec<_>, Vec<_>) =
            retired.drain(..).partition(|former| Arc::strong_count(former) > 1);
        *retired = read;
        drop(retired);
        drop(unread);
    }

    fn retired(&self) -> MutexGuard<'_, Vec<Arc<T>>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};

    use super::*;

    /// Tells who frees it.
    struct Told(mpsc::Sender<ThreadId>);

    impl Drop for Told {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).unwrap();
        }
    }

    #[test]
    fn a_reader_never_frees_what_it_read_last() {
        let (tell, told) = mpsc::channel();
        let (publisher, reader) = cell();
        publisher.publish(Told(tell.clone()));
        let guard = reader.borrow();
        publisher.publish(Told(tell.clone()));
        assert!(told.try_recv().is_err(), "freed while it is read");
        thread::scope(|scope| scope.spawn(|| drop(guard)).join().unwrap());
        assert!(told.try_recv().is_err(), "freed by a reader");
        publisher.sweep();
        assert_eq!(told.try_recv(), Ok(thread::current().id()));
        publisher.publish(Told(tell));
        assert_eq!(told.try_recv(), Ok(thread::current().id()), "nobody reads it");
    }
}
