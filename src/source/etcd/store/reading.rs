//! Everything as it was at one revision, in pages.

use std::io;

use etcd_client::{GetOptions, GetResponse, KeyValue, SortOrder, SortTarget};

use super::members::Members;
use super::parts::Part;
use super::{Seen, SeenTenant};
use crate::id::TenantId;
use crate::source::etcd::keys::{Keys, canonical, generation};
use crate::source::etcd::{signed, small};
use crate::source::store::{Records, StoreError};

/// Records of one answer: a hundred kilobytes of them, as they mostly are.
const PAGE: i64 = 500;

/// Hands everything over as it was at revision `at` of etcd; 0 is the present one.
pub(super) async fn read(
    members: &mut Members,
    keys: &Keys,
    at: u64,
    records: &mut dyn Records,
) -> Result<Seen, StoreError> {
    let small = members.ask(async |mut kv| small::read_at(&mut kv, keys, signed(at)).await).await?;
    let mut seen = Seen { at: small.revision, revision: small.changed, ..Seen::default() };
    (seen.change, seen.revision) = match latest_change(members, keys, seen.at).await? {
        Some((number, written)) => (number, seen.revision.max(written)),
        None => (0, seen.revision),
    };
    for (tenant, held) in small.tenants {
        let (settings, active) = (held.settings, held.active);
        let written = |held: Option<&small::Held>| held.map_or(0, |held| held.modified);
        let mut state = SeenTenant {
            settings: written(settings.as_ref()),
            active: written(active.as_ref()),
            marker: 0,
            generation: active.and_then(|active| generation(&active.value)),
        };
        // Whoever has neither is not hosted, whatever partners are left.
        if state.settings == 0 && state.active == 0 {
            continue;
        }
        // Settings that are missing are none that can be used, as for a sidecar.
        let settings = settings.map(|held| held.value).unwrap_or_default();
        let mut pages = state.generation.map(|number| Pages::of(keys, tenant, number, seen.at));
        let mut page = next(members, &mut pages).await?;
        let partners = pages.as_ref().map_or(0, |pages| pages.partners);
        records.tenant(tenant, &String::from_utf8_lossy(&settings), partners).map_err(StoreError::Output)?;
        while let Some(found) = page {
            for found in &found {
                let Some(name) = name(keys, tenant, state.generation, found.key()) else { continue };
                let written = found.mod_revision().unsigned_abs();
                if name.is_empty() {
                    state.marker = written;
                } else if let Some(partner) = canonical(name) {
                    let text = String::from_utf8_lossy(found.value());
                    records.partner(tenant, partner, &text).map_err(StoreError::Output)?;
                } else {
                    continue;
                }
                seen.revision = seen.revision.max(written);
            }
            page = next(members, &mut pages).await?;
        }
        seen.tenants.insert(tenant, state);
    }
    Ok(seen)
}

/// Nobody wants the records.
pub(super) struct Nobody;

impl Records for Nobody {
    fn tenant(&mut self, _: TenantId, _: &str, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn partner(&mut self, _: TenantId, _: TenantId, _: &str) -> io::Result<()> {
        Ok(())
    }
}

/// The number of the last change, and the revision that it made.
async fn latest_change(
    members: &mut Members,
    keys: &Keys,
    at: u64,
) -> Result<Option<(u64, u64)>, StoreError> {
    let (from, to) = keys.changes();
    let options = GetOptions::new().with_range(to).with_keys_only().with_limit(1);
    let options = options.with_sort(SortTarget::Key, SortOrder::Descend).with_revision(signed(at));
    let found = members.ask(async |mut kv| Ok(kv.get(from.as_str(), Some(options.clone())).await?)).await?;
    let Some(found) = found.kvs().first() else { return Ok(None) };
    let Some(number) = keys.change_of(found.key()) else {
        let why = format!("`{}` is no change's key", String::from_utf8_lossy(found.key()));
        return Err(StoreError::Foreign { place: members.place(), why });
    };
    Ok(Some((number, found.mod_revision().unsigned_abs())))
}

async fn next(members: &mut Members, pages: &mut Option<Pages>) -> Result<Option<Vec<KeyValue>>, StoreError> {
    match pages {
        Some(pages) => pages.next(members).await,
        None => Ok(None),
    }
}

/// What a key among a generation's partners is named; the marker has no name.
fn name<'k>(keys: &Keys, tenant: TenantId, generation: Option<u64>, key: &'k [u8]) -> Option<&'k [u8]> {
    key.strip_prefix(keys.marker(tenant, generation?).as_bytes())
}

/// What a generation had at a revision, page by page in the order of keys.
pub(super) struct Pages {
    at: i64,
    marker: String,
    /// What is still to be read, the next part last.
    rest: Vec<Part>,
    /// How many partners there are; known with the first page.
    partners: usize,
    begun: bool,
}

impl Pages {
    pub(super) fn of(keys: &Keys, tenant: TenantId, generation: u64, at: u64) -> Self {
        let whole = Part::whole(keys.partners(tenant, generation));
        let marker = keys.marker(tenant, generation);
        Self { at: signed(at), marker, rest: vec![whole], partners: 0, begun: false }
    }

    /// The next page; None after the last one.
    pub(super) async fn next(&mut self, members: &mut Members) -> Result<Option<Vec<KeyValue>>, StoreError> {
        while let Some(part) = self.rest.pop() {
            let options = GetOptions::new().with_range(part.to.as_slice()).with_limit(PAGE);
            let options = options.with_revision(self.at);
            let mut found = members
                .ask(async |mut kv| Ok(kv.get(part.from.as_slice(), Some(options.clone())).await?))
                .await?;
            self.begin(&found);
            if !found.more() {
                return Ok(Some(found.take_kvs()));
            }
            if let Some(parts) = part.divided(self.marker.len()) {
                self.rest.extend(parts);
                continue;
            }
            let page = found.take_kvs();
            self.rest.extend(page.last().map(|last| part.after(last.key())));
            return Ok(Some(page));
        }
        Ok(None)
    }

    /// The first answer is about all of them.
    fn begin(&mut self, all: &GetResponse) {
        if !std::mem::replace(&mut self.begun, true) {
            let marked = all.kvs().first().is_some_and(|first| first.key() == self.marker.as_bytes());
            let keys = usize::try_from(all.count()).unwrap_or_default();
            self.partners = keys.saturating_sub(usize::from(marked));
        }
    }
}
