//! Everything at one revision, and what was before.

use std::collections::BTreeMap;

use rusqlite::types::{FromSqlError, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::schema::for_reading;
use super::sum::Sum;
use super::{Embedded, Former, Mark, Past, Records, Since, StoreError, columns, latest};
use crate::id::TenantId;
use crate::source::store::Key;

pub(super) fn mark(store: &Embedded) -> Result<Mark, StoreError> {
    let connection = for_reading(store)?;
    latest(store, &connection)?.ok_or_else(|| StoreError::Empty(store.shown()))
}

pub(super) fn read(store: &Embedded, records: &mut dyn Records) -> Result<Mark, StoreError> {
    let mut connection = for_reading(store)?;
    let transaction = store.done(connection.transaction())?;
    let mark = latest(store, &transaction)?.ok_or_else(|| StoreError::Empty(store.shown()))?;
    let sum = hand_over(store, &transaction, records)?;
    written(store, &mark, sum)?;
    Ok(mark)
}

/// What changed since `base`, and how it is now: nothing where that cannot be told, or is more than `most` records.
pub(super) fn since(store: &Embedded, base: &Mark, most: usize) -> Result<Option<Since>, StoreError> {
    let mut connection = for_reading(store)?;
    let transaction = store.done(connection.transaction())?;
    let mark = latest(store, &transaction)?.ok_or_else(|| StoreError::Empty(store.shown()))?;
    let known = transaction.query_row(
        "SELECT sum FROM changes WHERE revision = ? AND kept",
        [base.revision],
        |row| row.get(0),
    );
    let known: Option<Sum> = store.done(known.optional())?;
    // The same number in a file of another history says nothing.
    if known != Some(base.sum) || mark.revision <= base.revision {
        return Ok(None);
    }
    let mut sum = base.sum;
    let mut now =
        store.done(transaction.prepare("SELECT value FROM records WHERE tenant = ? AND partner = ?"))?;
    let mut records = BTreeMap::new();
    for (key, before) in formerly(store, &transaction, base.revision, most.saturating_add(1))? {
        let (tenant, partner) = columns(key);
        let now = now.query_row(params![tenant, partner], |row| row.get::<_, String>(0));
        let now = store.done(now.optional())?.map(String::into_boxed_str);
        if let Some(before) = before {
            sum.subtract(key, &before);
        }
        if let Some(now) = &now {
            sum.add(key, now);
        }
        records.insert(key, now);
    }
    if records.len() > most {
        return Ok(None);
    }
    written(store, &mark, sum)?;
    Ok(Some(Since { mark, records }))
}

fn hand_over(
    store: &Embedded,
    connection: &Connection,
    records: &mut dyn Records,
) -> Result<Sum, StoreError> {
    let mut sum = Sum::default();
    let mut all = store
        .done(connection.prepare("SELECT tenant, partner, value FROM records ORDER BY tenant, partner"))?;
    let mut count =
        store.done(connection.prepare("SELECT count(*) FROM records WHERE tenant = ? AND partner <> x''"))?;
    let mut rows = store.done(all.query(()))?;
    let mut settings_of = None;
    while let Some(row) = store.done(rows.next())? {
        let key = store.done(key(row, 0))?;
        let value = store.done(row.get_ref(2))?.as_str().map_err(|_| store.damaged("a record is no text"))?;
        sum.add(key, value);
        match key.partner {
            None => {
                let id = key.tenant.as_u128().to_be_bytes();
                let partners = store.done(count.query_row([id], |row| row.get(0)))?;
                settings_of = Some(key.tenant);
                records.tenant(key.tenant, value, partners)
            }
            Some(partner) if settings_of == Some(key.tenant) => records.partner(key.tenant, partner, value),
            Some(_) => {
                return Err(store.damaged(format!("tenant {} has partners, and no settings", key.tenant)));
            }
        }
        .map_err(StoreError::Output)?;
    }
    Ok(sum)
}

/// What was read must be what was written.
fn written(store: &Embedded, mark: &Mark, sum: Sum) -> Result<(), StoreError> {
    if sum != mark.sum {
        return Err(store.damaged(format!("its records are not those of revision {}", mark.revision)));
    }
    Ok(())
}

pub(super) fn history(store: &Embedded) -> Result<Vec<Past>, StoreError> {
    let connection = for_reading(store)?;
    let mut changes =
        store.done(connection.prepare(
            "SELECT revision, at, what, tenants, partners, kept FROM changes ORDER BY revision DESC",
        ))?;
    let counts = |row: &Row<'_>, column| -> rusqlite::Result<_> {
        let read = serde_json::from_str(row.get_ref(column)?.as_str()?);
        Ok(read.map_err(FromSqlError::other)?)
    };
    let past = changes.query_map((), |row| {
        Ok(Past {
            revision: row.get(0)?,
            at: row.get(1)?,
            what: row.get(2)?,
            tenants: counts(row, 3)?,
            partners: counts(row, 4)?,
            kept: row.get(5)?,
        })
    });
    store.done(past.and_then(Iterator::collect))
}

pub(super) fn former(store: &Embedded, revision: u64) -> Result<Former, StoreError> {
    let mut connection = for_reading(store)?;
    let transaction = store.done(connection.transaction())?;
    let present = latest(store, &transaction)?.ok_or_else(|| StoreError::Empty(store.shown()))?.revision;
    let kept = transaction.query_row(
        "SELECT count(*) FROM changes WHERE revision = ? AND kept",
        [revision],
        |row| row.get::<_, u64>(0),
    );
    if store.done(kept)? == 0 {
        return Err(StoreError::NotKept(revision));
    }
    let records = formerly(store, &transaction, revision, usize::MAX)?;
    Ok(Former { present, records })
}

/// What changed since a revision, as it was then; no more than `most` records of it.
fn formerly(
    store: &Embedded,
    connection: &Connection,
    revision: u64,
    most: usize,
) -> Result<BTreeMap<Key, Option<Box<str>>>, StoreError> {
    let mut changed = store.done(
        connection.prepare("SELECT tenant, partner, value FROM former WHERE revision > ? ORDER BY revision"),
    )?;
    let mut rows = store.done(changed.query([revision]))?;
    let mut records = BTreeMap::new();
    while records.len() < most
        && let Some(row) = store.done(rows.next())?
    {
        let value = store.done(row.get::<_, Option<String>>(2))?.map(String::into_boxed_str);
        // What the first change since then replaced is what there was then.
        records.entry(store.done(key(row, 0))?).or_insert(value);
    }
    Ok(records)
}

/// Of the columns `at` and the next.
fn key(row: &Row<'_>, at: usize) -> rusqlite::Result<Key> {
    let id = |value: ValueRef<'_>| {
        let bytes = value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
        Ok::<_, FromSqlError>(TenantId::from_u128(u128::from_be_bytes(bytes)))
    };
    let tenant = id(row.get_ref(at)?)?;
    let partner = row.get_ref(at.saturating_add(1))?;
    let partner = if partner == ValueRef::Blob(&[]) { None } else { Some(id(partner)?) };
    Ok(Key { tenant, partner })
}
