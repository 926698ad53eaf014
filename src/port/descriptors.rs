//! File descriptors, one for each connection.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Has as many as may be: most processes start with few, for the sake of those that use `select(2)`.
pub fn use_all_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(limit = limit.current, "cannot have more file descriptors: {error}");
    }
}

/// Whether something failed for want of them, here or on the whole machine.
pub(in crate::port) fn are_used_up(error: &io::Error) -> bool {
    Errno::from_io_error(error).is_some_and(|error| [Errno::MFILE, Errno::NFILE].contains(&error))
}
