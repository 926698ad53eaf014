//! Results that appear whole or not at all.

use std::fs::{self, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use tempfile::{Builder, NamedTempFile, TempDir};

use super::error::{GraphError, unwritable};
use crate::source::document::directory_of;

/// What a new file may be for others, before the umask.
const MODE: u32 = 0o666;

/// A file that takes its place when it is complete.
pub(in crate::source) struct Output {
    place: PathBuf,
    replace: bool,
    file: BufWriter<NamedTempFile>,
    hash: digest::Context,
}

impl Output {
    /// For the file at `place`, which is there already only where `replace` says so; then what a link leads to is
    /// replaced, and not the link.
    pub(in crate::source) fn create(place: &Path, replace: bool) -> Result<Self, GraphError> {
        if !replace && fs::symlink_metadata(place).is_ok() {
            return Err(GraphError::BundleExists(place.to_owned()));
        }
        let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
        let old = fs::metadata(&place).map(|old| old.permissions()).ok();
        let mut builder = Builder::new();
        builder.prefix(".tenantgate-");
        builder.permissions(old.clone().unwrap_or_else(|| Permissions::from_mode(MODE)));
        let file = builder.tempfile_in(directory_of(&place)).map_err(unwritable(&place))?;
        if let Some(old) = old {
            // The umask is for new files, and has been applied.
            file.as_file().set_permissions(old).map_err(unwritable(&place))?;
        }
        let hash = digest::Context::new(&digest::SHA256);
        Ok(Self { place, replace, file: BufWriter::with_capacity(1 << 16, file), hash })
    }

    /// Puts the file in its place, and tells its SHA-256.
    pub(in crate::source) fn finish(self) -> Result<digest::Digest, GraphError> {
        let Self { place, replace, file, hash } = self;
        let file = file.into_inner().map_err(|error| unwritable(&place)(error.into_error()))?;
        file.as_file().sync_all().map_err(unwritable(&place))?;
        if replace {
            file.persist(&place).map_err(|error| unwritable(&place)(error.error))?;
        } else {
            // Somebody may have been faster.
            file.persist_noclobber(&place).map_err(|error| {
                let exists = error.error.kind() == io::ErrorKind::AlreadyExists;
                if exists { GraphError::BundleExists(place.clone()) } else { unwritable(&place)(error.error) }
            })?;
        }
        Ok(hash.finish())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A directory that takes its place when it is complete.
pub(super) struct Directory {
    place: PathBuf,
    temporary: TempDir,
}

impl Directory {
    /// For `place`, which is absent or empty.
    pub(super) fn create(place: &Path) -> Result<Self, GraphError> {
        let empty = match fs::read_dir(place) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(unwritable(place)(error)),
        };
        if !empty {
            return Err(GraphError::DirectoryExists(place.to_owned()));
        }
        let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
        let mut builder = Builder::new();
        builder.prefix(".tenantgate-").permissions(Permissions::from_mode(MODE | 0o111));
        let temporary = builder.tempdir_in(directory_of(&place)).map_err(unwritable(&place))?;
        Ok(Self { place, temporary })
    }

    /// Where it is until then.
    pub(super) fn path(&self) -> &Path {
        self.temporary.path()
    }

    pub(super) fn finish(self) -> Result<(), GraphError> {
        let path = self.temporary.keep();
        fs::rename(&path, &self.place).map_err(|error| {
            // What cannot be put in its place is not left beside it either.
            drop(fs::remove_dir_all(&path));
            unwritable(&self.place)(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_appears_meanwhile_is_not_replaced() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("policy.json");
        let mut late = Output::create(&place, false).unwrap();
        late.write_all(b"late").unwrap();
        fs::write(&place, "precious").unwrap();
        assert!(matches!(late.finish(), Err(GraphError::BundleExists(path)) if path == place));
        assert_eq!(fs::read_to_string(&place).unwrap(), "precious");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "no temporary file is left");
        let mut wanted = Output::create(&place, true).unwrap();
        wanted.write_all(b"wanted").unwrap();
        wanted.finish().unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "wanted");
    }
}
