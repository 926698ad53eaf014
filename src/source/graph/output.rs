//! Results that appear whole or not at all.

use std::fs::{self, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use tempfile::{Builder, NamedTempFile, TempDir};

use super::error::{GraphError, unwritable};

/// What a new file may be for others, before the umask.
const MODE: u32 = 0o666;

/// A file that takes its place when it is complete.
pub(super) struct Output {
    place: PathBuf,
    file: BufWriter<NamedTempFile>,
    hash: digest::Context,
}

impl Output {
    /// For the file at `place`; what a link leads to is replaced, and not the link.
    pub(super) fn create(place: &Path) -> Result<Self, GraphError> {
        let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
        let permissions =
            fs::metadata(&place).map_or_else(|_| Permissions::from_mode(MODE), |old| old.permissions());
        let mut builder = Builder::new();
        builder.prefix(".tenantgate-").permissions(permissions);
        let file = builder.tempfile_in(parent(&place)).map_err(unwritable(&place))?;
        let hash = digest::Context::new(&digest::SHA256);
        Ok(Self { place, file: BufWriter::with_capacity(1 << 16, file), hash })
    }

    /// Puts the file in its place, and tells its SHA-256.
    pub(super) fn finish(self) -> Result<digest::Digest, GraphError> {
        let Self { place, file, hash } = self;
        let file = file.into_inner().map_err(|error| unwritable(&place)(error.into_error()))?;
        file.as_file().sync_all().map_err(unwritable(&place))?;
        file.persist(&place).map_err(|error| unwritable(&place)(error.error))?;
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
        let temporary = builder.tempdir_in(parent(&place)).map_err(unwritable(&place))?;
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

fn parent(place: &Path) -> &Path {
    place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}
