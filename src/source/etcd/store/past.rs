//! What was done, and what there was.

use std::collections::BTreeMap;
use std::io;

use etcd_client::GetOptions;
use serde::{Deserialize, Serialize};

use super::failure::is_gone;
use super::members::Members;
use super::reading::{Nobody, read};
use crate::id::TenantId;
use crate::source::chance;
use crate::source::etcd::keys::Keys;
use crate::source::store::{All, Change, Counts, Former, Key, Past, Records, StoreError};
use crate::telemetry::unix_now;

/// The value of a change's key.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// When, in Unix seconds.
    at: i64,
    what: String,
    tenants: Counts,
    partners: Counts,
    /// By which the one who made it knows it.
    pub(super) id: String,
}

impl Record {
    /// Of a change that is made now.
    pub(super) fn of(change: &Change) -> Self {
        let (tenants, partners) = (change.tenants(), change.partners());
        Self {
            at: unix_now(),
            what: change.what.clone(),
            tenants,
            partners,
            id: format!("{:016x}", chance::number()),
        }
    }
}

pub(super) async fn history(members: &mut Members, keys: &Keys) -> Result<Vec<Past>, StoreError> {
    let (from, to) = keys.changes();
    let options = GetOptions::new().with_range(to);
    let found = members.ask(async |mut kv| Ok(kv.get(from.as_str(), Some(options.clone())).await?)).await?;
    let mut all = Vec::new();
    for found in found.kvs().iter().rev() {
        let record: Record = serde_json::from_slice(found.value()).map_err(|error| {
            let why =
                format!("`{}` holds no record of a change: {error}", String::from_utf8_lossy(found.key()));
            StoreError::Foreign { place: members.place(), why }
        })?;
        let Record { at, what, tenants, partners, id: _ } = record;
        let revision = found.mod_revision().unsigned_abs();
        all.push(Past { revision, at, what, tenants, partners, kept: true });
    }
    // What etcd compacted is older than what it did not.
    let (mut kept, mut gone) = (0_usize, all.len());
    while kept < gone {
        let middle = kept.midpoint(gone);
        let Some(past) = all.get(middle) else { break };
        if is_kept(members, keys, past.revision).await? {
            kept = middle.saturating_add(1);
        } else {
            gone = middle;
        }
    }
    all.iter_mut().skip(kept).for_each(|past| past.kept = false);
    // What was written by hand has no record.
    if all.is_empty() && read(members, keys, 0, &mut Nobody).await?.revision == 0 {
        return Err(StoreError::Empty(members.place()));
    }
    Ok(all)
}

/// Reads both, and keeps of what there was what differs now.
pub(super) async fn former(members: &mut Members, keys: &Keys, revision: u64) -> Result<Former, StoreError> {
    if !is_kept(members, keys, revision).await? {
        return Err(StoreError::NotKept(revision));
    }
    let mut then = All::default();
    if read(members, keys, revision, &mut then).await?.revision == 0 {
        return Err(StoreError::NotKept(revision));
    }
    let mut differing = Differing(then.0.into_iter().map(|(key, then)| (key, Some(then))).collect());
    let present = read(members, keys, 0, &mut differing).await?.revision;
    Ok(Former { present, records: differing.0 })
}

/// Whether etcd can tell what was at a revision.
async fn is_kept(members: &mut Members, keys: &Keys, revision: u64) -> Result<bool, StoreError> {
    // 0 is the present one to etcd.
    let Some(revision) = i64::try_from(revision).ok().filter(|revision| *revision > 0) else {
        return Ok(false);
    };
    let (from, to) = keys.changes();
    let options = GetOptions::new().with_range(to).with_count_only().with_revision(revision);
    members
        .ask(async |mut kv| match kv.get(from.as_str(), Some(options.clone())).await.map_err(Into::into) {
            Err(error) if is_gone(&error) => Ok(false),
            found => found.map(|_| true),
        })
        .await
}

/// Of what there was, what is not so now.
struct Differing(BTreeMap<Key, Option<Box<str>>>);

impl Differing {
    fn record(&mut self, key: Key, now: &str) {
        match self.0.get(&key) {
            Some(Some(then)) if **then == *now => drop(self.0.remove(&key)),
            Some(_) => {}
            None => drop(self.0.insert(key, None)),
        }
    }
}

impl Records for Differing {
    fn tenant(&mut self, id: TenantId, settings: &str, _: usize) -> io::Result<()> {
        self.record(Key::settings(id), settings);
        Ok(())
    }

    fn partner(&mut self, of: TenantId, id: TenantId, record: &str) -> io::Result<()> {
        self.record(Key::partner(of, id), record);
        Ok(())
    }
}
