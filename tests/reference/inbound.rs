//! Mode `inbound`: somebody reaches the protected tenant (§5), in §13's order.

use serde_json::Value;

use super::claims::Token;
use super::cloud;
use super::conditional;
use super::domain;
use super::guid::{self, Guid};
use super::header::{self, Restriction};
use super::model::{Facts, Request, Stop, Trail};
use super::policy;
use super::relation::{self, Relation};
use super::revocation;
use super::route::Route;
use super::setting::{self, Setting};

pub(crate) fn access(request: &Request<'_>, route: &Route, trail: &mut Trail) -> Result<&'static str, Stop> {
    let (token, restriction) = arrive(request, route)?;
    let facts = Facts::new(request, route, &token, route.application);
    let relation = identify(&facts, restriction.as_ref(), trail)?;
    permit(&facts, relation, trail)
}

/// Header, token present, verified.
pub(crate) fn arrive<'a>(
    request: &Request<'a>,
    route: &Route,
) -> Result<(Token<'a>, Option<Restriction>), Stop> {
    let restriction = header::read(request)?;
    let Some(claims) = request.claims else {
        return Err(Stop::deny(match restriction {
            Some(_) => "anonymous_blocked",
            None => "token_missing",
        }));
    };
    let token = Token::verify(claims, request.config, route, route.application, request.now)?;
    Ok((token, restriction))
}

/// Relation, the header's comparison, revocation.
pub(crate) fn identify(
    facts: &Facts<'_>,
    restriction: Option<&Restriction>,
    trail: &mut Trail,
) -> Result<Relation, Stop> {
    trail.application = facts.applications.resource;
    // A personal account's token has no relation either: the clause of §5.1 says something only if it is asked first,
    // and under report-only it must not turn what has no relation into an allow.
    let msa = facts.token.tenant == guid::MSA && matches!(restriction, Some(Restriction::Msa));
    if msa && facts.route.report_only.is_none() {
        return Err(Stop::deny("restrictions_policy_mismatch"));
    }
    let relation = relation::inbound(facts.token, facts.route.tenant)?;
    trail.relation = Some(relation);
    trail.guest_access = (facts.token.acct() == Some(1)).then(|| guest_access(facts.local));
    trail.partner = if relation == Relation::Internal { None } else { facts.home() };
    if let Some(Err(stop)) = restriction.map(|it| header::compare(it, facts)) {
        // A mismatch that is only reported must not let a revoked token by.
        if facts.route.report_only.is_some() {
            revocation::check(facts)?;
        }
        return Err(stop);
    }
    revocation::check(facts)?;
    Ok(relation)
}

/// What guests may see (§9); unknown is the least.
fn guest_access(local: &Value) -> &'static str {
    let role = local["authorizationPolicy"]["guestUserRoleId"].as_str().and_then(Guid::parse);
    let is = |id: &str| role.is_some_and(|role| role.is(id));
    if is("a0b1b346-4d3e-4e8b-98f8-753987be4970") {
        "member"
    } else if is("10dae51f-b6af-4016-8d66-8c2a99b929b3") {
        "limited"
    } else {
        "restricted"
    }
}

/// Cloud, setting, other side, domain lists, requirements.
pub(crate) fn permit(facts: &Facts<'_>, relation: Relation, trail: &mut Trail) -> Result<&'static str, Stop> {
    match (relation, facts.home()) {
        (Relation::Collaboration, Some(home)) => {
            collaborate(facts, relation, home, "b2bCollaborationInbound", trail)?;
        }
        (Relation::DirectConnect, Some(home)) => {
            collaborate(facts, relation, home, "b2bDirectConnectInbound", trail)?;
        }
        (Relation::ServiceProvider, Some(home)) => provide(facts, home)?,
        (Relation::NonEntra, _) => non_entra(facts)?,
        _ => {}
    }
    conditional::check(facts, relation, trail)?;
    Ok(if relation == Relation::Internal { "internal" } else { "permitted" })
}

fn collaborate(
    facts: &Facts<'_>,
    relation: Relation,
    home: Guid,
    name: &'static str,
    trail: &mut Trail,
) -> Result<(), Stop> {
    cloud::rule(facts, facts.local, home, relation)?;
    // Inbound ids live in the tenant that the setting is kept for.
    trail.read(facts.local, home, name).permits(facts, home)?;

    let Some(theirs) = policy::tenant(facts.bundle, home) else { return Ok(()) };
    let local = facts.route.tenant;
    let outbound = if relation == Relation::DirectConnect {
        "b2bDirectConnectOutbound"
    } else {
        "b2bCollaborationOutbound"
    };
    // Outbound ids live in the tenant that owns the setting.
    cloud::rule(facts, theirs, local, relation)
        .and_then(|()| Setting::of(theirs, local, outbound).permits(facts, home))
        .map_err(|_| Stop::deny("home_outbound_blocked"))
}

fn provide(facts: &Facts<'_>, home: Guid) -> Result<(), Stop> {
    cloud::rule(facts, facts.local, home, Relation::ServiceProvider)?;
    if !is_provider(facts.local, home) {
        return Err(Stop::deny("service_provider_unlisted"));
    }
    match policy::tenant(facts.bundle, home) {
        Some(theirs) if setting::blocks_providers(theirs, facts.route.tenant) => {
            Err(Stop::deny("home_outbound_blocked"))
        }
        _ => Ok(()),
    }
}

/// Whether `owner` has listed `other` as a service provider.
pub(crate) fn is_provider(owner: &Value, other: Guid) -> bool {
    policy::partner(owner, other).is_some_and(|partner| partner["isServiceProvider"] == true)
}

pub(crate) fn non_entra(facts: &Facts<'_>) -> Result<(), Stop> {
    match facts.config["non_entra"].as_str() {
        Some("permit") => Ok(()),
        Some("deny") => Err(Stop::deny("non_entra_blocked")),
        _ => Ok(domain::caller(facts.local, facts.token.text("email"))?),
    }
}
