//! Issuers and Entra URIs: `iss`, `idp` and what their hosts tell of a cloud (§1, §6).

use serde_json::Value;

use super::guid::{Guid, MSA};
use super::policy::{self, CHINA, COMMERCIAL, GOVERNMENT};

/// H: the user's home tenant, as `idp` tells it (§1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    Tenant(Guid),
    /// No Entra tenant at all: MSA, google.com, a SAML issuer, …
    None,
    /// An URI shaped like Entra's on a host that we do not know: maybe another cloud.
    Unknown,
}

struct Host {
    name: &'static str,
    /// The cloud that it tells. `sts.windows.net` tells none, for Government's v1 tokens use it
    /// too (§6).
    cloud: Option<&'static str>,
}

const HOSTS: [Host; 8] = [
    Host { name: "login.microsoftonline.com", cloud: Some(COMMERCIAL) },
    Host { name: "login.microsoft.com", cloud: Some(COMMERCIAL) },
    Host { name: "login.windows.net", cloud: Some(COMMERCIAL) },
    Host { name: "sts.windows.net", cloud: None },
    Host { name: "login.microsoftonline.us", cloud: Some(GOVERNMENT) },
    Host { name: "login.partner.microsoftonline.cn", cloud: Some(CHINA) },
    Host { name: "login.chinacloudapi.cn", cloud: Some(CHINA) },
    Host { name: "sts.chinacloudapi.cn", cloud: Some(CHINA) },
];

/// The tenant that `iss` names and the cloud of the configured issuer that it matches.
pub(crate) fn issuer<'a>(config: &'a Value, iss: &str) -> Option<(Guid, Option<&'a str>)> {
    policy::items(&config["tokens"]["issuers"])
        .find_map(|entry| Some((matching(entry, iss)?, entry["cloud"].as_str())))
}

/// Whether tokens of this `ver` come from such an issuer: on Entra's hosts, 2.0 tokens end theirs in `/v2.0`.
pub(crate) fn writes(iss: &str, version: &str) -> bool {
    let entra = uri(iss).is_some_and(|(_, authority, _)| listed(authority).is_some());
    !entra || version == "2.0" && iss.ends_with("/v2.0") || version == "1.0" && !iss.ends_with("/v2.0")
}

/// H by `idp`; `None` where the claim is malformed.
pub(crate) fn home(config: &Value, idp: &str) -> Option<Home> {
    let strange = |char: char| char.is_whitespace() || char.is_control() || char == '\\';
    if idp.is_empty() || idp.contains(strange) || idp.starts_with('/') {
        return None;
    }
    let mut entries = policy::items(&config["tokens"]["issuers"]);
    if let Some(tenant) = entries.find_map(|entry| resembling(entry, idp)) {
        return Some(entra(tenant));
    }
    let Some((scheme, authority, path)) = uri(idp) else {
        return if is_no_name(config, idp) { None } else { Some(Home::None) };
    };
    if authority.is_empty() {
        return None;
    }
    if listed(authority).is_some() {
        // On a listed host nothing but an Entra URI makes sense.
        return tenant_of(path).filter(|_| scheme.eq_ignore_ascii_case("https")).map(entra);
    }
    if tenant_of(before(path, &['?', '#'])).is_some() {
        return Some(Home::Unknown);
    }
    let forged = authority.contains(['@', '%']) || is_ours(config, authority);
    if forged { None } else { Some(Home::None) }
}

/// A text that is no http(s) URI, and nobody's name either: a tenant's id, half a URI, a host that
/// issues our tokens.
fn is_no_name(config: &Value, text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    lower.starts_with("http:")
        || lower.starts_with("https:")
        || Guid::parse(before(text, &['/', '?', '#'])).is_some()
        || is_ours(config, before(rest, &['/', '?', '#']))
}

/// Whether an authority without its adornments is a listed host's or a configured issuer's.
fn is_ours(config: &Value, authority: &str) -> bool {
    let host = plain(authority);
    listed(&host).is_some()
        || policy::items(&config["tokens"]["issuers"])
            .filter_map(|entry| uri(entry["issuer"].as_str()?))
            .any(|(_, authority, _)| plain(authority) == host)
}

/// Without user, port and last dot, in lower case.
fn plain(authority: &str) -> String {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = before(host, &[':']);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// What comes before the first of these.
fn before<'t>(text: &'t str, ends: &[char]) -> &'t str {
    text.split(ends).next().unwrap_or_default()
}

/// The cloud that the host of an URI tells, if it tells one.
pub(crate) fn cloud_of(text: &str) -> Option<&'static str> {
    let (_, authority, _) = uri(text)?;
    listed(authority)?.cloud
}

fn entra(tenant: Guid) -> Home {
    if tenant == MSA { Home::None } else { Home::Tenant(tenant) }
}

/// The tenant in a text that is built as one configured issuer builds its own.
fn matching(entry: &Value, text: &str) -> Option<Guid> {
    if let Some(template) = entry["issuer"].as_str() {
        return between(template, text);
    }
    let (second, first) = match entry["cloud"].as_str()? {
        COMMERCIAL => {
            ("https://login.microsoftonline.com/{tenantid}/v2.0", "https://sts.windows.net/{tenantid}/")
        }
        GOVERNMENT => {
            ("https://login.microsoftonline.us/{tenantid}/v2.0", "https://sts.windows.net/{tenantid}/")
        }
        CHINA => (
            "https://login.partner.microsoftonline.cn/{tenantid}/v2.0",
            "https://sts.chinacloudapi.cn/{tenantid}/",
        ),
        _ => return None,
    };
    between(second, text).or_else(|| between(first, text))
}

/// The same for `idp`: scheme and host in any case, with or without the last slash.
fn resembling(entry: &Value, idp: &str) -> Option<Guid> {
    let Some(template) = entry["issuer"].as_str() else { return matching(entry, idp) };
    let ((scheme, authority, path), (idp_scheme, idp_authority, idp_path)) = (uri(template)?, uri(idp)?);
    let same = scheme.eq_ignore_ascii_case(idp_scheme) && authority.eq_ignore_ascii_case(idp_authority);
    let without_slash = |path: &str| path.strip_suffix('/').unwrap_or(path).to_owned();
    if !same || idp.contains(['?', '#']) {
        return None;
    }
    between(&without_slash(path), &without_slash(idp_path))
}

fn between(template: &str, text: &str) -> Option<Guid> {
    let (before, after) = template.split_once("{tenantid}")?;
    Guid::parse(text.strip_prefix(before)?.strip_suffix(after)?)
}

/// Scheme, authority and path of an http(s) URI.
fn uri(text: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    Some((scheme, authority, path.strip_prefix('/').unwrap_or(path)))
}

/// The tenant of a path (without its first slash) `{guid}` or `{guid}/v2.0`, with or without
/// the last slash.
fn tenant_of(path: &str) -> Option<Guid> {
    let path = path.strip_suffix('/').unwrap_or(path);
    Guid::parse(path.strip_suffix("/v2.0").unwrap_or(path))
}

/// The listed host that this is. A port makes it another one.
fn listed(authority: &str) -> Option<&'static Host> {
    HOSTS.iter().find(|host| authority.eq_ignore_ascii_case(host.name))
}
