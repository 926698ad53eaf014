//! Mode `outbound`: our users reach another tenant's resource (§8).

use super::action;
use super::claims::Token;
use super::cloud;
use super::guid::Guid;
use super::inbound;
use super::model::{Facts, Request, Stop, Trail};
use super::policy;
use super::relation::{self, Relation};
use super::restrictions;
use super::revocation;
use super::route::Route;
use super::setting::{self, Setting};

pub(crate) fn access(request: &Request<'_>, route: &Route, trail: &mut Trail) -> Result<&'static str, Stop> {
    let claims = request.claims.ok_or("token_missing")?;
    let token = Token::verify(claims, request.config, route, route.application, request.now)?;
    let facts = Facts::new(request, route, &token, route.application);
    judge(&facts, trail)
}

/// Our user accepts the invitation of R (§9); of whom the token is another's, its home is the source.
pub(crate) fn redeem(request: &Request<'_>, route: &Route, trail: &mut Trail) -> Result<&'static str, Stop> {
    let claims = request.claims.ok_or("token_missing")?;
    let token = Token::verify(claims, request.config, route, route.application, request.now)?;
    let facts = Facts::new(request, route, &token, route.application);
    let reason = judge(&facts, trail)?;
    if let Some(relation) = trail.relation {
        action::tell(&facts, relation, route.resource_tenant.unwrap_or(token.tenant), trail);
    }
    Ok(reason)
}

/// From the relation on.
pub(crate) fn judge(facts: &Facts<'_>, trail: &mut Trail) -> Result<&'static str, Stop> {
    trail.application = facts.applications.resource;
    let local = facts.route.tenant;
    let resource = facts.route.resource_tenant.unwrap_or(facts.token.tenant);
    let relation = relation::outbound(facts.token, local, resource)?;
    trail.relation = Some(relation);
    trail.partner = (relation != Relation::Internal).then_some(resource);
    revocation::check(facts)?;

    if relation == Relation::Internal {
        return Ok("internal");
    }
    if relation == Relation::ExternalIdentity {
        return restrictions::external(facts, trail);
    }
    if relation == Relation::ServiceProvider {
        return provide(facts, resource);
    }
    let (outbound, inbound) = if relation == Relation::DirectConnect {
        ("b2bDirectConnectOutbound", "b2bDirectConnectInbound")
    } else {
        ("b2bCollaborationOutbound", "b2bCollaborationInbound")
    };
    cloud::rule(facts, facts.local, resource, relation)?;
    trail.read(facts.local, resource, outbound).permits(facts, local)?;
    if let Some(theirs) = policy::tenant(facts.bundle, resource) {
        cloud::rule(facts, theirs, local, relation)
            .and_then(|()| Setting::of(theirs, local, inbound).permits(facts, local))
            .map_err(|_| "resource_inbound_blocked")?;
    }
    Ok("permitted")
}

fn provide(facts: &Facts<'_>, resource: Guid) -> Result<&'static str, Stop> {
    cloud::rule(facts, facts.local, resource, Relation::ServiceProvider)?;
    if setting::blocks_providers(facts.local, resource) {
        return Err(Stop::deny("service_provider_outbound_blocked"));
    }
    match policy::tenant(facts.bundle, resource) {
        Some(theirs) if !inbound::is_provider(theirs, facts.route.tenant) => {
            Err(Stop::deny("resource_inbound_blocked"))
        }
        _ => Ok("permitted"),
    }
}
