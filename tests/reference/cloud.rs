//! Microsoft clouds: where the other tenant is, and whether that may be (§6).

use serde_json::Value;

use super::guid::Guid;
use super::issuer::{self, Home};
use super::model::Facts;
use super::policy::{self, CHINA, COMMERCIAL, GOVERNMENT};
use super::relation::Relation;

/// The cloud rule of `owner`, a hosted tenant, about `other`.
pub(crate) fn rule(
    facts: &Facts<'_>,
    owner: &Value,
    other: Guid,
    relation: Relation,
) -> Result<(), &'static str> {
    let own = policy::cloud(owner);
    let endpoints = &owner["crossTenantAccessPolicy"]["allowedCloudEndpoints"];
    let listed = policy::partner(owner, other).is_some();
    let theirs = match of(facts, owner, other) {
        Some(cloud) => cloud,
        None if policy::items(endpoints).next().is_some() && !listed => {
            return Err("cloud_unresolved");
        }
        None => own,
    };
    if theirs == own {
        return Ok(());
    }
    let pair = [own, theirs];
    if !pair.contains(&COMMERCIAL) || !(pair.contains(&GOVERNMENT) || pair.contains(&CHINA)) {
        return Err("cloud_pair_unsupported");
    }
    if !policy::texts(endpoints).any(|endpoint| endpoint == theirs) {
        return Err("cloud_not_allowed");
    }
    if !listed {
        return Err("cloud_partner_unlisted");
    }
    if relation == Relation::DirectConnect {
        return Err("cloud_direct_connect");
    }
    Ok(())
}

/// The cloud of `other` as far as anything tells it.
pub(crate) fn of<'a>(facts: &Facts<'a>, owner: &'a Value, other: Guid) -> Option<&'a str> {
    let token = facts.token;
    let told = if other == token.tenant {
        token.text("iss").and_then(issuer::cloud_of).or(token.issuer_cloud)
    } else if Home::Tenant(other) == token.home {
        token.text("idp").and_then(issuer::cloud_of)
    } else {
        None
    };
    told.or_else(|| policy::tenant(facts.bundle, other).map(policy::cloud))
        .or_else(|| policy::keyed(&owner["partnerClouds"], other)?.as_str())
}
