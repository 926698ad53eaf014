//! A change, in one transaction.

use rusqlite::{Connection, TransactionBehavior, params};

use super::schema::{ensure, for_writing};
use super::sum::Sum;
use super::{Change, Embedded, StoreError, columns, latest};
use crate::source::store::Edit;
use crate::telemetry::unix_now;

pub(super) fn apply(
    store: &Embedded,
    change: &Change,
    on: u64,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, StoreError> {
    let mut connection = for_writing(store)?;
    let transaction = store.done(connection.transaction_with_behavior(TransactionBehavior::Immediate))?;
    ensure(store, &transaction)?;
    let (present, mut sum) =
        latest(store, &transaction)?.map_or_else(Default::default, |mark| (mark.revision, mark.sum));
    if present != on {
        return Err(StoreError::Conflict { expected: on, present });
    }
    let revision = present.saturating_add(1);
    write(store, &transaction, change, revision, &mut sum, progress)?;
    note(store, &transaction, change, revision, sum)?;
    forget(store, &transaction, revision)?;
    store.done(transaction.commit())?;
    Ok(revision)
}

fn write(
    store: &Embedded,
    connection: &Connection,
    change: &Change,
    revision: u64,
    sum: &mut Sum,
    progress: &mut dyn FnMut(u64),
) -> Result<(), StoreError> {
    let prepare = |sql| store.done(connection.prepare(sql));
    // Each names what it replaces: the plan and the file must agree on that.
    let mut insert = prepare("INSERT INTO records (tenant, partner, value) VALUES (?1, ?2, ?3)")?;
    let mut update =
        prepare("UPDATE records SET value = ?3 WHERE tenant = ?1 AND partner = ?2 AND value = ?4")?;
    let mut delete = prepare("DELETE FROM records WHERE tenant = ?1 AND partner = ?2 AND value = ?3")?;
    let mut remember =
        prepare("INSERT INTO former (revision, tenant, partner, value) VALUES (?1, ?2, ?3, ?4)")?;
    for (written, (key, Edit { before, after })) in (1..).zip(&change.edits) {
        let (tenant, partner) = columns(*key);
        let done = match (before, after) {
            (None, Some(after)) => insert.execute(params![tenant, partner, after]),
            (Some(before), Some(after)) => update.execute(params![tenant, partner, after, before]),
            (Some(before), None) => delete.execute(params![tenant, partner, before]),
            (None, None) => continue,
        };
        if store.done(done)? != 1 {
            return Err(store.damaged("it does not hold what was read of it"));
        }
        if let Some(before) = before {
            sum.subtract(*key, before);
        }
        if let Some(after) = after {
            sum.add(*key, after);
        }
        // Before the first revision there was nothing, which need not be kept.
        if revision > 1 {
            store.done(remember.execute(params![revision, tenant, partner, before]))?;
        }
        progress(written);
    }
    Ok(())
}

fn note(
    store: &Embedded,
    connection: &Connection,
    change: &Change,
    revision: u64,
    sum: Sum,
) -> Result<(), StoreError> {
    let counts = |counts| serde_json::to_string(&counts).unwrap_or_default();
    let row =
        params![revision, unix_now(), change.what, counts(change.tenants()), counts(change.partners()), sum];
    let noted = connection.execute(
        "INSERT INTO changes (revision, at, what, tenants, partners, kept, sum) VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6)",
        row,
    );
    store.done(noted).map(drop)
}

/// What is too long ago to be undone.
fn forget(store: &Embedded, connection: &Connection, revision: u64) -> Result<(), StoreError> {
    let Some(oldest) = revision.checked_sub(store.kept) else { return Ok(()) };
    store.done(connection.execute("DELETE FROM former WHERE revision <= ?", [oldest]))?;
    // The oldest one is still told by what came after it.
    store.done(connection.execute("UPDATE changes SET kept = 0 WHERE kept AND revision < ?", [oldest]))?;
    Ok(())
}
