//! What the denied read: `application/problem+json` (RFC 9457), or a page where the client prefers one.
//!
//! No token and no claim beyond tenant and application ids.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::check::decision::Decision;
use crate::engine::{Class, Reason};
use crate::id::TenantId;

/// A body and its media type.
pub(in crate::check) struct Problem {
    pub(in crate::check) media_type: &'static str,
    pub(in crate::check) body: String,
}

impl Problem {
    /// The body for a client that sent `accept`; `contact` is the operator's line for the person who is denied.
    pub(in crate::check) fn of(decision: &Decision<'_>, accept: &[u8], contact: Option<&str>) -> Self {
        if prefers_html(accept) {
            return Self { media_type: "text/html; charset=utf-8", body: page(decision, contact) };
        }
        Self { media_type: "application/problem+json", body: json(decision, contact) }
    }
}

/// The members, in the order of the interface.
#[derive(Serialize)]
struct Members<'p> {
    r#type: Urn,
    title: &'static str,
    status: u16,
    detail: Cow<'static, str>,
    reason: &'static str,
    decision_id: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<TenantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<TenantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entra_code: Option<&'static str>,
}

/// `urn:tenantgate:REASON`
struct Urn(Reason);

impl Serialize for Urn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("urn:tenantgate:{}", self.0))
    }
}

fn json(decision: &Decision<'_>, contact: Option<&str>) -> String {
    let reason = decision.verdict.reason();
    let members = Members {
        r#type: Urn(reason),
        title: title(reason),
        status: decision.status(),
        detail: detail(decision, contact),
        reason: reason.word(),
        decision_id: &decision.id.text(),
        tenant: decision.verdict.basis.tenant,
        partner: decision.verdict.basis.partner,
        entra_code: decision.entra_code(),
    };
    // Nothing here can fail to be written.
    serde_json::to_string(&members).unwrap_or_default()
}

fn page(decision: &Decision<'_>, contact: Option<&str>) -> String {
    let reason = decision.verdict.reason();
    let code = decision.entra_code().map(|code| format!(", {code}")).unwrap_or_default();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em}}\
         small{{color:#666}}</style>\
         <h1>{title}</h1><p>{detail}</p><p><small>{reason}{code} · decision {id}</small></p></html>",
        title = title(reason),
        detail = escaped(&detail(decision, contact)),
        id = decision.id,
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Browsers name `text/html` first; programs do not.
fn prefers_html(accept: &[u8]) -> bool {
    let first = accept.split(|&byte| byte == b',').next().unwrap_or_default();
    let media = first.split(|&byte| byte == b';').next().unwrap_or_default();
    media.trim_ascii().eq_ignore_ascii_case(b"text/html")
}

fn title(reason: Reason) -> &'static str {
    match reason.class() {
        Class::Permit => "Allowed",
        Class::Token | Class::Revocation => "Sign in again",
        Class::Fault => "Temporarily unavailable",
        Class::Route => "Misconfigured",
        Class::Requirement if reason != Reason::ConditionalAccessBlock => "More proof is needed",
        Class::Relation
        | Class::Cloud
        | Class::Setting
        | Class::Restrictions
        | Class::Requirement
        | Class::Action => "Access denied",
    }
}

fn detail(decision: &Decision<'_>, contact: Option<&str>) -> Cow<'static, str> {
    let sentence = sentence(decision.verdict.reason());
    contact.map_or(Cow::Borrowed(sentence), |contact| format!("{sentence} {contact}").into())
}

/// One sentence for the person, none of which helps an attacker.
const fn sentence(reason: Reason) -> &'static str {
    match reason {
        Reason::Internal
        | Reason::Permitted
        | Reason::RestrictionsNotApplicable
        | Reason::SignInHost
        | Reason::UnrestrictedHost => "The request is permitted.",
        Reason::TokenMissing => "The request carries no bearer token.",
        Reason::TokenMalformed | Reason::TokenAlgorithm | Reason::TokenTooLarge | Reason::TokenUnreadable => {
            "The bearer token cannot be read."
        }
        Reason::TokenKeyUnknown | Reason::TokenSignature | Reason::TokenIssuer => {
            "The bearer token does not come from an issuer that is accepted here."
        }
        Reason::TokenExpired => "The bearer token has expired.",
        Reason::TokenNotYetValid => "The bearer token is not valid yet.",
        Reason::TokenAudience => "The bearer token is for another resource.",
        Reason::TokenAmbiguous => "The request carries more than one credential.",
        Reason::PolicyUnavailable
        | Reason::PartnerUnavailable
        | Reason::KeysUnavailable
        | Reason::Overloaded
        | Reason::InternalError => "The request cannot be decided at the moment; try again shortly.",
        Reason::RequestMalformed => "The request cannot be decided: it is malformed.",
        Reason::RouteInvalid => "The gateway's configuration of this route is invalid.",
        Reason::RelationUnknown | Reason::ForeignGuestToken | Reason::ResourceTenantMismatch => {
            "The account has no relation to this organisation that could be permitted."
        }
        Reason::SessionRevoked => "The session was ended by an administrator.",
        Reason::CloudUnresolved
        | Reason::CloudPairUnsupported
        | Reason::CloudNotAllowed
        | Reason::CloudPartnerUnlisted
        | Reason::CloudDirectConnect => "This organisation does not work with the account's Microsoft cloud.",
        Reason::UsersBlocked
        | Reason::ApplicationsBlocked
        | Reason::UsersAndApplicationsBlocked
        | Reason::PrincipalUnresolved
        | Reason::ApplicationUnresolved
        | Reason::SettingUnreadable => {
            "The cross-tenant access settings of this organisation do not permit it."
        }
        Reason::ServiceProviderUnlisted | Reason::ServiceProviderOutboundBlocked => {
            "The service provider is not permitted."
        }
        Reason::HomeOutboundBlocked => "The account's own organisation does not permit it.",
        Reason::ResourceInboundBlocked => "The resource's organisation does not permit it.",
        Reason::NonEntraBlocked
        | Reason::DomainBlocked
        | Reason::DomainNotAllowed
        | Reason::DomainUnresolved => "This organisation does not permit accounts of that mail domain.",
        Reason::AnonymousBlocked
        | Reason::RestrictionsHeaderInvalid
        | Reason::RestrictionsClaimMissing
        | Reason::RestrictionsPolicyMismatch
        | Reason::RestrictionsPolicyMissing => "The network's tenant restrictions do not permit it.",
        Reason::ConditionalAccessBlock => "A Conditional Access policy blocks it.",
        Reason::MfaRequired => "Multi-factor authentication is required.",
        Reason::MfaNotTrusted => {
            "Multi-factor authentication is required, and that of the account's organisation is not trusted."
        }
        Reason::CompliantDeviceRequired => "A compliant device is required.",
        Reason::HybridDeviceRequired => "A hybrid joined device is required.",
        Reason::DeviceNotTrusted => {
            "A managed device is required, and those of the account's organisation are not trusted."
        }
        Reason::InviterNotAllowed | Reason::InviteeUnresolved => "The invitation is not permitted.",
        Reason::SyncCallerNotWorkload | Reason::SyncNotAllowed => "The synchronisation is not permitted.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_client_that_names_html_first_gets_a_page() {
        assert!(prefers_html(b"text/html,application/xhtml+xml,*/*;q=0.8"));
        assert!(prefers_html(b" Text/HTML;q=0.9, application/json"));
        for accept in ["", "*/*", "application/json, text/html", "text/htmlx"] {
            assert!(!prefers_html(accept.as_bytes()), "{accept}");
        }
    }
}
