//! The tenant-restrictions header on ingress ("Set up tenant restrictions v2"): it can only restrict, so whoever
//! sent it may.

use crate::engine::reason::Reason;
use crate::engine::verdict::{Demand, Ruling};
use crate::id::{MSA, PolicyId, TenantId};
use crate::token::{Home, Identity, Restricted};

/// `sec-Restrict-Tenant-Access-Policy`, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestrictionsHeader {
    /// `{tenant}:{policy}`: who restricts, and by which policy.
    Policy(TenantId, PolicyId),
    /// `restrict-msa`: no personal accounts.
    NoPersonalAccounts,
}

/// Neither `guid:guid` nor `restrict-msa`, or there twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sec-Restrict-Tenant-Access-Policy is neither `<tenant>:<policy>` nor `restrict-msa`")]
pub struct BadHeader;

impl RestrictionsHeader {
    /// Reads the header's one value.
    pub fn parse(value: &[u8]) -> Result<Self, BadHeader> {
        if value == b"restrict-msa" {
            return Ok(Self::NoPersonalAccounts);
        }
        let colon = value.iter().position(|&byte| byte == b':').ok_or(BadHeader)?;
        let (tenant, policy) = value.split_at(colon);
        let tenant = TenantId::parse(tenant).map_err(|_| BadHeader)?;
        let policy = PolicyId::parse(policy.get(1..).unwrap_or_default()).map_err(|_| BadHeader)?;
        Ok(Self::Policy(tenant, policy))
    }

    /// Whether the token is a personal account's, and those are restricted.
    pub(in crate::engine) fn forbids_account(self, identity: &Identity) -> bool {
        self == Self::NoPersonalAccounts && identity.tenant == MSA
    }

    /// Compares the header with the claim that Entra adds under such a policy. Tenants restrict others' accounts,
    /// never their own.
    pub(in crate::engine) fn check(
        self,
        local: TenantId,
        identity: &Identity,
    ) -> Result<(), Ruling<'static>> {
        let Self::Policy(tenant, policy) = self else { return Ok(()) };
        if tenant == local || identity.home == Home::Tenant(tenant) {
            return Ok(());
        }
        match identity.restrictions_policy {
            Restricted::By(stamped) if stamped == policy => Ok(()),
            Restricted::By(_) | Restricted::Unreadable => {
                Err(Ruling::Deny(Reason::RestrictionsPolicyMismatch))
            }
            Restricted::No => Err(Ruling::challenge(
                Reason::RestrictionsClaimMissing,
                Demand::RestrictionsPolicy,
                local,
                identity,
            )),
        }
    }
}

impl<'s> Ruling<'s> {
    /// A challenge where one can be answered: by a client that understands it, in a token of ours. Elsewhere a plain
    /// denial.
    pub(in crate::engine) fn challenge(
        reason: Reason,
        demand: Demand<'s>,
        local: TenantId,
        identity: &Identity,
    ) -> Self {
        if identity.tenant == local && identity.understands_challenges {
            Self::Challenge(reason, demand)
        } else {
            Self::Deny(reason)
        }
    }
}
