//! Removing generations that nobody reads any more.
//!
//! Sidecars that did not hear of a flip yet may still read the generation before, so that one stays. Of those before
//! that a partner that is gone must not seem to be absent: a sidecar takes an absence only from a generation that is
//! active as it reads, and the marker goes first, at which one that still watches looks what is active before it
//! believes that anything else is gone.
//!
//! A command that is killed leaves a generation behind; the next one that changes anything goes on removing.

use std::time::Duration;

use etcd_client::{Compare, CompareOp, DeleteOptions, GetOptions, Txn, TxnOp};

use super::failure::is_gone;
use super::members::Members;
use super::parts::Part;
use crate::id::TenantId;
use crate::source::etcd::keys::{Keys, generation};
use crate::source::etcd::signed;
use crate::source::etcd::small::{Held, next_name};
use crate::source::store::StoreError;
use crate::telemetry::unix_now;

/// In a marker: the generation is to be removed. Else it has the time at which somebody claimed it, in Unix seconds.
pub(super) const TO_BE_REMOVED: &str = "0";
/// Whoever claimed a generation so long ago does not write it any more.
const ABANDONED: Duration = Duration::from_hours(1);
/// Keys that are deleted at once.
const STEP: i64 = 5000;
/// Times that `active` may have been written without changing, where the generation before is looked for.
const REWRITTEN: usize = 16;

/// Removes those of a tenant's generations that are of no use.
pub(super) async fn sweep(members: &mut Members, keys: &Keys, tenant: TenantId) -> Result<(), StoreError> {
    let numbers = numbers(members, keys, tenant).await?;
    let settings = held(members, keys.settings(tenant), 0).await?;
    let held = held(members, keys.active(tenant), 0).await?;
    let active = held.as_ref().and_then(|held| generation(&held.value));
    let written = held.map_or(0, |held| held.modified);
    let former = match active {
        // The only one there is.
        Some(active) if numbers == [active] => return Ok(()),
        Some(active) => former(members, keys, tenant, active, written).await?,
        // Somebody is to repair that, and may need any of them.
        None if written > 0 || settings.is_some() => return Ok(()),
        None => None,
    };
    for number in numbers.into_iter().filter(|number| ![active, former].contains(&Some(*number))) {
        let below = active.is_some_and(|active| number < active);
        if (below || is_abandoned(members, keys, tenant, number).await?)
            && retire(members, keys, tenant, number, written).await?
        {
            remove(members, keys, tenant, number).await?;
        }
    }
    Ok(())
}

/// Removes a generation, its marker first.
pub(super) async fn remove(
    members: &mut Members,
    keys: &Keys,
    tenant: TenantId,
    number: u64,
) -> Result<(), StoreError> {
    let mut rest = vec![Part::whole(keys.partners(tenant, number))];
    let start = keys.marker(tenant, number).len();
    while let Some(part) = rest.pop() {
        let options = GetOptions::new().with_range(part.to.as_slice()).with_count_only();
        let found = members
            .ask(async |mut kv| Ok(kv.get(part.from.as_slice(), Some(options.clone())).await?))
            .await?;
        if found.count() > STEP
            && let Some(parts) = part.divided(start)
        {
            rest.extend(parts);
        } else if found.count() > 0 {
            let options = DeleteOptions::new().with_range(part.to.as_slice());
            members
                .ask(async |mut kv| Ok(kv.delete(part.from.as_slice(), Some(options.clone())).await?))
                .await?;
        }
    }
    Ok(())
}

/// The numbers of a tenant's generations, in the order of their keys.
pub(super) async fn numbers(
    members: &mut Members,
    keys: &Keys,
    tenant: TenantId,
) -> Result<Vec<u64>, StoreError> {
    let (from, to) = keys.generations(tenant);
    let (start, mut from) = (from.len(), from.into_bytes());
    let mut numbers = Vec::new();
    loop {
        let options = GetOptions::new().with_range(to.as_str()).with_limit(1).with_keys_only();
        let found =
            members.ask(async |mut kv| Ok(kv.get(from.as_slice(), Some(options.clone())).await?)).await?;
        let Some(found) = found.kvs().first() else { return Ok(numbers) };
        numbers.extend(keys.generation_of(tenant, found.key()));
        from = next_name(found.key(), start);
    }
}

/// What a key holds as of a revision; 0 is the present one.
pub(super) async fn held(members: &mut Members, key: String, at: i64) -> Result<Option<Held>, StoreError> {
    let options = GetOptions::new().with_revision(at);
    let found = members.ask(async |mut kv| Ok(kv.get(key.as_str(), Some(options.clone())).await?)).await?;
    Ok(found.kvs().first().map(Held::of))
}

/// The generation that was active before this one, as far as etcd still knows.
async fn former(
    members: &mut Members,
    keys: &Keys,
    tenant: TenantId,
    active: u64,
    written: u64,
) -> Result<Option<u64>, StoreError> {
    let (key, mut written) = (keys.active(tenant), written);
    for _ in 0..REWRITTEN {
        let before = i64::try_from(written.saturating_sub(1)).unwrap_or_default();
        if before == 0 {
            break;
        }
        let options = GetOptions::new().with_revision(before);
        let found = members
            .ask(async |mut kv| match kv.get(key.as_str(), Some(options.clone())).await.map_err(Into::into) {
                Err(error) if is_gone(&error) => Ok(None),
                found => found.map(|found| found.kvs().first().map(Held::of)),
            })
            .await?;
        let Some(found) = found else { break };
        match generation(&found.value) {
            Some(number) if number == active => written = found.modified,
            former => return Ok(former),
        }
    }
    Ok(None)
}

async fn is_abandoned(
    members: &mut Members,
    keys: &Keys,
    tenant: TenantId,
    number: u64,
) -> Result<bool, StoreError> {
    let marker = held(members, keys.marker(tenant, number), 0).await?;
    // Without a marker somebody writes it by hand, for as long as that may take.
    let claimed = marker.and_then(|held| str::from_utf8(&held.value).ok()?.parse::<i64>().ok());
    let ago = |claimed| u64::try_from(unix_now().saturating_sub(claimed)).unwrap_or_default();
    Ok(claimed.is_some_and(|claimed| ago(claimed) > ABANDONED.as_secs()))
}

/// Marks a generation as one to be removed, where `active` is still what was read.
async fn retire(
    members: &mut Members,
    keys: &Keys,
    tenant: TenantId,
    number: u64,
    written: u64,
) -> Result<bool, StoreError> {
    let transaction = Txn::new()
        .when([Compare::mod_revision(keys.active(tenant), CompareOp::Equal, signed(written))])
        .and_then([TxnOp::put(keys.marker(tenant, number), TO_BE_REMOVED, None)]);
    let answer = members.ask(async |mut kv| Ok(kv.txn(transaction.clone()).await?)).await?;
    Ok(answer.succeeded())
}
