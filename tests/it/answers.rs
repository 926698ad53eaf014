//! What Envoy is told, beside the decision itself.

use prost::Message as _;
use serde_json::{Value, json};
use tenantgate::engine::Reason;
use tenantgate::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use tenantgate::pb::envoy::service::auth::v3::check_response::HttpResponse;
use tenantgate::pb::envoy::service::auth::v3::{
    CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};

use crate::harness::{Asked, Client, L, World, signer};

const GUEST_HOME: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";
const OID: &str = "0a3e6c1e-0d5f-4b54-9c5c-7d1f1d3b5a01";

fn bundle(blocked: bool) -> Value {
    let access = if blocked { "blocked" } else { "allowed" };
    json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {"partners": [{
        "tenantId": GUEST_HOME,
        "b2bCollaborationInbound": {
            "usersAndGroups": {"accessType": access, "targets": [{"target": "AllUsers", "targetType": "user"}]},
            "applications": {"accessType": access, "targets": [{"target": "AllApplications", "targetType": "application"}]},
        },
    }]}}]})
}

fn guest() -> String {
    signer().mint(&json!({
        "tid": L, "idp": format!("https://sts.windows.net/{GUEST_HOME}/"), "aud": "api://orders", "oid": OID, "acct": 1,
    }))
}

fn ok(response: HttpResponse) -> OkHttpResponse {
    match response {
        HttpResponse::OkResponse(ok) => ok,
        HttpResponse::DeniedResponse(_) | HttpResponse::ErrorResponse(_) => panic!("not an OK: {response:?}"),
    }
}

fn denied(response: HttpResponse) -> DeniedHttpResponse {
    match response {
        HttpResponse::DeniedResponse(denied) => denied,
        HttpResponse::OkResponse(_) | HttpResponse::ErrorResponse(_) => panic!("not a denial: {response:?}"),
    }
}

fn header<'h>(denied: &'h DeniedHttpResponse, name: &str) -> Option<&'h str> {
    denied
        .headers
        .iter()
        .filter_map(|option| option.header.as_ref())
        .find(|header| header.key == name)
        .map(|header| &*header.value)
}

#[tokio::test]
async fn an_allow_sets_our_headers_over_the_clients_and_removes_all_others_of_ours() {
    let world = World::new(&json!({}), &bundle(false));
    let app = world.ready().await;
    let mut asked = Asked::with_token(&guest());
    for name in ["x-tenantgate-user", "X-TenantGate-Evil", "x-tenantgate-consent"] {
        asked.headers.push((name.to_owned(), "spoofed".to_owned()));
    }
    let response = Client::connect(&app.check).check(&asked).await;
    let ok = ok(response.http_response.unwrap());
    let set: Vec<_> = ok
        .headers
        .iter()
        .map(|option| {
            assert_eq!(option.append_action(), HeaderAppendAction::OverwriteIfExistsOrAdd);
            let header = option.header.as_ref().unwrap();
            (header.key.as_str(), header.value.as_str())
        })
        .collect();
    let value = |name| set.iter().find(|(key, _)| *key == name).unwrap_or_else(|| panic!("no {name}")).1;
    assert!(value("x-tenantgate-decision").starts_with("allow; reason=permitted; policy="));
    assert_eq!(value("x-tenantgate-home-tenant"), GUEST_HOME);
    assert_eq!(value("x-tenantgate-relation"), "b2b_collaboration");
    assert_eq!(value("x-tenantgate-user"), OID);
    assert_eq!(value("x-tenantgate-guest-access"), "restricted");
    assert_eq!(value("x-tenantgate-decision-id").len(), 32);
    let removed = &ok.headers_to_remove;
    for name in ["x-tenantgate-evil", "x-tenantgate-consent", "x-tenantgate-report-only"] {
        assert!(removed.iter().any(|removed| removed == name), "{name} is not removed: {removed:?}");
    }
    // Envoy removes last: what is set must not be removed.
    assert!(set.iter().all(|(name, _)| !removed.contains(&(*name).to_owned())));
}

#[tokio::test]
async fn a_report_only_denial_allows_without_identity() {
    let world = World::new(&json!({"report_only": true}), &bundle(true));
    let app = world.ready().await;
    let response = Client::connect(&app.check).check(&Asked::with_token(&guest())).await;
    let ok = ok(response.http_response.unwrap());
    let names: Vec<_> = ok.headers.iter().map(|option| option.header.as_ref().unwrap().key.clone()).collect();
    assert_eq!(names, ["x-tenantgate-decision", "x-tenantgate-decision-id", "x-tenantgate-report-only"]);
    assert!(ok.headers_to_remove.contains(&"x-tenantgate-user".to_owned()));
}

