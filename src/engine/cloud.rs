//! Microsoft cloud settings: which clouds may work together, and with whom ("Configure Microsoft cloud settings for
//! B2B collaboration").

use crate::engine::reason::Reason;
use crate::engine::relation::Relation;
use crate::id::{Cloud, TenantId};
use crate::policy::{Snapshot, Tenant};
use crate::token::{Home, Identity};

/// Whether `owner`'s cloud settings let `other` in at all.
pub(in crate::engine) fn permits(
    owner: &Tenant,
    other: TenantId,
    listed: bool,
    relation: Relation,
    snapshot: &Snapshot,
    identity: &Identity,
) -> Result<(), Reason> {
    let cloud = match of(owner, other, snapshot, identity) {
        Some(cloud) => cloud,
        // Once any cloud is allowed, a tenant nobody knows may be of another one.
        None if !owner.allowed_clouds.is_empty() && !listed => return Err(Reason::CloudUnresolved),
        None => owner.cloud,
    };
    if cloud == owner.cloud {
        Ok(())
    } else if !cloud.pairs_with(owner.cloud) {
        Err(Reason::CloudPairUnsupported)
    } else if !owner.allowed_clouds.contains(&cloud) {
        Err(Reason::CloudNotAllowed)
    } else if !listed {
        Err(Reason::CloudPartnerUnlisted)
    } else if relation == Relation::DirectConnect {
        Err(Reason::CloudDirectConnect)
    } else {
        Ok(())
    }
}

/// Where `other` lives: what the token tells, then what is configured.
pub(in crate::engine) fn of(
    owner: &Tenant,
    other: TenantId,
    snapshot: &Snapshot,
    identity: &Identity,
) -> Option<Cloud> {
    let told = if other == identity.tenant {
        identity.issuer_host_cloud.or(identity.issuer_cloud)
    } else if identity.home == Home::Tenant(other) {
        identity.idp_cloud
    } else {
        None
    };
    told.or_else(|| snapshot.tenant(other).map(|tenant| tenant.cloud))
        .or_else(|| owner.partner_clouds.get(&other).copied())
}
