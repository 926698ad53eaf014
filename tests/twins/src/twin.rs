//! Which twin the code of this thread is, and what befalls it.

use std::cell::Cell;

/// A safety rule, and the places where its check is; or a fault.
#[derive(Debug)]
pub struct Entry {
    /// Its own.
    pub name: &'static str,
    /// No twin, but a misfortune.
    pub fault: bool,
    /// What a twin breaks, and where that is written.
    pub rule: &'static str,
    /// What it changes, relative to `src/`.
    pub files: &'static [&'static str],
}

/// The whole list.
pub const LIST: &[Entry] = include!(concat!(env!("OUT_DIR"), "/list.rs"));

thread_local! {
    /// Of this thread alone: tests of different twins run side by side.
    static TWIN: Cell<Option<usize>> = const { Cell::new(None) };
    static FAULT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Whether this thread is that twin.
pub fn is(twin: usize) -> bool {
    TWIN.get() == Some(twin)
}

/// Whether that fault befalls this thread.
pub fn befalls(fault: usize) -> bool {
    FAULT.get() == Some(fault)
}

/// Runs something as a twin, or as the original.
pub fn acting<T>(twin: Option<usize>, run: impl FnOnce() -> T) -> T {
    let _restored = Restored(&TWIN, TWIN.replace(twin));
    run()
}

/// Runs something that the fault of this name befalls.
pub fn befallen<T>(name: &str, run: impl FnOnce() -> T) -> T {
    let fault = LIST.iter().position(|entry| entry.fault && entry.name == name);
    let _restored = Restored(&FAULT, FAULT.replace(fault));
    run()
}

struct Restored(&'static std::thread::LocalKey<Cell<Option<usize>>>, Option<usize>);

impl Drop for Restored {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}
