//! Where a policy is, and reading it from there when it is another than before.

use std::io;
use std::path::{Path, PathBuf};

use crate::id::TenantId;
use crate::policy::{Compiled, Compiler, Options, PartnerEdit, Revision, Snapshot, amend, compile};
use crate::source::document::{Document, Files, Stamp, directory_of};
use crate::source::store::{Embedded, Mark, Records, Since, Store as _, StoreError};
use crate::telemetry::unix_now;

/// So many changed partners are read by themselves; where more changed, everything is. For each of which something is to
/// be said, its place among all others is counted.
const AMENDED: usize = 100;

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
    /// The store's state that the present policy is.
    good: Option<Mark>,
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

    /// Reads what is there, if it is another than `seen` last time; `base` is the present policy.
    pub(in crate::source) fn load_new(
        &self,
        seen: &mut Seen,
        base: Option<&Snapshot>,
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
                return load_store(store, seen, base, options).map(Some);
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

fn load_store(
    store: &Embedded,
    seen: &mut Seen,
    base: Option<&Snapshot>,
    options: &Options,
) -> Result<Loaded, Unreadable> {
    let good = seen.good.as_ref().zip(base);
    // Whatever stands in the way of reading what changed, reading everything says it.
    let amended = good.and_then(|(good, base)| Loaded::of_changes(store, good, base, options));
    let (loaded, mark) = match amended {
        Some(amended) => amended,
        None => load_whole(store, seen, options)?,
    };
    if loaded.compiled.snapshot.is_some() {
        seen.good = Some(mark.clone());
    }
    seen.mark = Some(mark);
    Ok(loaded)
}

fn load_whole(store: &Embedded, seen: &mut Seen, options: &Options) -> Result<(Loaded, Mark), Unreadable> {
    let stamp = Files::new(store.path().to_owned()).stamp().ok().filter(|stamp| stamp.is_settled(unix_now()));
    if let Some((damaged, why)) = &seen.damaged
        && stamp.as_ref() == Some(damaged)
    {
        // To read a million records every two seconds would not mend them.
        return Err(StoreError::Damaged { place: store.place(), why: why.clone() }.into());
    }
    seen.damaged = None;
    let read = Loaded::of_store(store, options).inspect_err(|error| {
        if let (StoreError::Damaged { why, .. }, Some(stamp)) = (error, stamp) {
            seen.damaged = Some((stamp, why.clone()));
        }
    });
    Ok(read?)
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
        let revision = Revision::counted(mark.revision);
        let compiled = compiling.0.finish(revision.clone());
        Ok((Self { revision, compiled }, mark))
    }

    /// The policy of `good`, which is `base`, with what changed since; nothing where that is not as simple.
    fn of_changes(store: &Embedded, good: &Mark, base: &Snapshot, options: &Options) -> Option<(Self, Mark)> {
        let Since { mark, records } = store.since(good, AMENDED).ok()??;
        let edits = records.iter().map(|(key, now)| {
            let record = now.as_deref().map(str::as_bytes);
            Some(PartnerEdit { tenant: key.tenant, partner: key.partner?, record })
        });
        // Settings are read together with everything that they are about.
        let edits: Vec<_> = edits.collect::<Option<_>>()?;
        let revision = Revision::counted(mark.revision);
        let compiled = amend(base, edits, revision.clone(), options)?;
        Some((Self { revision, compiled }, mark))
    }
}

/// Records that are compiled as they come.
struct Compiling<'o>(Compiler<'o>);

impl Records for Compiling<'_> {
    fn tenant(&mut self, id: TenantId, settings: &str, partners: usize) -> io::Result<()> {
        self.0.tenant(id, settings.as_bytes(), partners);
        Ok(())
    }

    fn partner(&mut self, _: TenantId, id: TenantId, record: &str) -> io::Result<()> {
        self.0.partner(id, record.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::source::store::{Key, Plan};

    const L: TenantId = TenantId::from_u128(1);
    const OTHER: TenantId = TenantId::from_u128(2);

    fn settings(tenant: TenantId) -> (Key, Box<str>) {
        (Key::settings(tenant), format!(r#"{{"tenantId":"{tenant}","crossTenantAccessPolicy":{{}}}}"#).into())
    }

    fn partner(of: TenantId, id: TenantId, provider: bool) -> (Key, Box<str>) {
        let record = format!(r#"{{"tenantId":"{id}","isServiceProvider":{provider}}}"#);
        (Key::partner(of, id), record.into())
    }

    /// Every partner of both tenants, and whether it is a service provider.
    fn partners(snapshot: &Snapshot) -> BTreeMap<(TenantId, TenantId), bool> {
        let of = |tenant: &crate::policy::Tenant| {
            let id = tenant.id;
            tenant
                .partners
                .iter()
                .map(move |(other, partner)| ((id, other), partner.is_service_provider))
                .collect()
        };
        snapshot.tenants().map(of).collect::<Vec<Vec<_>>>().into_iter().flatten().collect()
    }

    #[test]
    fn a_policy_that_is_kept_up_to_date_is_the_one_that_is_read_whole() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Embedded::new(directory.path().join("policy.db"));
        let source = PolicySource::Embedded(store.clone());
        let options = Options::default();
        let (mut seen, mut present) = (Seen::default(), None::<Snapshot>);
        let mut wanted = BTreeMap::from([settings(L), settings(OTHER)]);
        wanted.extend((10..40).map(|id| partner(L, TenantId::from_u128(id), false)));
        for round in 0..40_u128 {
            let of = if round % 3 == 0 { OTHER } else { L };
            let (id, gone) =
                (TenantId::from_u128(10 + round * 7 % 50), TenantId::from_u128(10 + round * 5 % 50));
            wanted.extend([partner(of, id, round % 2 == 0)]);
            wanted.remove(&Key::partner(of, gone));
            let refused = round % 5 == 4;
            if refused {
                wanted.insert(Key::partner(of, gone), "{}".into());
            }
            if round % 11 == 10 {
                let text = wanted.get_mut(&Key::settings(L)).unwrap();
                *text = text.replace('{', "{ ").into();
            }
            let plan = Plan::of(&mut store, wanted.clone(), "test").unwrap();
            store.apply(&plan.change, plan.on, &mut |_| {}).unwrap();
            // Sometimes two changes are seen at once.
            if round % 4 == 3 && !refused {
                continue;
            }
            let loaded = source.load_new(&mut seen, present.as_ref(), &options).unwrap().unwrap();
            let whole = source.load(&options).unwrap();
            assert_eq!(loaded.revision, whole.revision);
            assert_eq!(loaded.compiled.snapshot.is_none(), refused, "round {round}");
            assert_eq!(whole.compiled.snapshot.is_none(), refused);
            if let (Some(next), Some(whole)) = (loaded.compiled.snapshot, whole.compiled.snapshot) {
                assert_eq!(partners(&next), partners(&whole), "round {round}");
                assert_eq!(next.revision, whole.revision);
                present = Some(next);
            }
            assert!(source.load_new(&mut seen, present.as_ref(), &options).unwrap().is_none());
            wanted.remove(&Key::partner(of, gone));
        }
    }
}