#[tokio::test]
async fn a_denial_is_a_problem_document_or_a_page_for_a_browser() {
    let world = World::new(&json!({"denial": {"contact": "Ask <it@contoso.example>."}}), &bundle(true));
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    let asked = Asked::with_token(&guest());
    let response = client.check(&asked).await;
    assert_eq!(response.status.unwrap().code, 7);
    let answer = denied(response.http_response.unwrap());
    assert_eq!(answer.status.as_ref().unwrap().code, 403);
    assert_eq!(header(&answer, "content-type"), Some("application/problem+json"));
    let problem: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(problem["reason"], "users_and_applications_blocked");
    assert_eq!(problem["status"], 403);
    assert_eq!(problem["tenant"], L);
    assert_eq!(problem["partner"], GUEST_HOME);
    assert_eq!(problem["entra_code"], "AADSTS500213");
    assert!(problem["detail"].as_str().unwrap().ends_with("Ask <it@contoso.example>."));
    assert!(!answer.body.contains(OID), "no claim beyond tenant and application ids");

    let mut browser = asked;
    browser.headers.push(("accept".to_owned(), "text/html,*/*;q=0.8".to_owned()));
    let page = denied(client.check(&browser).await.http_response.unwrap());
    assert_eq!(header(&page, "content-type"), Some("text/html; charset=utf-8"));
    assert!(
        page.body.contains("users_and_applications_blocked")
            && page.body.contains("Ask &lt;it@contoso.example&gt;.")
    );
}

#[tokio::test]
async fn each_class_of_failure_has_its_status_code_and_header() {
    let world = World::new(&json!({}), &bundle(false));
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    let anonymous = Asked { headers: vec![], ..Asked::with_token("") };
    let cases = [
        (anonymous.clone(), 16, 401, Some("Bearer"), None),
        (Asked::with_token("a.b.c"), 16, 401, Some(r#"Bearer error="invalid_token""#), None),
        (anonymous.clone().on("mood", "good"), 7, 500, None, None),
        (Asked { host: "a,b".to_owned(), ..anonymous }, 14, 503, None, Some("1")),
    ];
    for (asked, code, status, authenticate, retry) in cases {
        let response = client.check(&asked).await;
        assert_eq!(response.status.unwrap().code, code, "{asked:?}");
        let answer = denied(response.http_response.unwrap());
        assert_eq!(answer.status.as_ref().unwrap().code, status);
        assert_eq!(header(&answer, "www-authenticate"), authenticate);
        assert_eq!(header(&answer, "retry-after"), retry);
    }
}

#[tokio::test]
async fn a_connection_check_and_a_tunnel_get_their_defined_answers() {
    let world = World::new(&json!({}), &bundle(false));
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    let tcp = client.send(CheckRequest::default()).await;
    assert_eq!(tcp.status.unwrap().code, 14, "a TCP check is denied");
    let tunnel = Asked {
        method: "CONNECT".to_owned(),
        host: "login.microsoftonline.com:443".to_owned(),
        ..Asked::default()
    };
    assert_eq!(client.decide(&tunnel).await["reason"], "request_malformed");
    let restricted = tunnel.on("mode", "tenant_restrictions");
    assert_eq!(client.decide(&restricted).await["reason"], "sign_in_host");
    let other = Asked { host: "www.example.com:443".to_owned(), ..restricted.clone() };
    assert_eq!(client.decide(&other).await["reason"], "unrestricted_host");
    // What comes out of the tunnel is judged again.
    let inner = Asked { method: "GET".to_owned(), ..restricted };
    assert_eq!(client.decide(&inner).await["reason"], "restrictions_policy_missing");
}

#[tokio::test]
async fn malformed_frames_are_denied_with_a_reason_and_the_service_goes_on() {
    let world = World::new(&json!({}), &bundle(false));
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    for frame in [&b"\xff"[..], b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x02\x22\x7f", b"\x08\x01", &[0x0b; 300]] {
        let response = client.send_frame(frame).await;
        let code = response.status.unwrap().code;
        assert_eq!(code, 14, "{frame:?}");
    }
    assert_eq!(client.decide(&Asked::with_token(&guest())).await["effect"], "allow");
}

/// `refused`: what the service answers in place of a check that panicked (tested in `src/check/service.rs`).
#[tokio::test]
async fn what_could_not_be_handled_at_all_is_an_explicit_denial() {
    let app = World::new(&json!({}), &bundle(false)).ready().await;
    let frame = app.gate().refused(Reason::InternalError);
    let (prefix, message) = frame.split_at(5);
    assert_eq!(prefix, [&[0], &u32::try_from(message.len()).unwrap().to_be_bytes()[..]].concat());
    let response = CheckResponse::decode(message).unwrap();
    assert_eq!(response.status.as_ref().unwrap().code, 14);
    let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else { panic!("not denied") };
    assert_eq!(denied.status.as_ref().unwrap().code, 503);
    assert!(header(&denied, "retry-after").is_some());
    assert!(denied.body.contains(r#""reason":"internal_error""#), "{}", denied.body);
}

#[tokio::test]
async fn two_credentials_are_ambiguous_however_envoy_sends_them() {
    let world = World::new(&json!({}), &bundle(false));
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    for raw in [false, true] {
        let mut asked = Asked { raw, ..Asked::with_token(&guest()) };
        asked.headers.push(("authorization".to_owned(), format!("Bearer {}", guest())));
        assert_eq!(client.decide(&asked).await["reason"], "token_ambiguous", "raw: {raw}");
    }
}
