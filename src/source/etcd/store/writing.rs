//! A change, whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use etcd_client::{Txn, TxnOp, TxnOpResponse};
use tokio::time::sleep;

use super::failure::passes;
use super::generation::{Claimed, claim, fill, free};
use super::members::Members;
use super::past::Record;
use super::reading::{Nobody, read};
use super::removal::{TO_BE_REMOVED, held, remove, sweep};
use super::request::{OPERATIONS, Request};
use super::{Seen, SeenTenant};
use crate::id::TenantId;
use crate::source::etcd::EtcdError;
use crate::source::etcd::keys::Keys;
use crate::source::etcd::small::Held;
use crate::source::store::{Change, Edit, Key, StoreError};
use crate::telemetry::unix_now;

/// So many changes are told of; those before are forgotten.
const KEPT: u64 = 1000;
/// How often, and how far apart, a change is looked for of which nobody said what became of it.
const LOOKS: (u32, Duration) = (5, Duration::from_secs(1));

/// Makes the change on what was seen.
pub(super) async fn apply(
    members: &mut Members,
    keys: &Keys,
    seen: &Seen,
    change: &Change,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, StoreError> {
    let touched = touched(change, seen);
    for tenant in touched.keys().chain(seen.tenants.keys()).collect::<BTreeSet<_>>() {
        sweep(members, keys, *tenant).await?;
    }
    let mut writing = Writing { members, keys, seen, record: Record::of(change), claimed: Vec::new() };
    let outcome = match writing.small(&touched).await {
        Ok(Some(request)) => writing.commit(request).await,
        Ok(None) => writing.large(&touched, progress).await,
        Err(error) => Err(error),
    };
    let claimed = writing.claimed;
    match &outcome {
        // It may have been made.
        Err(StoreError::Unsure { .. }) => {}
        // What cannot be removed now is what a killed command leaves: the next one removes it.
        Err(_) => {
            for (tenant, number) in claimed {
                remove(members, keys, tenant, number).await.ok();
            }
        }
        Ok(_) => {
            for tenant in touched.keys() {
                sweep(members, keys, *tenant).await.ok();
            }
        }
    }
    outcome
}

/// What a change does to one tenant.
struct Touched<'c> {
    settings: Option<&'c Edit>,
    partners: BTreeMap<TenantId, &'c Edit>,
    was: SeenTenant,
}

impl Touched<'_> {
    fn is_removed(&self) -> bool {
        self.settings.is_some_and(|edit| edit.after.is_none())
    }
}

fn touched<'c>(change: &'c Change, seen: &Seen) -> BTreeMap<TenantId, Touched<'c>> {
    let mut tenants: BTreeMap<_, Touched<'_>> = BTreeMap::new();
    for (Key { tenant, partner }, edit) in &change.edits {
        let touched = tenants.entry(*tenant).or_insert_with(|| Touched {
            settings: None,
            partners: BTreeMap::new(),
            was: seen.tenants.get(tenant).copied().unwrap_or_default(),
        });
        match partner {
            None => touched.settings = Some(edit),
            Some(partner) => drop(touched.partners.insert(*partner, edit)),
        }
    }
    tenants
}

/// What becomes of a tenant's partners.
enum Place {
    /// They stay, and are changed in this generation.
    Here(u64),
    /// They are written with everything else, in a generation that is not there yet.
    Beside(u64),
    /// They were written, and are to count from now on.
    Written(Claimed),
    /// They are removed with the tenant, afterwards.
    Nowhere,
}

struct Writing<'s> {
    members: &'s mut Members,
    keys: &'s Keys,
    seen: &'s Seen,
    record: Record,
    /// Generations that are of no use if nothing comes of it.
    claimed: Vec<(TenantId, u64)>,
}

