//! A decision as Envoy wants to hear it. The one place that builds a `CheckResponse`.
//!
//! `CheckResponse::default()` *allows*; so does a status OK beside a `denied_response`. Hence two functions: an OK
//! needs a [`Permit`], which only the engine makes, and everything else sets a code that is not OK.

use bytes::Bytes;
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};

use crate::check::decision::{Decision, Field};
use crate::check::problem::Problem;
use crate::check::request::Http;
use crate::check::signal;
use crate::engine::{Class, Effect, Marking, Permit, Reason, Ruling, Signal};
use crate::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use crate::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use crate::pb::envoy::service::auth::v3::check_response::HttpResponse;
use crate::pb::envoy::service::auth::v3::{CheckResponse, DeniedHttpResponse, OkHttpResponse};
use crate::pb::envoy::r#type::v3::HttpStatus;
use crate::pb::google::rpc::Status;
use crate::token::{Home, Identity};

/// An encoded answer, and what it says.
pub(in crate::check) struct Answer {
    pub(in crate::check) frame: Bytes,
    pub(in crate::check) effect: Effect,
    pub(in crate::check) reason: Reason,
}

/// google.rpc.Code
const OK: i32 = 0;
const PERMISSION_DENIED: i32 = 7;
const UNAVAILABLE: i32 = 14;
const UNAUTHENTICATED: i32 = 16;

/// Every header that an answer may set upstream.
const OWN_HEADERS: [&str; 8] = [
    "x-tenantgate-decision",
    "x-tenantgate-home-tenant",
    "x-tenantgate-relation",
    "x-tenantgate-user",
    "x-tenantgate-guest-access",
    "x-tenantgate-consent",
    "x-tenantgate-report-only",
    "x-tenantgate-decision-id",
];

/// Encodes the answer to a check of `http`.
pub(in crate::check) fn render(
    decision: &Decision<'_>,
    http: Option<&Http<'_>>,
    contact: Option<&str>,
) -> Answer {
    let response = match decision.verdict.ruling {
        Ruling::Allow(permit) => ok(permit, decision, http),
        Ruling::Deny(reason) | Ruling::Challenge(reason, _) => denied(reason, decision, http, contact),
    };
    Answer {
        frame: response.encode_to_vec().into(),
        effect: decision.verdict.effect(),
        reason: decision.verdict.reason(),
    }
}

fn ok(permit: Permit, decision: &Decision<'_>, http: Option<&Http<'_>>) -> CheckResponse {
    let (told, untold) = match decision.verdict.marking {
        Marking::Ours => (Vec::new(), Vec::new()),
        Marking::SignIn(signal) => told(signal),
        Marking::Untouched => return untouched(decision),
    };
    let mut headers = upstream_headers(permit, decision);
    headers.extend(told);
    let set = |name: &str| {
        headers.iter().any(|option| option.header.as_ref().is_some_and(|header| header.key == name))
    };
    let spoofed = http.map(|http| http.spoofed.as_slice()).unwrap_or_default();
    let mut remove: Vec<String> =
        OWN_HEADERS.iter().filter(|name| !set(name)).map(|name| (*name).to_owned()).collect();
    for name in spoofed.iter().filter_map(|name| std::str::from_utf8(name).ok()) {
        let name = name.to_ascii_lowercase();
        if !OWN_HEADERS.contains(&name.as_str()) && !remove.contains(&name) {
            remove.push(name);
        }
    }
    remove.extend(untold);
    CheckResponse {
        status: Some(Status { code: OK, ..Status::default() }),
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
            headers,
            headers_to_remove: remove,
            ..OkHttpResponse::default()
        })),
        dynamic_metadata: Some(metadata(decision)),
    }
}

/// An OK that changes nothing.
fn untouched(decision: &Decision<'_>) -> CheckResponse {
    CheckResponse {
        status: Some(Status { code: OK, ..Status::default() }),
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse::default())),
        dynamic_metadata: Some(metadata(decision)),
    }
}

/// What a sign-in host is told, and the names of what it must not hear.
fn told(signal: Signal<'_>) -> (Vec<HeaderValueOption>, Vec<String>) {
    let (mut set, mut removed) = (Vec::new(), Vec::new());
    for (name, value) in signal::headers(signal) {
        match value {
            Some(value) => set.push(overwrite(name, &value)),
            None => removed.push(name.to_owned()),
        }
    }
    (set, removed)
}

