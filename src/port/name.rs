//! The file that a Unix socket is found by.
//!
//! Whoever takes it over from a process that listens keeps that one's socket beside it, and gives the name back when
//! it is the first to leave: a successor that fails must not take its predecessor with it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

/// The name while it is ours, or was; given up when dropped.
#[derive(Debug)]
pub(in crate::port) struct Name {
    path: PathBuf,
    identity: Identity,
}

/// Device and inode.
type Identity = (u64, u64);

impl Name {
    /// Gives the socket at `beside` the name `path`, which leads somewhere all the time if it did before.
    pub(in crate::port) fn take(path: &Path, beside: &Path) -> io::Result<Self> {
        if is_served(path) {
            let former = former(path);
            drop(fs::remove_file(&former));
            // Where that cannot be, there is just nobody to give the name back to.
            drop(fs::hard_link(path, former));
        }
        fs::rename(beside, path)?;
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }

    fn is(&self, path: &Path) -> bool {
        identity(path).is_ok_and(|found| found == self.identity)
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let former = former(&self.path);
        if self.is(&former) {
            drop(fs::remove_file(&former));
        }
        if !self.is(&self.path) {
            return;
        }
        if !is_served(&former) || fs::rename(&former, &self.path).is_err() {
            // Whoever connects from now on should be refused at once.
            drop(fs::remove_file(&self.path));
            drop(fs::remove_file(&former));
        }
    }
}

/// Whether somebody listens there.
pub(in crate::port) fn is_served(path: &Path) -> bool {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let connected = SocketAddrUnix::new(path).and_then(|address| {
        connect(socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?, &address)
    });
    // A queue that is full is somebody's.
    matches!(connected, Ok(()) | Err(Errno::AGAIN))
}

/// Where the socket is kept whose name was taken.
fn former(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().display();
    path.with_file_name(format!(".{name}.former"))
}

fn identity(path: &Path) -> io::Result<Identity> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}
