//! Mode `tenant_restrictions`: external identities on our devices (§8).

use serde_json::Value;

use super::claims::Token;
use super::guid::{Guid, MSA};
use super::issuer::Home;
use super::model::{Facts, Request, Stop, Trail};
use super::outbound;
use super::policy;
use super::relation::{self, Relation};
use super::revocation;
use super::route::Route;
use super::setting::Setting;

pub(crate) fn access(request: &Request<'_>, route: &Route, trail: &mut Trail) -> Result<&'static str, Stop> {
    let host = &plain(request.host);
    let restrictions = &request.config["restrictions"];
    if !is_plain(request.host) {
        return Err(Stop::deny("request_malformed"));
    }
    if request.method == "CONNECT" {
        trail.marks = Some("untouched".to_owned());
        return Ok(if is_sign_in(restrictions, host) { "sign_in_host" } else { "unrestricted_host" });
    }
    if is_sign_in(restrictions, host) {
        return sign_in(request, route, host, trail);
    }
    let Some(reached) = resource(restrictions, host) else {
        trail.marks = Some("untouched".to_owned());
        return Ok("unrestricted_host");
    };

    let application = route.application.or(Some(reached));
    trail.application = application;
    let claims = request.claims.ok_or("anonymous_blocked")?;
    if brings_another_credential(request) {
        return Err(Stop::deny("token_ambiguous"));
    }
    let token = Token::verify(claims, request.config, route, application, request.now)?;
    let facts = Facts::new(request, route, &token, application);
    trail.application = facts.applications.resource;
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

/// The policy's id has to be written into v2's header; v1 writes no id, but lists of tenants.
fn sign_in(
    request: &Request<'_>,
    route: &Route,
    host: &str,
    trail: &mut Trail,
) -> Result<&'static str, Stop> {
    let local = policy::tenant(request.bundle, route.tenant).unwrap_or(&Value::Null);
    let told = if request.config["restrictions"]["version"] == "v1" {
        told_by_v1(local, route.tenant, host)
    } else {
        let id = policy::default(local)["id"].as_str().and_then(Guid::parse);
        format!("policy {}:{}", route.tenant, id.ok_or("restrictions_policy_missing")?)
    };
    trail.marks = Some(told);
    Ok("sign_in_host")
}

fn told_by_v1(local: &Value, tenant: Guid, host: &str) -> String {
    let open = |other| Setting::of(local, other, "tenantRestrictions").permits_everything();
    let listed = policy::items(&local["crossTenantAccessPolicy"]["partners"])
        .filter_map(|partner| Guid::parse(partner["tenantId"].as_str()?));
    let open: Vec<Guid> = listed.filter(|partner| open(*partner)).collect();
    match host {
        "login.microsoftonline.com" | "login.microsoft.com" | "login.windows.net" => {
            let mut others: Vec<String> =
                open.iter().filter(|other| **other != tenant).map(ToString::to_string).collect();
            others.sort();
            others.insert(0, tenant.to_string());
            format!("tenants {}", others.join(","))
        }
        "login.live.com" if !open.contains(&MSA) => "restrict-msa".to_owned(),
        _ => "nothing".to_owned(),
    }
}

/// A cookie, or one of three names in the query, however it is written.
fn brings_another_credential(request: &Request<'_>) -> bool {
    let cookie = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    let query = request.path.split_once('?').map_or("", |(_, query)| query);
    let mut names = query.split(['?', '&', ';']).map(|pair| pair.split('=').next().unwrap_or_default());
    cookie || names.any(|name| ["access_token", "tempauth", "sig"].contains(&decoded(name).as_str()))
}

fn decoded(name: &str) -> String {
    let mut rest = name.as_bytes();
    let mut text = Vec::new();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| *first == b'%').and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            digits
                .bytes()
                .all(|digit| digit.is_ascii_hexdigit())
                .then(|| u8::from_str_radix(digits, 16).ok())?
        });
        text.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&text).to_ascii_lowercase()
}

/// In lower case, without a port and one trailing dot.
/// A name or an address, and perhaps a port.
fn is_plain(host: &str) -> bool {
    let known = |character: char| character.is_ascii_alphanumeric() || "-_.:[]".contains(character);
    let nameless = host.is_empty() || host.starts_with([':', '.']);
    host.chars().all(known) && !nameless && !host.split(':').next().unwrap_or_default().ends_with("..")
}

fn plain(host: &str) -> String {
    let host = host.split(':').next().unwrap_or_default();
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
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
        // Of two as long the one without a star says more.
        .max_by_key(|(pattern, _)| (pattern.len(), !pattern.starts_with('*')))
        .and_then(|(_, id)| Guid::parse(id.as_str()?))
}

fn covers(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.to_ascii_lowercase());
    match pattern.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        None => pattern == host,
    }
}
