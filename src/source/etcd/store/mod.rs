//! A cluster as a store to write: what `tenantgate policy` does with `policy.source: etcd`.
//!
//! The keys are those that sidecars read. A small change is one transaction in the active generations; one that etcd
//! does not take at once writes a new generation, which nobody reads yet, and flips `active` in one transaction then.
//! Either way that last transaction also writes a record under `{prefix}/v1/changes/`, whose number is the one after
//! that of the change before. So of two commands that began on the same state one is first, and the other told so.
//!
//! **The revision** is etcd's, of the last change of what is active: the highest that wrote any of its keys, or the
//! latest record of a change, for what was taken away leaves no key. It is what a sidecar names that followed all of
//! it; one that started later names that of the last small key.
//!
//! **The past** is etcd's own: the policy as of any revision that etcd has not compacted can be had again. The records
//! tell what was done for longer than that.

mod failure;
mod generation;
mod members;
mod parts;
mod past;
mod reading;
mod removal;
mod request;
mod writing;

use std::collections::BTreeMap;
use std::io;

use tokio::runtime::{Builder, Runtime};

use self::members::Members;
use crate::id::TenantId;
use crate::source::etcd::EtcdSettings;
use crate::source::etcd::keys::Keys;
use crate::source::store::{Change, Former, Past, Records, Store, StoreError};

/// The keys under one prefix.
#[derive(Debug)]
pub struct EtcdStore {
    keys: Keys,
    members: Members,
    runtime: Runtime,
    /// What was last read, on which a change is made.
    seen: Option<Seen>,
}

/// A state that was read.
#[derive(Debug, Default)]
struct Seen {
    /// As of which revision of etcd.
    at: u64,
    /// The store's own; 0 where it is empty.
    revision: u64,
    /// The number of the last change; 0 where there was none.
    change: u64,
    tenants: BTreeMap<TenantId, SeenTenant>,
}

/// When a tenant's keys were written; 0 where they are not there.
#[derive(Debug, Default, Clone, Copy)]
struct SeenTenant {
    settings: u64,
    active: u64,
    marker: u64,
    /// The active generation, where `active` names one.
    generation: Option<u64>,
}

impl EtcdStore {
    /// Nobody is connected to yet.
    ///
    /// # Errors
    /// Where this process may not have what a connection needs.
    pub fn new(settings: EtcdSettings) -> io::Result<Self> {
        let keys = Keys::under(&settings.prefix);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { keys, members: Members::new(settings), runtime, seen: None })
    }
}

impl Store for EtcdStore {
    fn place(&self) -> String {
        self.members.place()
    }

    fn read(&mut self, records: &mut dyn Records) -> Result<u64, StoreError> {
        let seen = self.runtime.block_on(reading::read(&mut self.members, &self.keys, 0, records))?;
        let revision = seen.revision;
        self.seen = Some(seen);
        if revision == 0 { Err(StoreError::Empty(self.place())) } else { Ok(revision) }
    }

    fn apply(&mut self, change: &Change, on: u64, progress: &mut dyn FnMut(u64)) -> Result<u64, StoreError> {
        let (members, keys) = (&mut self.members, &self.keys);
        // Of what was read the next change cannot be made, whatever becomes of this one.
        let seen = self.seen.take();
        self.runtime.block_on(async {
            let seen = match seen {
                Some(seen) => seen,
                None => reading::read(members, keys, 0, &mut reading::Nobody).await?,
            };
            if seen.revision != on {
                return Err(StoreError::Conflict { expected: on, present: seen.revision });
            }
            writing::apply(members, keys, &seen, change, progress).await
        })
    }

    fn history(&mut self) -> Result<Vec<Past>, StoreError> {
        self.runtime.block_on(past::history(&mut self.members, &self.keys))
    }

    fn former(&mut self, revision: u64) -> Result<Former, StoreError> {
        self.runtime.block_on(past::former(&mut self.members, &self.keys, revision))
    }
}
