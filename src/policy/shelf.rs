//! Partners that are not part of a snapshot: kept elsewhere, found when a decision asks for one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::id::TenantId;
use crate::policy::partner::Partner;

/// The partners of one tenant, of which some are at hand.
pub trait Shelf: fmt::Debug + Send + Sync {
    /// What is at hand of the record for `other`, where that is no older than the store's `revision`. Never waits.
    fn find(&self, other: TenantId, revision: u64) -> Found;

    /// Fetches the record, within a time of its own. Gives whether there is reason to look again.
    fn fetch(self: Arc<Self>, other: TenantId, revision: u64) -> Fetch;
}

/// The work of fetching a record.
pub type Fetch = Pin<Box<dyn Future<Output = bool> + Send>>;

/// What is known of a record.
#[derive(Debug, Clone)]
pub enum Found {
    /// The record.
    Partner(Arc<Partner>),
    /// There is none.
    Absent,
    /// There is one that says nothing we understand.
    Unreadable,
    /// It would have to be fetched.
    Away,
}
