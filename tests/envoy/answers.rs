//! What client, upstream and access log get to know of a decision.

use serde_json::{Value, json};
use tempfile::TempDir;
use tenantgate::telemetry::unix_now;
use tenantgate::token::DevelopmentIssuer;

use crate::gate::{BLOCKED, PARTNER, TENANT, USER};
use crate::scene::Scene;
use crate::upstream::Seen;

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_is_told_whom_it_serves() {
    let scene = Scene::new().await;
    let revision = scene.gate.revision().await;

    let seen = Seen::of(&scene.get("/orders?from=2026").bearer(&scene.gate.guest(PARTNER)).send().await);
    assert_eq!(seen.path, "/orders?from=2026");
    assert_eq!(
        seen.one("x-tenantgate-decision"),
        Some(&*format!("allow; reason=permitted; policy={revision}"))
    );
    assert_eq!(seen.one("x-tenantgate-home-tenant"), Some(PARTNER));
    assert_eq!(seen.one("x-tenantgate-relation"), Some("b2b_collaboration"));
    assert_eq!(seen.one("x-tenantgate-user"), Some(USER));
    assert_eq!(seen.one("x-tenantgate-guest-access"), Some("limited"));
    assert!(seen.one("x-tenantgate-decision-id").is_some());
    assert_eq!(seen.ours().len(), 6, "{seen:?}");

    let seen = Seen::of(&scene.get("/orders").bearer(&scene.gate.internal()).send().await);
    assert_eq!(
        seen.one("x-tenantgate-decision"),
        Some(&*format!("allow; reason=internal; policy={revision}"))
    );
    assert_eq!(seen.one("x-tenantgate-home-tenant"), Some(TENANT));
    assert_eq!(seen.one("x-tenantgate-relation"), Some("internal"));
    assert_eq!(seen.ours().len(), 5, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_says_why_and_reaches_no_upstream() {
    let scene = Scene::new().await;
    let answer = scene.get("/orders").bearer(&scene.gate.guest(BLOCKED)).send().await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let problem = answer.problem();
    assert_eq!(problem.reason(), "users_and_applications_blocked");
    assert_eq!(problem.text("tenant"), Some(TENANT));
    assert_eq!(problem.text("partner"), Some(BLOCKED));
    assert_eq!(problem.text("entra_code"), Some("AADSTS500213"));
    assert_eq!(scene.upstream.requests(), 0);

    let page = scene.get("/orders").bearer(&scene.gate.guest(BLOCKED)).header("Accept", "text/html,*/*");
    assert_eq!(page.send().await.header("content-type"), Some("text/html; charset=utf-8"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_failure_is_a_401_with_a_challenge() {
    let scene = Scene::new().await;
    let gate = &scene.gate;
    let elsewhere = TempDir::new().unwrap();
    let forger = DevelopmentIssuer::keygen(elsewhere.path()).unwrap();
    let claims = json!({"tid": TENANT, "aud": "api://orders", "oid": USER});
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().insert(name.to_owned(), value);
        format!("Bearer {}", gate.mint(&claims)).into_bytes()
    };
    let mut mangled = with("exp", json!(unix_now() + 60));
    *mangled.last_mut().unwrap() = 0xff;
    let cases: [(&str, Vec<u8>); 7] = [
        ("token_missing", b"Basic dXNlcjpwYXNz".to_vec()),
        ("token_malformed", b"Bearer of bad news".to_vec()),
        // No UTF-8, which must not break the frame.
        ("token_malformed", mangled),
        (
            "token_key_unknown",
            format!("Bearer {}", forger.mint(&claims.to_string(), unix_now(), 60).unwrap()).into_bytes(),
        ),
        ("token_expired", with("exp", json!(unix_now() - 3600))),
        ("token_audience", with("aud", json!("api://invoices"))),
        ("token_ambiguous", [with("ver", json!("2.0")), with("ver", json!("2.0"))].join(&b", "[..])),
    ];
    for (reason, credential) in cases {
        let answer = scene.get("/orders").header("Authorization", credential).send().await;
        assert_eq!(answer.status, 401, "{reason}: {answer:?}");
        assert_eq!(answer.problem().reason(), reason);
        let challenge = if reason == "token_missing" { "Bearer" } else { r#"Bearer error="invalid_token""# };
        assert_eq!(answer.header("www-authenticate"), Some(challenge), "{reason}");
    }
    let answer = scene.get("/orders").send().await;
    assert_eq!((answer.status, answer.problem().reason()), (401, "token_missing"));
    assert_eq!(scene.upstream.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_credentials_are_one_too_many() {
    let scene = Scene::new().await;
    let (good, bad) = (scene.gate.internal(), scene.gate.guest(BLOCKED));
    for (first, second) in [(&good, &bad), (&bad, &good), (&good, &good)] {
        let answer = scene.get("/orders").bearer(first).bearer(second).send().await;
        assert_eq!((answer.status, answer.problem().reason()), (401, "token_ambiguous"));
    }
    assert_eq!(scene.upstream.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_has_every_decision() {
    let scene = Scene::new().await;
    let revision = scene.gate.revision().await;

    let seen = Seen::of(&scene.get("/orders?secret=1").bearer(&scene.gate.guest(PARTNER)).send().await);
    let line = scene.envoy.logged("decision_id", seen.one("x-tenantgate-decision-id").unwrap()).await;
    let expected = json!({
        "method": "GET", "host": "orders.contoso.example", "path": "/orders", "status": 200,
        "details": "via_upstream", "effect": "allow", "reason": "permitted",
        "relation": "b2b_collaboration", "tenant": TENANT, "partner": PARTNER,
        "setting": "b2bCollaborationInbound", "origin": "default", "policy_revision": revision,
    });
    contains(&line, &expected);

    let answer = scene.get("/orders").bearer(&scene.gate.guest(BLOCKED)).send().await;
    let line = scene.envoy.logged("decision_id", answer.problem().decision_id()).await;
    let expected = json!({
        "status": 403, "details": "ext_authz_denied", "flags": "UAEX", "effect": "deny",
        "reason": "users_and_applications_blocked", "relation": "b2b_collaboration", "tenant": TENANT,
        "partner": BLOCKED, "setting": "b2bCollaborationInbound", "origin": "partner",
        "policy_revision": revision,
    });
    contains(&line, &expected);

    let answer = scene.get("/orders").send().await;
    let line = scene.envoy.logged("decision_id", answer.problem().decision_id()).await;
    contains(&line, &json!({"status": 401, "effect": "deny", "reason": "token_missing"}));
    assert_eq!(line.get("partner"), None);
}

fn contains(line: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(line.get(name), Some(value), "{name} of {line}");
    }
}
