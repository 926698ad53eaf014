//! Automatic redemption: who still sees a consent prompt, and which mails they get ("Cross-tenant access overview",
//! automatic redemption setting).

use crate::engine::access::Access;
use crate::engine::cloud;
use crate::engine::relation::Relation;
use crate::engine::rules::Rules;
use crate::policy::{Snapshot, Tenant};

/// What becomes of an invitation. App consent is another matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redemption {
    /// Both tenants want invitations to redeem themselves.
    pub automatic: bool,
    /// What the user gets to see; None where no user redeems.
    pub messages: Option<Messages>,
}

/// What a user who redeems gets to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Messages {
    /// The mail that invites.
    pub invitation_email: bool,
    /// The prompt at the first access.
    pub consent_prompt: bool,
    /// The mail that tells of the new access.
    pub notification_email: bool,
}

impl Redemption {
    /// Of a user in this relation. Mails belong to B2B collaboration alone.
    pub(in crate::engine) fn of(automatic: bool, relation: Relation) -> Self {
        let collaboration = relation == Relation::Collaboration;
        let messages = Messages {
            invitation_email: collaboration && !automatic,
            consent_prompt: !automatic,
            notification_email: collaboration,
        };
        Self { automatic, messages: Some(messages) }
    }

    /// Of users that are created by synchronisation.
    pub(in crate::engine) const fn of_sync(automatic: bool) -> Self {
        Self { automatic, messages: None }
    }

    /// The word of `consent`.
    pub const fn word(self) -> &'static str {
        if self.automatic { "suppressed" } else { "required" }
    }
}

/// Between clouds no invitation redeems itself unless configured; `local` says where the two live.
pub(in crate::engine) fn clouds_agree(
    local: &Tenant,
    from: &Tenant,
    to: &Tenant,
    snapshot: &Snapshot,
    rules: &Rules,
    access: &Access<'_>,
) -> bool {
    let cloud = |tenant: &Tenant| {
        let told = cloud::of(local, tenant.id, snapshot, access.identity);
        told.filter(|_| tenant.id != local.id).unwrap_or(tenant.cloud)
    };
    cloud(from) == cloud(to) || rules.cross_cloud_redemption
}
