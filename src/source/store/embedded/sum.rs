//! A sum over all records, kept up to date by adding what comes and subtracting what goes.
//!
//! It is against disks and accidents: a record that changed, vanished or doubled without a change having done it. It is
//! not against people, who may write what they like into a file that they may write.

use aws_lc_rs::digest::{Context, SHA256};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::source::store::Key;

/// Modulo 2^128, so that the order does not matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum(u128);

impl Sum {
    pub(super) fn add(&mut self, key: Key, value: &str) {
        self.0 = self.0.wrapping_add(digest(key, value));
    }

    pub(super) fn subtract(&mut self, key: Key, value: &str) {
        self.0 = self.0.wrapping_sub(digest(key, value));
    }
}

/// The first half of the SHA-256 of a record with its name.
fn digest(key: Key, value: &str) -> u128 {
    let mut context = Context::new(&SHA256);
    context.update(&key.tenant.as_u128().to_be_bytes());
    if let Some(partner) = key.partner {
        context.update(&partner.as_u128().to_be_bytes());
    }
    // No JSON text begins with a byte of zero, so that names and values cannot run into each other.
    context.update(&[0]);
    context.update(value.as_bytes());
    let digest = context.finish();
    digest.as_ref().first_chunk().copied().map_or(0, u128::from_be_bytes)
}

impl ToSql for Sum {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.to_be_bytes().to_vec().into())
    }
}

impl FromSql for Sum {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}
