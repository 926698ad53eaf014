//! Opening what Graph's answers were saved in: UTF-8, with or without a byte order mark.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use serde::de::DeserializeOwned;

use super::error::{GraphError, Wrong, unreadable};
use super::text::{Members, string};

/// Opens a file at its first character.
pub(super) fn open(path: &Path) -> Result<BufReader<File>, GraphError> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(unreadable(path))?);
    let skip = match reader.fill_buf().map_err(unreadable(path))? {
        [] => return Err(Wrong::Empty.with(path).into()),
        // A mark of either order, or none: JSON begins with ASCII.
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [_, 0, ..] | [0, ..] => {
            return Err(Wrong::Utf16.with(path).into());
        }
        [0xef, 0xbb, 0xbf, ..] => 3,
        _ => 0,
    };
    reader.consume(skip);
    Ok(reader)
}

/// Reads a file whole.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, GraphError> {
    let mut text = Vec::new();
    open(path)?.read_to_end(&mut text).map_err(unreadable(path))?;
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(Wrong::Empty.with(path).into());
    }
    serde_json::from_slice(&text).map_err(malformed(path))
}

/// Whether a file says that there is nothing of its kind: `null`.
pub(super) fn says_none(path: &Path) -> Result<bool, GraphError> {
    let is_space = |byte: &io::Result<u8>| byte.as_ref().is_ok_and(u8::is_ascii_whitespace);
    let mut bytes = open(path)?.bytes().skip_while(is_space);
    for expected in b"null" {
        if bytes.next().transpose().map_err(unreadable(path))? != Some(*expected) {
            return Ok(false);
        }
    }
    match bytes.find(|byte| !is_space(byte)) {
        None => Ok(true),
        Some(other) => other.map(|_| false).map_err(unreadable(path)),
    }
}

/// What serde says, of this file.
pub(super) fn malformed(path: &Path) -> impl Fn(serde_json::Error) -> GraphError {
    let path = path.to_owned();
    move |error| match error.classify() {
        serde_json::error::Category::Io => GraphError::Unreadable { path: path.clone(), error: error.into() },
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Data
        | serde_json::error::Category::Eof => Wrong::Malformed(error.to_string()).with(&path).into(),
    }
}

/// What Graph says instead of an answer.
pub(super) fn refuse_error(path: &Path, members: &Members) -> Result<(), GraphError> {
    let Some(error) = members.get("error").filter(|_| members.get("value").is_none()) else { return Ok(()) };
    let code = Members::of(error).ok().and_then(|error| string(error.get("code")?)).unwrap_or_default();
    Err(Wrong::GraphsError(code).with(path).into())
}

/// Counts what is read, for those who wait.
pub(super) struct Counted<'c, R> {
    pub(super) inner: R,
    pub(super) count: &'c Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.set(self.count.get().saturating_add(u64::try_from(read).unwrap_or_default()));
        Ok(read)
    }
}
