//! Domain lists ("Allow or block invites to B2B users from specific organizations"). Entra applies them at invitation
//! only; a gateway can apply them to callers from outside Entra at every request.

use crate::engine::reason::Reason;
use crate::engine::rules::NonEntra;
use crate::id::Domain;
use crate::policy::{DomainLists, Tenant};

/// Whether a caller with a mail address of `domain` may come in. Exact domains; sub-domains are others.
pub(in crate::engine) fn permit(
    rule: NonEntra,
    tenant: &Tenant,
    domain: Option<&Domain>,
) -> Result<(), Reason> {
    match rule {
        NonEntra::Permit => Ok(()),
        NonEntra::Deny => Err(Reason::NonEntraBlocked),
        NonEntra::Domains if !tenant.domains.exist() => Ok(()),
        NonEntra::Domains => listed(&tenant.domains, domain.ok_or(Reason::DomainUnresolved)?),
    }
}

/// What the lists say of a domain, an invitee's or a caller's.
pub(in crate::engine) fn listed(lists: &DomainLists, domain: &Domain) -> Result<(), Reason> {
    if lists.blocked.contains(domain) {
        return Err(Reason::DomainBlocked);
    }
    match &lists.allowed {
        Some(allowed) if !allowed.contains(domain) => Err(Reason::DomainNotAllowed),
        Some(_) | None => Ok(()),
    }
}
