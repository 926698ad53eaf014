//! Writing a generation that nobody reads yet.

use std::collections::BTreeMap;

use etcd_client::{Compare, CompareOp, Txn, TxnOp};

use super::members::Members;
use super::reading::Pages;
use super::removal::numbers;
use super::request::Request;
use crate::id::TenantId;
use crate::source::etcd::EtcdError;
use crate::source::etcd::keys::{Keys, canonical};
use crate::source::store::{Edit, StoreError};
use crate::telemetry::unix_now;

/// A number that is ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claimed {
    pub(super) number: u64,
    /// The revision that made its marker.
    pub(super) at: u64,
}

/// The number after all that a tenant has.
pub(super) async fn free(
    members: &mut Members,
    keys: &Keys,
    tenant: TenantId,
    active: Option<u64>,
) -> Result<u64, StoreError> {
    let taken = numbers(members, keys, tenant).await?.into_iter().chain(active).max();
    Ok(taken.unwrap_or_default().saturating_add(1))
}

/// Claims a number that nobody has, from this one on.
pub(super) async fn claim(
    members: &mut Members,
    keys: &Keys,
    tenant: TenantId,
    from: u64,
) -> Result<Claimed, StoreError> {
    let mut number = from;
    loop {
        let marker = keys.marker(tenant, number);
        let claim = Txn::new()
            .when([Compare::create_revision(marker.as_str(), CompareOp::Equal, 0)])
            .and_then([TxnOp::put(marker.as_str(), unix_now().to_string(), None)]);
        let answer = members.ask(async |mut kv| Ok(kv.txn(claim.clone()).await?)).await?;
        if answer.succeeded() {
            let header = answer.header().ok_or_else(|| members.failed(&EtcdError::Headless))?;
            return Ok(Claimed { number, at: header.revision().unsigned_abs() });
        }
        number = number.saturating_add(1);
    }
}

/// Where a tenant's partners are copied from: a generation, as of a revision.
pub(super) type From = Option<(u64, u64)>;

/// Writes what `from` has with the edits made, in requests that etcd takes. `progress` hears how many edits were made.
/// Gives whether the generation was still ours to the end.
pub(super) async fn fill(
    members: &mut Members,
    keys: &Keys,
    tenant: TenantId,
    from: From,
    to: Claimed,
    edits: &BTreeMap<TenantId, &Edit>,
    progress: &mut dyn FnMut(u64),
) -> Result<bool, StoreError> {
    let mut filling = Filling { keys, tenant, to, request: Request::default() };
    let mut edits = edits.iter().peekable();
    let mut made = 0_u64;
    let mut pages = from.map(|(number, at)| (number, Pages::of(keys, tenant, number, at)));
    while let Some((number, pages)) = &mut pages {
        let Some(page) = pages.next(members).await? else { break };
        let start = keys.marker(tenant, *number);
        for found in page {
            let name = found.key().strip_prefix(start.as_bytes());
            let Some(partner) = name.and_then(canonical) else { continue };
            while let Some((new, edit)) = edits.next_if(|(edited, _)| **edited < partner) {
                if !filling.take(members, *new, edit.after.as_deref()).await? {
                    return Ok(false);
                }
                made = made.saturating_add(1);
            }
            let kept = String::from_utf8_lossy(found.value());
            let text = match edits.next_if(|(edited, _)| **edited == partner) {
                None => Some(&*kept),
                Some((_, edit)) => {
                    made = made.saturating_add(1);
                    edit.after.as_deref()
                }
            };
            if !filling.take(members, partner, text).await? {
                return Ok(false);
            }
        }
        progress(made);
    }
    for (new, edit) in edits {
        if !filling.take(members, *new, edit.after.as_deref()).await? {
            return Ok(false);
        }
        made = made.saturating_add(1);
        progress(made);
    }
    filling.write(members).await
}

/// A generation that is being written.
struct Filling<'k> {
    keys: &'k Keys,
    tenant: TenantId,
    to: Claimed,
    request: Request,
}

impl Filling<'_> {
    /// Takes a partner's record, or that there is none to be.
    async fn take(
        &mut self,
        members: &mut Members,
        partner: TenantId,
        text: Option<&str>,
    ) -> Result<bool, StoreError> {
        let Some(text) = text else { return Ok(true) };
        let key = self.keys.partner(self.tenant, self.to.number, partner);
        let ours = self.request.has_room(&key, text) || self.write(members).await?;
        self.request.put(key, text);
        Ok(ours)
    }

    /// Writes what was taken. To do it twice does no harm.
    async fn write(&mut self, members: &mut Members) -> Result<bool, StoreError> {
        let mut request = std::mem::take(&mut self.request);
        if request.does_nothing() {
            return Ok(true);
        }
        request.made_at(self.keys.marker(self.tenant, self.to.number), self.to.at);
        let transaction = request.transaction();
        let answer = members.ask(async |mut kv| Ok(kv.txn(transaction.clone()).await?)).await?;
        Ok(answer.succeeded())
    }
}
