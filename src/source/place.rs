//! Where a policy is, and reading it from there when it is another than before.

use std::io;
use std::path::{Path, PathBuf};

use crate::id::TenantId;
use crate::policy::{Compiled, Compiler, Options, Revision, compile};
use crate::source::document::{Document, Files, Stamp, directory_of};
use crate::source::store::{Embedded, Mark, Records, Store as _, StoreError};
use crate::telemetry::unix_now;

/// Where the policy is.
#[derive(Debug, Clone)]
pub enum PolicySource {
    /// In files that may change.
    Files(Files),
    /// In a store of one file.
    Embedded(Embedded),
    /// In the program itself.
    BuiltIn(&'static str),
}

/// Why a policy cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// A file, or a directory of files.
    #[error("cannot read `{path}`: {error}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was read, good or bad.
#[derive(Debug)]
pub struct Loaded {
    /// Which state of the source it was.
    pub revision: Revision,
    /// What it came to.
    pub compiled: Compiled,
}

/// What was read last, to know it again.
#[derive(Debug, Default)]
pub(in crate::source) struct Seen {
    /// Of the files that it was read from, once that is reliable.
    stamp: Option<Stamp>,
    revision: Option<Revision>,
    mark: Option<Mark>,
    /// A store that was read whole and found damaged, and how that shows.
    damaged: Option<(Stamp, String)>,
}

impl PolicySource {
    /// Reads what is there.
    ///
    /// # Errors
    /// Where it cannot be read; what is wrong with the policy itself is among the findings.
    pub fn load(&self, options: &Options) -> Result<Loaded, Unreadable> {
        match self {
            Self::Files(files) => Ok(Loaded::of_document(&read_files(files)?, options)),
            Self::Embedded(store) => Ok(Loaded::of_store(store, options)?.0),
            Self::BuiltIn(document) => Ok(Loaded::of_document(&built_in(document), options)),
        }
    }

    /// Reads what is there, if it is another than `seen` last time.
    pub(in crate::source) fn load_new(
        &self,
        seen: &mut Seen,
        options: &Options,
    ) -> Result<Option<Loaded>, Unreadable> {
        let document = match self {
            Self::Files(files) => {
                let stamp = files.stamp().ok().filter(|stamp| stamp.is_settled(unix_now()));
                if stamp.is_some() && stamp == seen.stamp {
                    return Ok(None);
                }
                seen.stamp = None;
                let document = read_files(files)?;
                seen.stamp = stamp;
                document
            }
            Self::Embedded(store) => {
                if seen.mark.as_ref() == Some(&store.mark()?) {
                    return Ok(None);
                }
                return load_store(store, seen, options).map(Some);
            }
            Self::BuiltIn(document) => built_in(document),
        };
        if seen.revision.as_ref() == Some(&document.revision) {
            return Ok(None);
        }
        let loaded = Loaded::of_document(&document, options);
        seen.revision = Some(document.revision);
        Ok(Some(loaded))
    }

    /// The directory whose changes hint at a change of the policy.
    pub(in crate::source) fn directory(&self) -> Option<&Path> {
        match self {
            Self::Files(files) => Some(files.directory()),
            Self::Embedded(store) => Some(directory_of(store.path())),
            Self::BuiltIn(_) => None,
        }
    }
}

fn load_store(store: &Embedded, seen: &mut Seen, options: &Options) -> Result<Loaded, Unreadable> {
    let stamp = Files::new(store.path().to_owned()).stamp().ok().filter(|stamp| stamp.is_settled(unix_now()));
    if let Some((damaged, why)) = &seen.damaged
        && stamp.as_ref() == Some(damaged)
    {
        // To read a million records every two seconds would not mend them.
        return Err(StoreError::Damaged { place: store.place(), why: why.clone() }.into());
    }
    seen.damaged = None;
    let (loaded, mark) = Loaded::of_store(store, options).inspect_err(|error| {
        if let (StoreError::Damaged { why, .. }, Some(stamp)) = (error, stamp) {
            seen.damaged = Some((stamp, why.clone()));
        }
    })?;
    seen.mark = Some(mark);
    Ok(loaded)
}

fn read_files(files: &Files) -> Result<Document, Unreadable> {
    files.read().map_err(|error| Unreadable::File { path: files.path().to_owned(), error })
}

fn built_in(document: &str) -> Document {
    Document::new(vec![document.as_bytes().to_vec()])
}

impl Loaded {
    fn of_document(document: &Document, options: &Options) -> Self {
        let parts = document.parts.iter().map(Vec::as_slice);
        let compiled = compile(parts, document.revision.clone(), options);
        Self { revision: document.revision.clone(), compiled }
    }

    fn of_store(store: &Embedded, options: &Options) -> Result<(Self, Mark), StoreError> {
        let mut compiling = Compiling(Compiler::new(options));
        let mark = store.read_marked(&mut compiling)?;
        let revision = Revision(mark.revision.to_string().into());
        let compiled = compiling.0.finish(revision.clone());
        Ok((Self { revision, compiled }, mark))
    }
}

/// Records that are compiled as they come.
struct Compiling<'o>(Compiler<'o>);

impl Records for Compiling<'_> {
    fn tenant(&mut self, id: TenantId, settings: &str, partners: usize) -> io::Result<()> {
        self.0.tenant(id, settings.as_bytes(), partners);
        Ok(())
    }

    fn partner(&mut self, id: TenantId, record: &str) -> io::Result<()> {
        self.0.partner(id, record.as_bytes());
        Ok(())
    }
}
