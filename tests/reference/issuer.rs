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
    if idp.is_empty() {
        return None;
    }
    let templates = policy::items(&config["tokens"]["issuers"]);
    if let Some(tenant) = templates.into_iter().find_map(|entry| matching(entry, idp)) {
        return Some(entra(tenant));
    }
    let Some((scheme, authority, path)) = uri(idp) else {
        return Some(Home::None);
    };
    match (listed(authority), tenant_of(path)) {
        (Some(_), Some(tenant)) if scheme.eq_ignore_ascii_case("https") => Some(entra(tenant)),
        // On a listed host nothing but an Entra URI makes sense.
        (Some(_), _) => None,
        (None, Some(_)) => Some(Home::Unknown),
        (None, None) => Some(Home::None),
    }
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
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    Some((scheme, authority, path))
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
