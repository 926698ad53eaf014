//! Who wakes a connection while it has its turn: HTTP/2 wakes itself with each answer. The runtime runs a task that woke
//! itself again at once, many times before it looks for what others have to say.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use atomic_waker::AtomicWaker;

/// The waker of a task that is woken between its turns, and told of what woke it within.
#[derive(Debug, Default)]
pub(in crate::check) struct Waking {
    task: AtomicWaker,
    has_its_turn: AtomicBool,
    is_woken: AtomicBool,
}

impl Waking {
    /// What woke the `task` until now is looked at in the turn that begins.
    pub(in crate::check) fn begin(&self, task: &Waker) {
        self.task.register(task);
        self.has_its_turn.store(true, Ordering::SeqCst);
        self.is_woken.swap(false, Ordering::SeqCst);
    }

    /// Whether it was woken in the turn that ends.
    pub(in crate::check) fn end(&self) -> bool {
        self.has_its_turn.store(false, Ordering::SeqCst);
        self.is_woken.swap(false, Ordering::SeqCst)
    }
}

impl Wake for Waking {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // In this order, as the end of a turn is told in the other: one of the two sees what the other did. Swapped, so
        // that the next turn sees what everyone did who woke it.
        self.is_woken.swap(true, Ordering::SeqCst);
        if !self.has_its_turn.load(Ordering::SeqCst) {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    const NEWS: usize = 100_000;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn within_a_turn_it_is_told_and_between_turns_the_task_is_woken() {
        let count = Arc::new(Count::default());
        let woken = || count.0.load(Ordering::Relaxed);
        let waking = Arc::new(Waking::default());
        let waker = Waker::from(Arc::clone(&waking));
        waking.begin(&Arc::clone(&count).into());
        assert!(!waking.end());
        waker.wake_by_ref();
        assert_eq!(woken(), 1);
        waking.begin(&Arc::clone(&count).into());
        waker.wake_by_ref();
        assert_eq!(woken(), 1);
        assert!(waking.end());
        assert!(!waking.end(), "told once");
        waking.begin(&Arc::clone(&count).into());
        assert!(!waking.end(), "what woke it before is looked at");
    }

    struct Tell(mpsc::Sender<()>);

    impl Wake for Tell {
        fn wake(self: Arc<Self>) {
            _ = self.0.send(());
        }
    }

    #[test]
    fn nothing_is_missed() {
        let waking = Arc::new(Waking::default());
        let (tell, told) = mpsc::channel();
        let task = Waker::from(Arc::new(Tell(tell)));
        let waker = Waker::from(Arc::clone(&waking));
        let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let theirs = Arc::clone(&counts);
        thread::spawn(move || {
            let [news, seen] = &*theirs;
            for number in 1..=NEWS {
                news.store(number, Ordering::Relaxed);
                waker.wake_by_ref();
                // Whoever missed it waits in vain: nothing else wakes them.
                while seen.load(Ordering::Relaxed) < number {
                    thread::yield_now();
                }
            }
        });
        let [news, seen] = &*counts;
        while seen.load(Ordering::Relaxed) < NEWS {
            waking.begin(&task);
            seen.store(news.load(Ordering::Relaxed), Ordering::Relaxed);
            if !waking.end() && seen.load(Ordering::Relaxed) < NEWS {
                told.recv_timeout(Duration::from_secs(20)).expect("woken");
            }
        }
    }
}