impl Writing<'_> {
    /// All of it in one request, where etcd takes that.
    async fn small(
        &mut self,
        touched: &BTreeMap<TenantId, Touched<'_>>,
    ) -> Result<Option<Request>, StoreError> {
        let mut request = self.begin();
        for (tenant, touched) in touched {
            let place = match touched.was.generation {
                _ if touched.is_removed() => Place::Nowhere,
                _ if touched.partners.len() > OPERATIONS => return Ok(None),
                Some(number) => Place::Here(number),
                None => Place::Beside(free(self.members, self.keys, *tenant, None).await?),
            };
            self.tenant(&mut request, *tenant, touched, &place);
            self.partners(&mut request, *tenant, touched, &place);
            if !request.fits() {
                return Ok(None);
            }
        }
        self.unchanged(&mut request, touched).await?;
        Ok(Some(request).filter(Request::fits))
    }

    /// New generations first, and then all of it in one request.
    async fn large(
        &mut self,
        touched: &BTreeMap<TenantId, Touched<'_>>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64, StoreError> {
        let mut request = self.begin();
        let mut made = 0_u64;
        for (tenant, touched) in touched {
            let place = match touched.was.generation {
                _ if touched.is_removed() => Place::Nowhere,
                Some(number) if touched.partners.is_empty() => Place::Here(number),
                active => {
                    let mut further = |edits: u64| progress(made.saturating_add(edits));
                    Place::Written(self.fill(*tenant, touched, active, &mut further).await?)
                }
            };
            self.tenant(&mut request, *tenant, touched, &place);
            let edits = touched.partners.len().saturating_add(usize::from(touched.settings.is_some()));
            made = made.saturating_add(u64::try_from(edits).unwrap_or_default());
            progress(made);
        }
        if !request.fits() {
            return Err(StoreError::TooMuch { place: self.members.place() });
        }
        self.commit(request).await
    }

    async fn fill(
        &mut self,
        tenant: TenantId,
        touched: &Touched<'_>,
        active: Option<u64>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Claimed, StoreError> {
        let number = free(self.members, self.keys, tenant, active).await?;
        let claimed = claim(self.members, self.keys, tenant, number).await?;
        self.claimed.push((tenant, claimed.number));
        let from = active.map(|active| (active, self.seen.at));
        let edits = &touched.partners;
        if fill(self.members, self.keys, tenant, from, claimed, edits, progress).await? {
            Ok(claimed)
        } else {
            Err(self.conflict().await?)
        }
    }

    /// What becomes of the tenant's small keys, where they are as they were seen.
    fn tenant(&self, request: &mut Request, tenant: TenantId, touched: &Touched<'_>, place: &Place) {
        let (keys, was) = (self.keys, touched.was);
        request.unchanged(keys.settings(tenant), was.settings);
        request.unchanged(keys.active(tenant), was.active);
        if let Some(generation) = was.generation {
            request.unchanged(keys.marker(tenant, generation), was.marker);
        }
        let settings = touched.settings.and_then(|edit| edit.after.as_deref());
        if let Some(settings) = settings {
            request.put(keys.settings(tenant), settings);
        }
        let now = unix_now().to_string();
        match place {
            // No partner changed until now, sidecars can tell by it.
            Place::Here(number) if settings.is_some() => request.put(keys.marker(tenant, *number), &now),
            Place::Here(_) => {}
            Place::Beside(number) => {
                request.made_at(keys.marker(tenant, *number), 0);
                request.put(keys.marker(tenant, *number), &now);
                request.put(keys.active(tenant), &number.to_string());
            }
            Place::Written(Claimed { number, at }) => {
                request.made_at(keys.marker(tenant, *number), *at);
                request.put(keys.active(tenant), &number.to_string());
            }
            Place::Nowhere => {
                request.delete(keys.settings(tenant));
                request.delete(keys.active(tenant));
                if let Some(generation) = was.generation {
                    request.put(keys.marker(tenant, generation), TO_BE_REMOVED);
                }
            }
        }
    }

    /// What becomes of the tenant's partners.
    fn partners(&self, request: &mut Request, tenant: TenantId, touched: &Touched<'_>, place: &Place) {
        let (Place::Here(number) | Place::Beside(number)) = place else { return };
        for (partner, edit) in &touched.partners {
            let key = self.keys.partner(tenant, *number, *partner);
            match &edit.after {
                Some(after) => request.put(key, after),
                None => request.delete(key),
            }
        }
    }

    /// The partners that are touched are still what the change was made for.
    async fn unchanged(
        &mut self,
        request: &mut Request,
        touched: &BTreeMap<TenantId, Touched<'_>>,
    ) -> Result<(), StoreError> {
        let mut expected = Vec::new();
        for (tenant, touched) in touched.iter().filter(|(_, touched)| !touched.is_removed()) {
            let Some(number) = touched.was.generation else { continue };
            for (partner, edit) in &touched.partners {
                expected.push((self.keys.partner(*tenant, number, *partner), edit.before.as_deref()));
            }
        }
        if expected.is_empty() {
            return Ok(());
        }
        let gets: Vec<_> = expected.iter().map(|(key, _)| TxnOp::get(key.as_str(), None)).collect();
        let transaction = Txn::new().and_then(gets);
        let answer = self.members.ask(async |mut kv| Ok(kv.txn(transaction.clone()).await?)).await?;
        for ((key, before), found) in expected.into_iter().zip(answer.op_responses()) {
            let found = match &found {
                TxnOpResponse::Get(found) => found.kvs().first().map(Held::of),
                TxnOpResponse::Put(_) | TxnOpResponse::Delete(_) | TxnOpResponse::Txn(_) => None,
            };
            let text = found.as_ref().map(|held| String::from_utf8_lossy(&held.value));
            if text.as_deref() != before {
                return Err(self.conflict().await?);
            }
            request.unchanged(key, found.map_or(0, |held| held.modified));
        }
        Ok(())
    }

    /// A request that tells of the change, as the one after the last that was seen.
    fn begin(&self) -> Request {
        let (mut request, number) = (Request::default(), self.seen.change.saturating_add(1));
        let record = serde_json::to_string(&self.record).unwrap_or_default();
        request.made_at(self.keys.change(number), 0);
        request.put(self.keys.change(number), &record);
        if let Some(forgotten) = number.checked_sub(KEPT) {
            request.delete(self.keys.change(forgotten));
        }
        request
    }

    /// Makes it so.
    async fn commit(&mut self, request: Request) -> Result<u64, StoreError> {
        let transaction = request.transaction();
        let answer = self.members.ask_once(async |mut kv| Ok(kv.txn(transaction.clone()).await?)).await;
        match answer {
            Ok(answer) if answer.succeeded() => {
                let header = answer.header().ok_or_else(|| self.members.failed(&EtcdError::Headless))?;
                Ok(header.revision().unsigned_abs())
            }
            Ok(_) => Err(self.conflict().await?),
            Err(error) if passes(&error) => self.look_for(&error).await,
            Err(error) => Err(self.members.failed(&error)),
        }
    }

    /// The way to the member broke before it said whether the change was made.
    async fn look_for(&mut self, error: &EtcdError) -> Result<u64, StoreError> {
        let (looks, apart) = LOOKS;
        let key = self.keys.change(self.seen.change.saturating_add(1));
        for _ in 0..looks {
            let Ok(found) = held(self.members, key.clone(), 0).await else { break };
            let Some(Held { value, modified }) = found else {
                // It may still be on its way.
                sleep(apart).await;
                continue;
            };
            let ours =
                serde_json::from_slice::<Record>(&value).is_ok_and(|record| record.id == self.record.id);
            return if ours { Ok(modified) } else { Err(self.conflict().await?) };
        }
        Err(StoreError::Unsure { place: self.members.place(), why: error.to_string() })
    }

    /// Somebody was first; with which revision.
    async fn conflict(&mut self) -> Result<StoreError, StoreError> {
        let expected = self.seen.revision;
        let now = read(self.members, self.keys, 0, &mut Nobody).await?;
        // What was taken away by hand left no other trace.
        let present = if now.revision == expected { now.at } else { now.revision };
        Ok(StoreError::Conflict { expected, present })
    }
}
