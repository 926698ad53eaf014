//! The tenant restrictions header of a request that comes in (§5.1).

use super::guid::Guid;
use super::issuer::Home;
use super::model::{Facts, Request, Stop};

/// A header that is honoured and readable.
pub(crate) enum Restriction {
    Policy { tenant: Guid, policy: Guid },
    Msa,
}

/// The header where it counts; a doubled or unreadable one stops.
pub(crate) fn read(request: &Request<'_>) -> Result<Option<Restriction>, Stop> {
    if request.config["ingress"]["honor_tenant_restrictions_header"] != true {
        return Ok(None);
    }
    let named = |name: &str| name.eq_ignore_ascii_case("sec-Restrict-Tenant-Access-Policy");
    let mut values = request.headers.iter().filter(|(name, _)| named(name));
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some((_, value)), None) => {
            parse(value).map(Some).ok_or_else(|| Stop::deny("restrictions_header_invalid"))
        }
        (Some(_), Some(_)) => Err(Stop::deny("restrictions_header_invalid")),
    }
}

/// The comparison, once the relation is known.
pub(crate) fn compare(restriction: &Restriction, facts: &Facts<'_>) -> Result<(), Stop> {
    let (tenant, policy) = match restriction {
        Restriction::Policy { tenant, policy } => (*tenant, *policy),
        // A token that MSA's tenant issued has no relation, and so has stopped before.
        Restriction::Msa => return Ok(()),
    };
    if tenant == facts.route.tenant || Home::Tenant(tenant) == facts.token.home {
        return Ok(());
    }
    match facts.token.text("xms_trpid") {
        None => {
            let claim = r#""xms_trpid":{"essential":true}"#;
            Err(facts.challenge_without_context("restrictions_claim_missing", claim))
        }
        Some(id) if policy.is(id) => Ok(()),
        Some(_) => Err(Stop::deny("restrictions_policy_mismatch")),
    }
}

fn parse(value: &str) -> Option<Restriction> {
    if value == "restrict-msa" {
        return Some(Restriction::Msa);
    }
    let (tenant, policy) = value.split_once(':')?;
    Some(Restriction::Policy { tenant: Guid::parse(tenant)?, policy: Guid::parse(policy)? })
}
