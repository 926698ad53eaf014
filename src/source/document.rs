//! The files of a policy, read whole and told apart by their content.

use std::fmt::Write as _;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;

use crate::policy::Revision;

/// Before it is believed that files are never left alone.
const READINGS: usize = 5;

/// One file, or every `*.json` of a directory.
#[derive(Debug, Clone)]
pub struct Files {
    path: PathBuf,
}

/// The documents of a bundle at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// In the order of their names.
    pub parts: Vec<Vec<u8>>,
    /// The first 16 hexadecimal digits of the SHA-256 of the one part, or of the hashes of several.
    pub revision: Revision,
}

impl Files {
    /// The bundle at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory whose changes hint at a change of the bundle. A file itself may be replaced at any time, by an
    /// editor's rename or by Kubernetes' `..data` link.
    pub fn directory(&self) -> &Path {
        if self.path.is_dir() {
            return &self.path;
        }
        directory_of(&self.path)
    }

    /// Reads everything, again where something changed meanwhile: half of one policy beside half of another is
    /// neither.
    pub fn read(&self) -> io::Result<Document> {
        self.read_by(|path| fs::read(path))
    }

    fn read_by(&self, read: impl Fn(&Path) -> io::Result<Vec<u8>>) -> io::Result<Document> {
        for _ in 0..READINGS {
            let before = self.stamp()?;
            let parts = self.paths()?.iter().map(|path| read(path)).collect::<io::Result<_>>()?;
            if self.stamp()? == before {
                return Ok(Document::new(parts));
            }
        }
        Err(io::Error::new(io::ErrorKind::WouldBlock, "it changes whenever it is read"))
    }

    /// What the file system says of them.
    pub fn stamp(&self) -> io::Result<Stamp> {
        let of = |path: PathBuf| fs::metadata(&path).map(|found| (path, FileStamp::of(&found)));
        Ok(Stamp(self.paths()?.into_iter().map(of).collect::<io::Result<_>>()?))
    }

    /// The files that are there now, in the order of their names.
    pub fn paths(&self) -> io::Result<Vec<PathBuf>> {
        if !self.path.is_dir() {
            return Ok(vec![self.path.clone()]);
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
            if !hidden && path.extension().is_some_and(|extension| extension == "json") {
                names.push(path);
            }
        }
        if names.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the directory has no `*.json`"));
        }
        names.sort();
        Ok(names)
    }
}

/// The directory that a file is in.
pub(in crate::source) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Tells whether files may have changed without reading them; a large bundle takes long to read and to hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(Vec<(PathBuf, FileStamp)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds; nobody can set this one back.
    changed: (i64, i64),
}

impl FileStamp {
    fn of(found: &Metadata) -> Self {
        let changed = (found.ctime(), found.ctime_nsec());
        Self { device: found.dev(), inode: found.ino(), size: found.size(), changed }
    }
}

impl Stamp {
    /// Whether everything written by `now` (Unix seconds) has another stamp than this. A file that was written a
    /// moment ago could be written again in the same moment.
    pub fn is_settled(&self, now: i64) -> bool {
        self.0.iter().all(|(_, file)| file.changed.0 < now.saturating_sub(1))
    }
}

impl Document {
    /// A bundle of these parts.
    pub fn new(parts: Vec<Vec<u8>>) -> Self {
        let sha256 = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes);
        let hash = match parts.as_slice() {
            [only] => sha256(only),
            // Of their hashes: what moves from one file to another is a change.
            parts => {
                sha256(&parts.iter().flat_map(|part| sha256(part).as_ref().to_vec()).collect::<Vec<_>>())
            }
        };
        Self { parts, revision: revision(hash.as_ref()) }
    }
}

/// The first 16 hexadecimal digits.
pub(in crate::source) fn revision(hash: &[u8]) -> Revision {
    Revision(hexadecimal(hash.first_chunk::<8>().map_or(hash, |first| first)).into())
}

/// Two digits a byte.
pub(in crate::source) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut digits, byte| {
        let _infallible = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn bundle(parts: [&str; 2]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), parts);
        directory
    }

    /// As Kubernetes does: other files in the place of these.
    fn write(directory: &Path, parts: [&str; 2]) {
        for (name, part) in ["a.json", "b.json"].into_iter().zip(parts) {
            fs::write(directory.join("next"), part).unwrap();
            fs::rename(directory.join("next"), directory.join(name)).unwrap();
        }
    }

    #[test]
    fn what_changes_while_it_is_read_is_read_again() {
        let directory = bundle(["old", "old"]);
        let readings = Cell::new(0);
        let read = |path: &Path| {
            readings.set(readings.get() + 1);
            let part = fs::read(path)?;
            if readings.get() == 1 {
                write(directory.path(), ["new", "new"]);
            }
            Ok(part)
        };
        let document = Files::new(directory.path().to_owned()).read_by(read).unwrap();
        assert_eq!(document.parts, [b"new", b"new"]);
    }

    #[test]
    fn what_never_rests_is_not_read() {
        let directory = bundle(["old", "old"]);
        let read = |path: &Path| {
            write(directory.path(), ["new", "new"]);
            fs::read(path)
        };
        assert!(Files::new(directory.path().to_owned()).read_by(read).is_err());
    }
}
