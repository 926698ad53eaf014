//! Tokens called back: Entra cannot, so a hosted tenant lists from when on a user's or a tenant's tokens count.

use crate::engine::access::Access;
use crate::engine::principal::Principal;
use crate::engine::rules::Rules;
use crate::policy::{Revocation, Tenant};
use crate::token::Home;

/// The time since which the caller's token would have to be issued, where it was issued before.
pub(in crate::engine) fn revoked(tenant: &Tenant, access: &Access<'_>, rules: &Rules) -> Option<i64> {
    let issued_at = access.identity.issued_at;
    tenant
        .revocations
        .iter()
        .filter(|revocation| issued_at < revocation.not_before && concerns(revocation, access, rules))
        .map(|revocation| revocation.not_before)
        .max()
}

/// A caller of that tenant whose id there is not known may be the one: a fresh token settles it.
fn concerns(revocation: &Revocation, access: &Access<'_>, rules: &Rules) -> bool {
    let identity = access.identity;
    let of_tenant = identity.tenant == revocation.tenant || identity.home == Home::Tenant(revocation.tenant);
    let Some(user) = revocation.user else { return of_tenant };
    let known = Principal::in_directory(revocation.tenant, access, rules).id();
    of_tenant && known.is_none_or(|id| id == user)
}
