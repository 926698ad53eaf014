//! Who may invite ("Configure external collaboration settings", guest invite settings), and why nobody knows whom.

use crate::engine::relation::Relation;
use crate::id::TenantId;
use crate::policy::InvitesFrom;
use crate::token::Identity;

/// Why an invitation names nobody whom a rule could be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// There is no body: Envoy sends one only with `with_request_body`.
    #[error("the check carries no body")]
    NoBody,
    /// Envoy cut it off.
    #[error("the body is cut off")]
    Partial,
    /// Longer than any invitation.
    #[error("the body is too long")]
    TooLong,
    /// No strict JSON object.
    #[error("the body is no JSON object without duplicate members")]
    Malformed,
    /// No `invitedUserEmailAddress`, or one that is no text.
    #[error("the body has no invitedUserEmailAddress")]
    Missing,
    /// Not one plain mail address.
    #[error("invitedUserEmailAddress is not one plain mail address")]
    Address,
}

/// Whether `local`'s setting lets the caller invite. Roles are of the tenant that issued the token: an administrator
/// elsewhere is nobody here.
pub(in crate::engine) fn may_invite(
    from: InvitesFrom,
    local: TenantId,
    caller: &Identity,
    relation: Option<Relation>,
) -> bool {
    let appointed = caller.guest_inviter && caller.tenant == local;
    let member = relation == Some(Relation::Internal) && caller.account == Some(0);
    match from {
        InvitesFrom::Nobody => false,
        InvitesFrom::AdminsAndGuestInviters => appointed,
        InvitesFrom::AdminsGuestInvitersAndAllMembers => appointed || member,
        InvitesFrom::Everyone => true,
    }
}
