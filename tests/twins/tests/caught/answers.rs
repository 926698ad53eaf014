//! What Envoy is told beside the decision, and what is decided of requests that no case can write.

use prost::Message as _;
use serde_json::{Value, json};
use tenantgate::check::{Decision, Request};
use tenantgate::engine::Explanation;
use tenantgate::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use tenantgate::pb::envoy::service::auth::v3::check_response::HttpResponse;
use tenantgate::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse, OkHttpResponse};
use tenantgate::twin::befallen;
use tokio::runtime::Runtime;

use crate::Rule;
use crate::bench::Bench;
use crate::harness::bundles::{ALL_APPS, ALL_USERS, P, PARTNER, base, setting};
use crate::harness::{Asked, Client, L, World, pointer_set, signer};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "a denial has a code that is not OK",
        holds: |runtime| denied(&answer(&guest(true, &json!({})), runtime)),
    },
    Rule {
        name: "a failure of the token has a code that is not OK",
        holds: |runtime| denied(&answer(&Bench::of(&json!({}), &base(), &json!({})), runtime)),
    },
    Rule {
        name: "a fault has a code that is not OK",
        holds: |runtime| {
            // The check of a connection, for lack of a fault that is easier made.
            let mut bench = Bench::of(&json!({}), &base(), &json!({}));
            bench.frame = CheckRequest::default().encode_to_vec().into();
            denied(&answer(&bench, runtime))
        },
    },
    Rule { name: "every header of ours is overwritten or removed", holds: no_header_is_the_clients },
    Rule { name: "what report-only lets by carries no identity", holds: no_identity_in_report_only },
    Rule {
        name: "one check too many is denied",
        holds: |runtime| {
            let bench = guest(false, &json!({}));
            let (gate, _keys) = bench.gate_but(|composed| composed.gate.in_flight = 0);
            denied(&bench.answer(&gate, runtime))
        },
    },
    Rule {
        name: "a panic is a denial",
        holds: |runtime| befallen("panic", || runtime.block_on(a_panic_is_answered())),
    },
    Rule { name: "a policy that is too old denies", holds: no_old_policy_allows },
    Rule { name: "a route's key twice denies", holds: no_route_key_stands_twice },
];

fn no_header_is_the_clients(runtime: &Runtime) -> bool {
    let names = ["x-tenantgate-user", "X-TenantGate-Evil", "x-tenantgate-consent"];
    let spoofed = json!({"headers": names.map(|name| [name, "spoofed"])});
    let ok = ok(answer(&guest(false, &spoofed), runtime));
    let gone = |name: &str| ok.headers_to_remove.iter().any(|removed| removed == name);
    let overwrites = HeaderAppendAction::OverwriteIfExistsOrAdd;
    gone("x-tenantgate-evil")
        && gone("x-tenantgate-consent")
        && ok.headers.iter().all(|option| option.append_action() == overwrites)
}

fn no_identity_in_report_only(runtime: &Runtime) -> bool {
    let bench = Bench::of(&json!({"report_only": true}), &bundle(true), &caller());
    let ok = ok(answer(&bench, runtime));
    let headers = || ok.headers.iter().filter_map(|option| option.header.as_ref());
    headers().count() > 0 && headers().all(|header| header.key != "x-tenantgate-user")
}

fn no_old_policy_allows(runtime: &Runtime) -> bool {
    let bench = Bench::of(&json!({"policy": {"max_staleness": "60s"}}), &bundle(false), &caller());
    let gate = bench.gate();
    bench.allows_at(&gate, bench.now + 60, runtime) && !bench.allows_at(&gate, bench.now + 61, runtime)
}

fn no_route_key_stands_twice(runtime: &Runtime) -> bool {
    let bench = guest(false, &json!({}));
    let mut request = Request::read(&bench.frame).unwrap();
    request.route = vec![(b"report_only", b"false"), (b"report_only", b"false")];
    let (gate, mut explanation) = (bench.gate(), Explanation::default());
    let word = |decision: &Decision<'_>| decision.verdict.effect().word();
    runtime.block_on(gate.decide(&request, bench.now, &mut explanation, word)) == "deny"
}

fn bundle(blocked: bool) -> Value {
    let access = if blocked { "blocked" } else { "allowed" };
    let mut bundle = base();
    let setting = setting((access, ALL_USERS), (access, ALL_APPS));
    pointer_set(&mut bundle, &format!("{PARTNER}/b2bCollaborationInbound"), setting);
    bundle
}

fn caller() -> Value {
    json!({"claims": {
        "tid": L, "idp": format!("https://sts.windows.net/{P}/"), "aud": "api://orders",
        "oid": "0a1b2c3d-0000-4000-8000-00000000000a", "acct": 1,
    }})
}

fn guest(blocked: bool, request: &Value) -> Bench {
    let mut data = caller();
    data["request"] = request.clone();
    Bench::of(&json!({}), &bundle(blocked), &data)
}

fn answer(bench: &Bench, runtime: &Runtime) -> CheckResponse {
    bench.answer(&bench.gate(), runtime)
}

/// Denied for good: neither allowed nor left to fail-open.
fn denied(response: &CheckResponse) -> bool {
    let by_code = response.status.as_ref().is_some_and(|status| status.code != 0);
    by_code && matches!(response.http_response, Some(HttpResponse::DeniedResponse(_)))
}

fn ok(response: CheckResponse) -> OkHttpResponse {
    match response.http_response {
        Some(HttpResponse::OkResponse(ok)) => ok,
        other => panic!("not an OK: {other:?}"),
    }
}

/// Over a socket: nothing nearer than the service catches it.
async fn a_panic_is_answered() -> bool {
    let world = World::new(&json!({}), &base());
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    let asked = Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders"})));
    // An RPC error ends the task.
    let decided = tokio::spawn(async move { client.decide(&asked).await }).await;
    decided.is_ok_and(|decision| decision["reason"] == "internal_error")
}
