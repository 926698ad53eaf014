//! A decision as Envoy wants to hear it. The one place that builds a `CheckResponse`, in its encoded form.
//!
//! An empty `CheckResponse` *allows*; so does a status OK beside a `denied_response`. Hence two functions: an OK
//! needs a [`Permit`], which only the engine makes, and everything else sets a code that is not OK.
//!
//! Field numbers: `envoy/service/auth/v3/external_auth.proto` and what it imports; tests hold them against the
//! generated types.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::check::decision::{Decision, Field};
use crate::check::grpc;
use crate::check::problem::Problem;
use crate::check::request::Http;
use crate::check::signal;
use crate::check::wire::{Writer, nested};
use crate::engine::{Class, Effect, Marking, Permit, Reason, Redemption, Relation, Ruling};
use crate::id::{ObjectId, TenantId};
use crate::token::{Home, Identity};

/// An encoded answer, and what it says.
pub(in crate::check) struct Answer {
    /// As gRPC frames it.
    pub(in crate::check) frame: Bytes,
    pub(in crate::check) effect: Effect,
    pub(in crate::check) reason: Reason,
}

/// google.rpc.Code
const PERMISSION_DENIED: u64 = 7;
const UNAVAILABLE: u64 = 14;
const UNAUTHENTICATED: u64 = 16;

/// Of `CheckResponse`.
const STATUS: u8 = 1;
const DENIED_RESPONSE: u8 = 2;
const OK_RESPONSE: u8 = 3;
const DYNAMIC_METADATA: u8 = 4;
/// Of `OkHttpResponse` and `DeniedHttpResponse`.
const HEADERS: u8 = 2;
const HEADERS_TO_REMOVE: u8 = 5;
const BODY: u8 = 3;
/// Of `HeaderValueOption`.
const HEADER: u8 = 1;
const APPEND_ACTION: u8 = 3;
const OVERWRITE_IF_EXISTS_OR_ADD: u64 = 2;
/// Of `google.rpc.Status` and `HttpStatus`.
const CODE: u8 = 1;
/// Of `Struct`, of `ListValue`, and of their `Value`.
const FIELDS: u8 = 1;
const VALUES: u8 = 1;
const STRING_VALUE: u8 = 3;
const LIST_VALUE: u8 = 6;
/// Of `HeaderValue` and of a map's entry.
const KEY: u8 = 1;
const VALUE: u8 = 2;

/// Most answers take less.
const ROOM: usize = 1536;

/// Encodes the answer to a check of `http`.
pub(in crate::check) fn render(
    decision: &Decision<'_>,
    http: Option<&Http<'_>>,
    contact: Option<&str>,
) -> Answer {
    let mut response = Writer::after(grpc::room(ROOM));
    match decision.verdict.ruling {
        Ruling::Allow(permit) => ok(permit, decision, http, &mut response),
        Ruling::Deny(reason) | Ruling::Challenge(reason, _) => {
            denied(reason, decision, http, contact, &mut response);
        }
    }
    response.message(DYNAMIC_METADATA, |metadata| write_metadata(decision, metadata));
    Answer {
        frame: grpc::sealed(response.into_buffer()),
        effect: decision.verdict.effect(),
        reason: decision.verdict.reason(),
    }
}

/// A status without a code is OK.
fn ok(permit: Permit, decision: &Decision<'_>, http: Option<&Http<'_>>, response: &mut Writer) {
    response.begin(STATUS, 0);
    response.message(OK_RESPONSE, |ok| match decision.verdict.marking {
        Marking::Ours => write_upstream(permit, decision, http, ok),
        Marking::SignIn(signal) => {
            write_upstream(permit, decision, http, ok);
            for (name, value) in signal::headers(signal) {
                write_or_remove(name, value.as_deref().map(|value| [value]).as_ref(), ok);
            }
        }
        Marking::Untouched => {}
    });
}

fn denied(
    reason: Reason,
    decision: &Decision<'_>,
    http: Option<&Http<'_>>,
    contact: Option<&str>,
    response: &mut Writer,
) {
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
    response.message(STATUS, |status| status.integer(CODE, code));
    response.message(DENIED_RESPONSE, |denied| {
        denied.message(STATUS, |status| status.integer(CODE, decision.status().into()));
        let mut header = |name: &str, value: &str| write_header(name, &[value], On::Denial, denied);
        header("content-type", media_type);
        header("cache-control", "no-store");
        if let Some(challenge) = decision.www_authenticate() {
            header("www-authenticate", &challenge);
        }
        if reason.class() == Class::Fault {
            header("retry-after", "1");
        }
        denied.text(BODY, &[&body]);
    });
}

