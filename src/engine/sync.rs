//! Cross-tenant synchronisation: who may create another tenant's users here ("What is cross-tenant synchronization?").

use crate::engine::access::Access;
use crate::id::TenantId;
use crate::token::Home;

/// The tenant that the caller synchronises from, where it is a workload of that tenant: the one that issued its token,
/// or, with a token of `local`, the one that the route names.
pub(in crate::engine) fn source(local: TenantId, access: &Access<'_>) -> Option<TenantId> {
    let identity = access.identity;
    if !identity.workload {
        return None;
    }
    let named = access.route.source_tenant;
    if identity.tenant != local {
        return Some(identity.tenant).filter(|issuer| named.is_none_or(|source| source == *issuer));
    }
    // A third tenant's application is not the source's because a route says so.
    let at_home = |source: &TenantId| [local, *source].map(Home::Tenant).contains(&identity.home);
    named.filter(at_home)
}
