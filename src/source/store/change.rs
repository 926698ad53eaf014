//! What a change does to which record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::TenantId;

/// The name of a record. A tenant's settings come before its partners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The hosted tenant.
    pub tenant: TenantId,
    /// Whose record it keeps; None for its own settings.
    pub partner: Option<TenantId>,
}

impl Key {
    /// Of a tenant's own settings.
    pub const fn settings(tenant: TenantId) -> Self {
        Self { tenant, partner: None }
    }

    /// Of one of its partners.
    pub const fn partner(tenant: TenantId, partner: TenantId) -> Self {
        Self { tenant, partner: Some(partner) }
    }
}

/// One record, before and after; absent is None, and the two differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// As it is at the revision that the change is made on.
    pub before: Option<Box<str>>,
    /// As it is to be.
    pub after: Option<Box<str>>,
}

/// What is to be done at once.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// In a few words, for the history.
    pub what: String,
    /// To which records.
    pub edits: BTreeMap<Key, Edit>,
}

impl Change {
    /// How many tenants' settings are touched.
    pub fn tenants(&self) -> Counts {
        Counts::of(self.edits.iter().filter(|(key, _)| key.partner.is_none()).map(|(_, edit)| edit))
    }

    /// How many partners are.
    pub fn partners(&self) -> Counts {
        Counts::of(self.edits.iter().filter(|(key, _)| key.partner.is_some()).map(|(_, edit)| edit))
    }
}

/// Records by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Were not there before.
    pub added: u64,
    /// Are others than before.
    pub changed: u64,
    /// Are there no more.
    pub removed: u64,
}

impl Counts {
    /// Of these edits.
    pub fn of<'e>(edits: impl Iterator<Item = &'e Edit>) -> Self {
        let mut counts = Self::default();
        for edit in edits {
            let count = match (&edit.before, &edit.after) {
                (None, _) => &mut counts.added,
                (Some(_), Some(_)) => &mut counts.changed,
                (Some(_), None) => &mut counts.removed,
            };
            *count = count.saturating_add(1);
        }
        counts
    }
}
