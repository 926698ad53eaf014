//! OpenID Provider metadata ("OpenID Connect Discovery 1.0", section 3): whose keys are where.

use reqwest::Url;
use serde::Deserialize;

use crate::token::{Issuer, IssuerTemplate, is_entra_host};

/// What an issuer says of itself.
#[derive(Debug, Clone)]
pub(in crate::source) struct Metadata {
    /// Whose metadata it is.
    pub(in crate::source) issuer: Issuer,
    /// Where its keys are.
    pub(in crate::source) keys: Url,
}

/// Why metadata is not followed. Never quotes more than names of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::source) enum BadMetadata {
    /// `issuer` is absent, or names no tenant.
    #[error("has no `issuer` with a tenant or `{{tenantid}}` in it")]
    NoIssuer,
    /// `issuer` is somebody else.
    #[error("is of another issuer than the configured one")]
    OtherIssuer,
    /// `jwks_uri` is no place to believe.
    #[error("has a `jwks_uri` that is neither on its own host nor on one of Entra's, or not https")]
    Keys,
}

#[derive(Deserialize)]
struct Document {
    issuer: Option<Box<str>>,
    jwks_uri: Box<str>,
}

/// Reads `document`, found at `at`; None where it is something else, such as the keys themselves.
///
/// The metadata of a well-known cloud may name another of Entra's hosts than we expect: of the sovereign clouds not
/// every issuer is documented. A configured issuer is taken at its word.
pub(in crate::source) fn read(
    document: &[u8],
    at: &Url,
    expected: &Issuer,
    well_known: bool,
) -> Result<Option<Metadata>, BadMetadata> {
    let Ok(Document { issuer, jwks_uri }) = serde_json::from_slice(document) else { return Ok(None) };
    let template = issuer.and_then(|uri| IssuerTemplate::parse(&uri).ok()).ok_or(BadMetadata::NoIssuer)?;
    let issuer = if template.covers(&expected.template) {
        expected.clone()
    } else if well_known && template.is_entras_own(expected.cloud) {
        Issuer { template, cloud: expected.cloud }
    } else {
        return Err(BadMetadata::OtherIssuer);
    };
    let keys = Url::parse(&jwks_uri).map_err(|_| BadMetadata::Keys)?;
    let same_origin = keys.origin() == at.origin();
    let entras =
        keys.scheme() == "https" && keys.port().is_none() && keys.host_str().is_some_and(is_entra_host);
    if same_origin || entras { Ok(Some(Metadata { issuer, keys })) } else { Err(BadMetadata::Keys) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::id::Cloud;

    const AT: &str = "https://issuer.example/.well-known/openid-configuration";
    const OURS: &str = "https://issuer.example/{tenantid}/v2.0";
    const ONE: &str = "https://issuer.example/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0";
    const OTHER: &str = "https://issuer.example/f2a5c3d1-7b0e-4c68-9d24-5e8a1b3c7f90/v2.0";
    const KEYS: &str = "https://issuer.example/keys";

    /// What becomes of metadata of `issuer` and `keys`, where `expected` was configured.
    fn told(issuer: &str, keys: &str, expected: &str, well_known: bool) -> Result<Issuer, BadMetadata> {
        let document = json!({"issuer": issuer, "jwks_uri": keys}).to_string();
        let template = IssuerTemplate::parse(expected).unwrap();
        let expected = Issuer { template, cloud: Cloud::UsGovernment };
        let read = read(document.as_bytes(), &Url::parse(AT).unwrap(), &expected, well_known);
        read.map(|metadata| metadata.unwrap().issuer)
    }

    #[test]
    fn keys_are_believed_on_the_issuers_own_host_and_on_entras_only() {
        for (keys, believed) in [
            (KEYS, true),
            ("https://login.microsoftonline.us/common/discovery/keys", true),
            ("https://LOGIN.microsoftonline.com/common/discovery/keys", true),
            ("https://evil.example/keys", false),
            ("https://issuer.example.evil.example/keys", false),
            ("https://login.microsoftonline.us.evil.example/keys", false),
            ("https://issuer.example:8443/keys", false),
            ("https://login.microsoftonline.us:8443/keys", false),
            ("http://issuer.example/keys", false),
            ("http://login.microsoftonline.us/keys", false),
            ("keys", false),
        ] {
            let outcome = told(OURS, keys, OURS, false);
            assert_eq!(outcome.is_ok(), believed, "{keys}");
            assert!(believed || outcome == Err(BadMetadata::Keys), "{keys}: {outcome:?}");
        }
    }

    #[test]
    fn metadata_is_of_the_issuer_that_was_asked_for() {
        for (issuer, expected, its_own) in [
            (OURS, OURS, true),
            (ONE, ONE, true),
            // Entra's `common` metadata speaks for every tenant, and so for the configured one.
            (OURS, ONE, true),
            (ONE, OURS, false),
            (OTHER, ONE, false),
            ("https://issuer.example/{tenantid}/", OURS, false),
            ("https://evil.example/{tenantid}/v2.0", OURS, false),
            ("https://login.microsoftonline.us/{tenantid}/v2.0", OURS, false),
        ] {
            let outcome = told(issuer, KEYS, expected, false);
            assert_eq!(outcome.is_ok(), its_own, "{issuer} for {expected}");
            assert!(its_own || outcome == Err(BadMetadata::OtherIssuer), "{issuer}: {outcome:?}");
            let kept = outcome.map(|issuer| issuer.template);
            assert!(!its_own || kept == Ok(IssuerTemplate::parse(expected).unwrap()), "{kept:?}");
        }
        assert_eq!(told("https://issuer.example/", KEYS, OURS, true), Err(BadMetadata::NoIssuer));
    }

    #[test]
    fn a_well_known_cloud_may_name_any_form_of_its_own() {
        for (issuer, its_own) in [
            ("https://login.microsoftonline.us/{tenantid}/v2.0", true),
            ("https://sts.windows.net/{tenantid}/", true),
            ("https://login.microsoftonline.com/{tenantid}/v2.0", false),
            ("https://login.microsoftonline.us/{tenantid}/v3.0", false),
            ("https://login.microsoftonline.us/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0", false),
            ("http://login.microsoftonline.us/{tenantid}/v2.0", false),
            ("https://login.microsoftonline.us/x/{tenantid}/v2.0", false),
            ("https://evil.example/{tenantid}/v2.0", false),
        ] {
            let outcome = told(issuer, KEYS, OURS, true);
            assert_eq!(outcome.is_ok(), its_own, "{issuer}");
            let kept = outcome.map(|issuer| (issuer.template, issuer.cloud));
            let named = IssuerTemplate::parse(issuer).unwrap();
            assert!(!its_own || kept == Ok((named, Cloud::UsGovernment)), "{kept:?}");
        }
    }
}
