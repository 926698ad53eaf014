//! The small keys of every hosted tenant, all as they were at one revision.
//!
//! Tenants are found by skipping from one to the next, so that nobody reads the partners between them.

use std::collections::BTreeMap;

use etcd_client::{GetOptions, GetResponse, KeyValue, KvClient};

use crate::id::TenantId;
use crate::source::etcd::EtcdError;
use crate::source::etcd::keys::{Key, Keys, Range};

/// The state of the small keys.
#[derive(Debug)]
pub(in crate::source) struct Small {
    /// Which cluster said so.
    pub(in crate::source) cluster: u64,
    /// When it was so.
    pub(in crate::source) revision: u64,
    /// When it last became different, as far as what is there now tells.
    pub(in crate::source) changed: u64,
    pub(in crate::source) tenants: BTreeMap<TenantId, TenantKeys>,
    /// Keys that nobody knows.
    pub(in crate::source) foreign: Vec<String>,
}

/// What a tenant has.
#[derive(Debug, Default)]
pub(in crate::source) struct TenantKeys {
    pub(in crate::source) settings: Option<Held>,
    pub(in crate::source) active: Option<Held>,
}

/// What a key holds.
#[derive(Debug)]
pub(in crate::source) struct Held {
    pub(in crate::source) value: Vec<u8>,
    /// The revision that wrote it.
    pub(in crate::source) modified: u64,
}

impl Held {
    pub(in crate::source) fn of(found: &KeyValue) -> Self {
        Self { value: found.value().to_vec(), modified: found.mod_revision().unsigned_abs() }
    }
}

/// Foreign names that are told of.
const TOLD: usize = 8;

/// Reads them as the cluster has agreed on them.
pub(in crate::source) async fn read(client: &mut KvClient, keys: &Keys) -> Result<Small, EtcdError> {
    read_at(client, keys, 0).await
}

/// The same as of an earlier revision; 0 is the present one.
pub(in crate::source) async fn read_at(
    client: &mut KvClient,
    keys: &Keys,
    revision: i64,
) -> Result<Small, EtcdError> {
    let mut reading = Reading { client, revision, cluster: 0 };
    let mut small =
        Small { cluster: 0, revision: 0, changed: 0, tenants: BTreeMap::new(), foreign: Vec::new() };
    let (from, end) = keys.tenants();
    let mut from = from.into_bytes();
    while let Some(key) = reading.first((from, end.clone())).await? {
        let Some((tenant, _)) = keys.tenant_of(&key) else {
            if small.foreign.len() < TOLD {
                small.foreign.push(String::from_utf8_lossy(&key).into_owned());
            }
            from = next_name(&key, keys.tenants().0.len());
            continue;
        };
        let mut held = TenantKeys::default();
        let wanted = [(keys.settings(tenant), &mut held.settings), (keys.active(tenant), &mut held.active)];
        for (key, value) in wanted {
            if let Some(found) = reading.value(key).await? {
                small.changed = small.changed.max(found.modified);
                *value = Some(found);
            }
        }
        small.tenants.insert(tenant, held);
        from = keys.tenant(tenant).1.into_bytes();
    }
    (small.cluster, small.revision) = (reading.cluster, reading.revision.unsigned_abs());
    Ok(small)
}

/// Keys under the prefix that are of no version or name that we know; looked for now and then.
pub(in crate::source) async fn foreign(
    client: &mut KvClient,
    keys: &Keys,
    tenants: impl Iterator<Item = TenantId>,
) -> Result<Vec<String>, EtcdError> {
    let mut reading = Reading { client, revision: 0, cluster: 0 };
    let mut ranges: Vec<Range> = keys.elsewhere().into();
    for tenant in tenants {
        let (active, settings) = (keys.active(tenant), keys.settings(tenant));
        let (generations, (start, after)) = (keys.generations(tenant), keys.tenant(tenant));
        ranges.extend([
            (start, active.clone()),
            (format!("{active}\0"), generations.0),
            (generations.1, settings.clone()),
            (format!("{settings}\0"), after),
        ]);
    }
    let mut found = Vec::new();
    for range in ranges {
        if let Some(key) = reading.first(range).await?
            && !keys.tenant_of(&key).is_some_and(|(_, key)| key != Key::Foreign)
        {
            found.push(String::from_utf8_lossy(&key).into_owned());
        }
    }
    Ok(found)
}

/// The first key whose name, from `start` on, is another.
pub(in crate::source) fn next_name(key: &[u8], start: usize) -> Vec<u8> {
    let slash = key.iter().skip(start).position(|byte| *byte == b'/');
    let (end, next) = slash.map_or((key.len(), 0), |slash| (start.saturating_add(slash), b'0'));
    let mut after = key.get(..end).unwrap_or_default().to_vec();
    after.push(next);
    after
}

/// Several reads of one state.
struct Reading<'c> {
    client: &'c mut KvClient,
    /// Of the first answer; every further one is as of then.
    revision: i64,
    cluster: u64,
}

impl Reading<'_> {
    async fn first(
        &mut self,
        (from, to): (impl Into<Vec<u8>>, String),
    ) -> Result<Option<Vec<u8>>, EtcdError> {
        let options = GetOptions::new().with_range(to).with_limit(1).with_keys_only();
        let found = self.get(from, options).await?;
        Ok(found.kvs().first().map(|found| found.key().to_vec()))
    }

    async fn value(&mut self, key: String) -> Result<Option<Held>, EtcdError> {
        let found = self.get(key, GetOptions::new()).await?;
        Ok(found.kvs().first().map(Held::of))
    }

    async fn get(&mut self, key: impl Into<Vec<u8>>, options: GetOptions) -> Result<GetResponse, EtcdError> {
        let found = self.client.get(key, Some(options.with_revision(self.revision))).await?;
        let header = found.header().ok_or(EtcdError::Headless)?;
        self.cluster = header.cluster_id();
        if self.revision == 0 {
            self.revision = header.revision();
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_name_is_skipped_whole() {
        assert_eq!(next_name(b"/t/v1/tenants/common/settings", 14), b"/t/v1/tenants/common0");
        assert_eq!(next_name(b"/t/v1/tenants/alone", 14), b"/t/v1/tenants/alone\0");
    }
}
