//! The principal map, one principal a key: read whole once, and followed by watch.
//!
//! Of a principal whose key cannot be used nothing is known, which permits nobody. Which one it is is not told, for
//! that would be personal: the revision that wrote it finds it.

use std::collections::BTreeMap;

use etcd_client::{Event, EventType, GetOptions, KeyValue, KvClient};

use crate::policy::{Principal, PrincipalMap};
use crate::source::etcd::EtcdError;
use crate::source::etcd::keys::Keys;
use crate::source::etcd::watch::{Of, Watched};
use crate::store::Publisher;

/// What is published, and since when.
#[derive(Debug)]
pub(in crate::source) struct Principals {
    keys: Keys,
    publisher: Publisher<PrincipalMap>,
    map: PrincipalMap,
    /// Through which revision; None where all is to be read first.
    applied: Option<u64>,
    /// Keys that cannot be used, and the revisions that wrote them.
    unusable: BTreeMap<Vec<u8>, u64>,
}

/// What became of one key.
pub(in crate::source) struct PrincipalChange {
    key: Vec<u8>,
    revision: u64,
    /// None where it is gone.
    value: Option<Vec<u8>>,
}

/// Keys of one answer.
const PAGE: i64 = 1000;
/// Of which each may be as long as etcd takes it.
const MAX_MESSAGE: usize = 1 << 30;

impl PrincipalChange {
    /// What an event tells.
    pub(in crate::source) fn of(event: &Event) -> Option<Self> {
        let kv = event.kv()?;
        let value = (event.event_type() == EventType::Put).then(|| kv.value().to_vec());
        Some(Self { key: kv.key().to_vec(), revision: kv.mod_revision().unsigned_abs(), value })
    }

    fn found(kv: &KeyValue) -> Self {
        let (key, revision) = (kv.key().to_vec(), kv.mod_revision().unsigned_abs());
        Self { key, revision, value: Some(kv.value().to_vec()) }
    }
}

impl Principals {
    pub(in crate::source) fn new(keys: Keys, publisher: Publisher<PrincipalMap>) -> Self {
        let (map, applied, unusable) = Default::default();
        Self { keys, publisher, map, applied, unusable }
    }

    /// Reads all, where that was not done yet or has to be done again; gives the revision as of which all is known.
    pub(in crate::source) async fn load(&mut self, client: KvClient) -> Result<u64, EtcdError> {
        if let Some(applied) = self.applied {
            return Ok(applied);
        }
        let mut client = client.max_decoding_message_size(MAX_MESSAGE);
        let (from, to) = self.keys.principals();
        let (mut from, mut revision, mut all) = (from.into_bytes(), 0, Vec::new());
        loop {
            let options = GetOptions::new().with_range(to.as_str()).with_limit(PAGE).with_revision(revision);
            let found = client.get(from, Some(options)).await?;
            if revision == 0 {
                revision = found.header().ok_or(EtcdError::Headless)?.revision();
            }
            all.extend(found.kvs().iter().map(PrincipalChange::found));
            let last = found.kvs().last().filter(|_| found.more());
            let Some(last) = last else { break };
            from = [last.key(), b"\0"].concat();
        }
        self.map = PrincipalMap::default();
        self.unusable.clear();
        self.apply(revision.unsigned_abs(), all);
        Ok(revision.unsigned_abs())
    }

    /// What happened is not known any more: all is to be read again.
    pub(in crate::source) fn lost(&mut self) {
        self.applied = None;
    }

    /// What is to be watched.
    pub(in crate::source) fn watched(&self) -> Watched {
        let after = self.applied.unwrap_or_default();
        Watched { range: self.keys.principals(), after, of: Of::Principals }
    }

    /// Applies what was told, everything until `revision`.
    pub(in crate::source) fn apply(&mut self, revision: u64, changes: Vec<PrincipalChange>) {
        for PrincipalChange { key, revision, value } in changes {
            self.unusable.remove(&key);
            let principal = self.keys.principal_of(&key);
            let read = value.as_deref().map(serde_json::from_slice::<Principal>);
            match (principal, read) {
                (Some((tenant, object)), Some(Ok(principal))) => self.map.insert(tenant, object, principal),
                (Some((tenant, object)), gone_or_bad) => {
                    self.map.remove(tenant, object);
                    if gone_or_bad.is_some() {
                        self.unusable.insert(key, revision);
                    }
                }
                (None, Some(_)) => drop(self.unusable.insert(key, revision)),
                (None, None) => {}
            }
        }
        self.applied = Some(revision);
        self.publisher.publish(self.map.clone());
    }

    /// What cannot be used, for whoever is to repair it.
    pub(in crate::source) fn problem(&self) -> Option<String> {
        let written = self.unusable.values().min()?;
        let count = self.unusable.len();
        Some(format!(
            "{count} of the principals cannot be used, and nothing is known of them; the first was written at revision \
             {written}"
        ))
    }
}
