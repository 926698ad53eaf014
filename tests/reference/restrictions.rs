//! Mode `tenant_restrictions`: external identities on our devices (§8).

use serde_json::Value;

use super::claims::Token;
use super::guid::{Guid, MSA};
use super::issuer::Home;
use super::model::{self, Decision, Facts, Request, Stop, Trail};
use super::outbound;
use super::policy;
use super::relation::{self, Relation};
use super::revocation;
use super::route::Route;

/// The decision on a request to `host`, of which a `Request` says nothing. Credentials in the
/// query are not looked for: a `Request` has none.
pub(crate) fn decide(request: &Request<'_>, host: &str) -> Decision {
    model::judge(request, |route, trail| {
        assert!(
            route.mode == "tenant_restrictions" && route.action == "access",
            "the reference model has no hosts in mode {}",
            route.mode
        );
        access(request, route, host, trail)
    })
}

fn access(request: &Request<'_>, route: &Route, host: &str, trail: &mut Trail) -> Result<&'static str, Stop> {
    let restrictions = &request.config["restrictions"];
    if is_sign_in(restrictions, host) {
        return sign_in(request, route);
    }
    let Some(reached) = resource(restrictions, host) else { return Ok("unrestricted_host") };

    let claims = request.claims.ok_or("anonymous_blocked")?;
    if request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
        return Err(Stop::deny("token_ambiguous"));
    }
    let application = route.application.or(Some(reached));
    let token = Token::verify(claims, request.config, route, application, request.now)?;
    let facts = Facts::new(request, route, &token, application);
    let relation = relation::restrictions(&token, route.tenant)?;
    trail.relation = Some(relation);
    revocation::check(&facts)?;
    if relation == Relation::ExternalIdentity {
        return external(&facts, trail);
    }
    let outbound = request.config["egress"]["evaluate_outbound"] != false;
    if outbound && token.home == Home::Tenant(route.tenant) {
        return outbound::judge(&facts, trail);
    }
    Ok("restrictions_not_applicable")
}

/// `tenantRestrictions` of T, and of H where it is another; where H is none, MSA's beside T's.
pub(crate) fn external(facts: &Facts<'_>, trail: &mut Trail) -> Result<&'static str, Stop> {
    let issuer = facts.token.tenant;
    let home = facts.home().unwrap_or(MSA);
    let both = if home == issuer { vec![issuer] } else { vec![issuer, home] };
    for partner in both {
        trail.partner = Some(partner);
        trail.read(facts.local, partner, "tenantRestrictions").permits(facts, partner)?;
    }
    Ok("permitted")
}

/// The policy's id has to be written into the header; v1 writes no id.
fn sign_in(request: &Request<'_>, route: &Route) -> Result<&'static str, Stop> {
    let id = policy::tenant(request.bundle, route.tenant).map(|it| &policy::default(it)["id"]);
    if request.config["restrictions"]["version"] != "v1" && !id.is_some_and(Value::is_string) {
        return Err(Stop::deny("restrictions_policy_missing"));
    }
    Ok("sign_in_host")
}

fn is_sign_in(restrictions: &Value, host: &str) -> bool {
    const NEVER: [&str; 2] = ["device.login.microsoftonline.com", "enterpriseregistration.windows.net"];
    const KNOWN: [&str; 7] = [
        "login.microsoftonline.com",
        "login.microsoft.com",
        "login.windows.net",
        "login.live.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
    ];
    if NEVER.iter().any(|each| each.eq_ignore_ascii_case(host)) {
        return false;
    }
    let configured: Vec<&str> = policy::texts(&restrictions["sign_in_hosts"]).collect();
    if configured.is_empty() {
        KNOWN.iter().any(|each| each.eq_ignore_ascii_case(host))
    } else {
        configured.iter().any(|pattern| covers(pattern, host))
    }
}

/// The application of a resource host; the longest pattern wins.
fn resource(restrictions: &Value, host: &str) -> Option<Guid> {
    restrictions["resource_hosts"]
        .as_object()?
        .iter()
        .filter(|(pattern, _)| covers(pattern, host))
        .max_by_key(|(pattern, _)| pattern.len())
        .and_then(|(_, id)| Guid::parse(id.as_str()?))
}

fn covers(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.to_ascii_lowercase());
    match pattern.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        None => pattern == host,
    }
}