/// What the upstream may rely on. A request that policy would have refused carries no identity. Headers of ours that
/// say nothing this time are removed, and so are others that the client made up.
fn write_upstream(permit: Permit, decision: &Decision<'_>, http: Option<&Http<'_>>, ok: &mut Writer) {
    // Nor does one that nobody vouched for.
    let identity = decision.identity.filter(|identity| identity.proven && permit.despite_outcome().is_none());
    let home = identity.and_then(home).map(TenantId::text);
    let user = identity.and_then(|identity| identity.object).map(ObjectId::text);
    let id = decision.id.text();
    let revision = decision.revision.map(|revision| &*revision.0).unwrap_or_default();
    let report_only = (!decision.report_only.is_empty()).then(|| visible(&decision.report_only.join(", ")));
    let one = |text| ["", "", "", text];
    let headers = [
        ("x-tenantgate-decision", Some(["allow; reason=", permit.reason().word(), "; policy=", revision])),
        ("x-tenantgate-decision-id", Some(one(&*id))),
        ("x-tenantgate-report-only", report_only.as_deref().map(one)),
        ("x-tenantgate-home-tenant", home.as_deref().map(one)),
        ("x-tenantgate-relation", identity.and(decision.verdict.basis.relation).map(Relation::word).map(one)),
        ("x-tenantgate-user", user.as_deref().map(one)),
        ("x-tenantgate-guest-access", identity.and_then(|_| decision.guest_access()).map(one)),
        (
            "x-tenantgate-consent",
            identity.and(decision.verdict.basis.redemption).map(Redemption::word).map(one),
        ),
    ];
    for (name, value) in &headers {
        write_or_remove(name, value.as_ref(), ok);
    }
    let spoofed = http.map(|http| http.spoofed.as_slice()).unwrap_or_default();
    let spoofed: BTreeSet<_> =
        spoofed.iter().filter_map(|name| str::from_utf8(name).ok()).map(str::to_ascii_lowercase).collect();
    for name in &spoofed {
        if !headers.iter().any(|(own, _)| name == own) {
            ok.text(HEADERS_TO_REMOVE, &[name]);
        }
    }
}

fn home(identity: &Identity) -> Option<TenantId> {
    match identity.home {
        Home::Tenant(home) => Some(home),
        Home::NonEntra | Home::Unlisted => None,
    }
}

/// Names of policies are free text; a header takes visible ASCII and no more than fits.
fn visible(text: &str) -> String {
    text.chars()
        .take(1024)
        .map(|char| if char.is_ascii_graphic() || char == ' ' { char } else { '?' })
        .collect()
}

fn write_or_remove<const PARTS: usize>(name: &str, value: Option<&[&str; PARTS]>, ok: &mut Writer) {
    match value {
        Some(value) => write_header(name, value, On::Request, ok),
        None => ok.text(HEADERS_TO_REMOVE, &[name]),
    }
}

/// What a header is set on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    /// The action is said explicitly: Envoy 1.37.0 appended where nothing was said.
    Request,
    /// Here `append` must be left alone, or the entry vanishes.
    Denial,
}

fn write_header(name: &str, value: &[&str], on: On, response: &mut Writer) {
    let pair = nested(name.len()) + nested(value.iter().map(|part| part.len()).sum());
    let action = if on == On::Request { 2 } else { 0 };
    response.begin(HEADERS, nested(pair) + action);
    response.begin(HEADER, pair);
    response.text(KEY, &[name]);
    response.text(VALUE, value);
    if on == On::Request {
        response.integer(APPEND_ACTION, OVERWRITE_IF_EXISTS_OR_ADD);
    }
}

/// The same on allow and deny: all that reaches Envoy's access log.
fn write_metadata(decision: &Decision<'_>, metadata: &mut Writer) {
    for (name, field) in decision.fields() {
        match field {
            Field::Null => {}
            Field::Text(text) => write_text(name, text, metadata),
            Field::Id(id) => write_text(name, &id, metadata),
            Field::Truth(truth) => write_text(name, if truth { "true" } else { "false" }, metadata),
            Field::List(texts) => metadata.message(FIELDS, |entry| {
                entry.text(KEY, &[name]);
                entry.message(VALUE, |value| value.message(LIST_VALUE, |list| write_list(texts, list)));
            }),
        }
    }
}

fn write_text(name: &str, text: &str, metadata: &mut Writer) {
    let value = nested(text.len());
    metadata.begin(FIELDS, nested(name.len()) + nested(value));
    metadata.text(KEY, &[name]);
    metadata.begin(VALUE, value);
    metadata.text(STRING_VALUE, &[text]);
}

fn write_list(texts: &[String], list: &mut Writer) {
    for text in texts {
        list.begin(VALUES, nested(text.len()));
        list.text(STRING_VALUE, &[text]);
    }
}
