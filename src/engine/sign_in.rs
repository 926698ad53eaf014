//! Under tenant restrictions, the hosts where accounts sign in: they are told of the policy and enforce it themselves
//! ("Set up tenant restrictions v2"; "Restrict access to a tenant" for v1).

use crate::engine::access::Route;
use crate::engine::reason::Reason;
use crate::engine::verdict::{Basis, Marking, Permit, Ruling, Verdict};
use crate::id::{MSA, PolicyId, TenantId};
use crate::policy::{Snapshot, Tenant};

/// `restrictions.version`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A list of tenants.
    V1,
    /// A policy's name, which Entra looks up.
    V2,
}

/// What a sign-in host is told. Whatever a client says in the same headers is not heard.
#[derive(Debug, Clone, Copy)]
pub enum Signal<'s> {
    /// v2: `sec-Restrict-Tenant-Access-Policy: {tenant}:{policy}`.
    Policy(TenantId, PolicyId),
    /// v1: `Restrict-Access-To-Tenants`, and this tenant in `Restrict-Access-Context`.
    Tenants(&'s Tenant),
    /// v1, for personal accounts: `sec-Restrict-Tenant-Access-Policy: restrict-msa`.
    NoPersonalAccounts,
    /// v1 has no word for this host, or nothing to forbid.
    Nothing,
}

/// A sign-in host, by what v1 can say to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignIn(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    OrganisationsAccounts,
    PersonalAccounts,
    Other,
}

impl SignIn {
    pub(in crate::engine) fn at(host: &[u8]) -> Self {
        let organisations = ["login.microsoftonline.com", "login.microsoft.com", "login.windows.net"];
        let is = |known: &str| known.as_bytes().eq_ignore_ascii_case(host);
        Self(if organisations.into_iter().any(is) {
            Kind::OrganisationsAccounts
        } else if is("login.live.com") {
            Kind::PersonalAccounts
        } else {
            Kind::Other
        })
    }

    /// The verdict on a request to it: allowed, and never without what restricts it.
    pub fn verdict(self, snapshot: &Snapshot, route: Route, version: Version) -> Verdict<'_> {
        let basis = Basis::of_route(route);
        let Some(tenant) = snapshot.tenant(route.tenant) else {
            return Verdict::refused(Reason::RouteInvalid, basis);
        };
        match self.signal(tenant, version) {
            Some(signal) => Verdict {
                ruling: Ruling::Allow(Permit::granted(Reason::SignInHost)),
                basis,
                marking: Marking::SignIn(signal),
            },
            None => Verdict::refused(Reason::RestrictionsPolicyMissing, basis),
        }
    }

    /// None where v2 has no policy to name.
    fn signal(self, tenant: &Tenant, version: Version) -> Option<Signal<'_>> {
        match (version, self.0) {
            (Version::V2, _) => tenant.default_id.map(|policy| Signal::Policy(tenant.id, policy)),
            (Version::V1, Kind::OrganisationsAccounts) => Some(Signal::Tenants(tenant)),
            (Version::V1, Kind::PersonalAccounts)
                if tenant.unrestricted_partners().binary_search(&MSA).is_err() =>
            {
                Some(Signal::NoPersonalAccounts)
            }
            (Version::V1, Kind::PersonalAccounts | Kind::Other) => Some(Signal::Nothing),
        }
    }
}