fn denied(
    reason: Reason,
    decision: &Decision<'_>,
    http: Option<&Http<'_>>,
    contact: Option<&str>,
) -> CheckResponse {
    let code = match reason.class() {
        Class::Token => UNAUTHENTICATED,
        Class::Fault => UNAVAILABLE,
        Class::Permit
        | Class::Route
        | Class::Relation
        | Class::Revocation
        | Class::Cloud
        | Class::Setting
        | Class::Restrictions
        | Class::Requirement
        | Class::Action => PERMISSION_DENIED,
    };
    let accept = http.map(|http| http.accept).unwrap_or_default();
    let Problem { media_type, body } = Problem::of(decision, accept, contact);
    let mut headers = vec![header("content-type", media_type), header("cache-control", "no-store")];
    headers.extend(decision.www_authenticate().map(|challenge| header("www-authenticate", &challenge)));
    if reason.class() == Class::Fault {
        headers.push(header("retry-after", "1"));
    }
    CheckResponse {
        status: Some(Status { code, ..Status::default() }),
        http_response: Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
            status: Some(HttpStatus { code: i32::from(decision.status()) }),
            headers,
            body,
        })),
        dynamic_metadata: Some(metadata(decision)),
    }
}

/// What the upstream may rely on. A request that policy would have refused carries no identity.
fn upstream_headers(permit: Permit, decision: &Decision<'_>) -> Vec<HeaderValueOption> {
    let revision = decision.revision.map(ToString::to_string).unwrap_or_default();
    let said = format!("allow; reason={}; policy={revision}", permit.reason());
    let mut headers = vec![
        overwrite("x-tenantgate-decision", &said),
        overwrite("x-tenantgate-decision-id", &decision.id.to_string()),
    ];
    if !decision.report_only.is_empty() {
        headers.push(overwrite("x-tenantgate-report-only", &visible(&decision.report_only.join(", "))));
    }
    if permit.despite_outcome().is_none() {
        // What nobody vouched for is not for an upstream to rely on.
        let proven = decision.identity.filter(|identity| identity.proven);
        headers.extend(proven.map(|identity| identity_headers(identity, decision)).unwrap_or_default());
    }
    headers
}

fn identity_headers(identity: &Identity, decision: &Decision<'_>) -> Vec<HeaderValueOption> {
    let home = match identity.home {
        Home::Tenant(home) => Some(home.to_string()),
        Home::NonEntra | Home::Unlisted => None,
    };
    let relation = decision.verdict.basis.relation.map(|relation| relation.word().to_owned());
    [
        ("x-tenantgate-home-tenant", home),
        ("x-tenantgate-relation", relation),
        ("x-tenantgate-user", identity.object.map(|object| object.to_string())),
        ("x-tenantgate-guest-access", decision.guest_access().map(str::to_owned)),
        (
            "x-tenantgate-consent",
            decision.verdict.basis.redemption.map(|redemption| redemption.word().to_owned()),
        ),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(overwrite(name, &value?)))
    .collect()
}

/// Names of policies are free text; a header takes visible ASCII and no more than fits.
fn visible(text: &str) -> String {
    text.chars()
        .take(1024)
        .map(|char| if char.is_ascii_graphic() || char == ' ' { char } else { '?' })
        .collect()
}

/// On requests the action is said explicitly: Envoy 1.37.0 appended where nothing was said.
fn overwrite(name: &str, value: &str) -> HeaderValueOption {
    HeaderValueOption {
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..header(name, value)
    }
}

/// On denials `append` must be left alone, or the entry vanishes.
fn header(name: &str, value: &str) -> HeaderValueOption {
    let header = HeaderValue { key: name.to_owned(), value: value.to_owned(), ..HeaderValue::default() };
    HeaderValueOption { header: Some(header), ..HeaderValueOption::default() }
}

/// The same on allow and deny: all that reaches Envoy's access log.
fn metadata(decision: &Decision<'_>) -> Struct {
    let text = |text| Value { kind: Some(Kind::StringValue(text)) };
    let fields = decision.fields().into_iter().filter_map(|(name, field)| {
        let value = match field {
            Field::Null => return None,
            Field::Text(value) => text(value),
            Field::Truth(value) => text(value.to_string()),
            Field::List(values) => {
                let values = values.into_iter().map(text).collect();
                Value { kind: Some(Kind::ListValue(ListValue { values })) }
            }
        };
        Some((name.to_owned(), value))
    });
    Struct { fields: fields.collect() }
}
