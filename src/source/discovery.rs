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
