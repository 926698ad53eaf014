//! How a decision comes by the records of partners: one way for all that it asks, and what is not at hand is never
//! taken for what does not exist.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::engine::reason::Reason;
use crate::engine::verdict::Ruling;
use crate::id::{Hint, TenantId};
use crate::policy::{Fetch, Found, Partner, Shelf, Tenant};

/// Finds the records that tenants keep for others.
pub trait Partners {
    /// The record that `tenant` keeps for `other`, if there is one, and perhaps where `hint` was told it is.
    fn partner<'p>(
        &'p self,
        tenant: &'p Tenant,
        other: TenantId,
        hint: &Hint,
    ) -> Result<Option<&'p Partner>, Unread> {
        match tenant.partners.shelf() {
            None => Ok(tenant.partners.find(other, hint)),
            Some(elsewhere) => self.on(elsewhere, tenant.id, other),
        }
    }

    /// The same where the records are on a shelf, which is that of `tenant`.
    fn on<'p>(
        &'p self,
        elsewhere: &'p Arc<dyn Shelf>,
        tenant: TenantId,
        other: TenantId,
    ) -> Result<Option<&'p Partner>, Unread>;
}

/// Whether there is a record is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread;

impl From<Unread> for Reason {
    fn from(Unread: Unread) -> Self {
        Self::PartnerUnavailable
    }
}

impl From<Unread> for Ruling<'_> {
    fn from(unread: Unread) -> Self {
        Self::Deny(unread.into())
    }
}

/// The records that are part of the snapshot.
#[derive(Debug, Clone, Copy, Default)]
pub struct Resident;

impl Partners for Resident {
    fn on(&self, _: &Arc<dyn Shelf>, _: TenantId, _: TenantId) -> Result<Option<&Partner>, Unread> {
        Err(Unread)
    }
}

/// The records that one decision takes from shelves. What it has read once stays the same until it ends.
#[derive(Debug, Default)]
pub struct Reads {
    /// Of the snapshot that is decided on.
    revision: u64,
    read: [OnceCell<Read>; MOST],
    wanted: OnceCell<Wanted>,
}

/// Records that a decision may take: one that takes more is none that we know.
const MOST: usize = 8;

#[derive(Debug)]
struct Read {
    tenant: TenantId,
    other: TenantId,
    found: Found,
}

/// A record that a decision would have needed.
#[derive(Debug, Clone)]
pub struct Wanted {
    shelf: Arc<dyn Shelf>,
    other: TenantId,
    revision: u64,
}

impl Wanted {
    /// Fetches it; gives whether there is reason to decide anew.
    pub fn fetch(self) -> Fetch {
        self.shelf.fetch(self.other, self.revision)
    }
}

impl Reads {
    /// None yet, on the snapshot of this revision.
    pub fn at(revision: u64) -> Self {
        Self { revision, ..Self::default() }
    }

    /// What was not at hand, so that nothing was decided.
    pub fn wanted(&self) -> Option<Wanted> {
        self.wanted.get().cloned()
    }
}

impl Partners for Reads {
    fn on<'p>(
        &'p self,
        elsewhere: &'p Arc<dyn Shelf>,
        tenant: TenantId,
        other: TenantId,
    ) -> Result<Option<&'p Partner>, Unread> {
        for place in &self.read {
            let read =
                place.get_or_init(|| Read { tenant, other, found: elsewhere.find(other, self.revision) });
            if (read.tenant, read.other) != (tenant, other) {
                continue;
            }
            return match &read.found {
                Found::Partner(partner) => Ok(Some(partner)),
                Found::Absent => Ok(None),
                Found::Unreadable => Err(Unread),
                Found::Away => {
                    let wanted = || Wanted { shelf: Arc::clone(elsewhere), other, revision: self.revision };
                    self.wanted.get_or_init(wanted);
                    Err(Unread)
                }
            };
        }
        Err(Unread)
    }
}
