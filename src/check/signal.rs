//! How sign-in hosts are told of tenant restrictions: the headers, each overwriting what the client sent, or removed.

use std::fmt::Write as _;

use crate::engine::Signal;
use crate::policy::Tenant;

/// v2's header, and v1's way to forbid personal accounts.
const POLICY: &str = "sec-restrict-tenant-access-policy";
/// v1's headers.
const TENANTS: &str = "restrict-access-to-tenants";
const CONTEXT: &str = "restrict-access-context";

/// Every header of the kind, with its value; None for one that must not be there.
pub(in crate::check) fn headers(signal: Signal<'_>) -> [(&'static str, Option<String>); 3] {
    let [policy, tenants, context] = match signal {
        Signal::Policy(tenant, policy) => [Some(format!("{tenant}:{policy}")), None, None],
        Signal::Tenants(tenant) => [None, Some(list(tenant)), Some(tenant.id.to_string())],
        Signal::NoPersonalAccounts => [Some("restrict-msa".to_owned()), None, None],
        Signal::Nothing => [None, None, None],
    };
    [(POLICY, policy), (TENANTS, tenants), (CONTEXT, context)]
}

/// The tenant itself first: without it nobody could sign in at home, and an empty list might restrict nobody.
fn list(tenant: &Tenant) -> String {
    let partners = tenant.unrestricted_partners().iter().filter(|partner| **partner != tenant.id);
    partners.fold(tenant.id.to_string(), |mut list, partner| {
        // Writing to a `String` cannot fail.
        let _infallible = write!(list, ",{partner}");
        list
    })
}
