//! What upstreams believe must come from tenantgate alone.

use crate::envoy::change;
use crate::gate::{PARTNER, USER};
use crate::scene::Scene;
use crate::upstream::Seen;

/// Copies that a client might try: every case, ours and not ours, twice, and what is hardly a name.
const SPOOFED: [&str; 9] = [
    "x-tenantgate-user",
    "X-Tenantgate-User",
    "X-TENANTGATE-HOME-TENANT",
    "X-TenantGate-Consent",
    "x-tenantgate-report-only",
    "x-tenantgate-foo",
    "X-Tenantgate-Foo.Bar",
    "x-tenantgate-!#$%&'*+^`|~",
    "x-tenantgate-",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_copies_are_gone_wherever_it_sends_them() {
    let scene = Scene::new().await;
    for (path, ours) in [("/orders", 6), ("/public/prices", 0)] {
        let request = scene.get(path).bearer(&scene.gate.guest(PARTNER));
        let request = SPOOFED.iter().fold(request, |request, name| request.header(name, "evil"));
        let seen = Seen::of(&request.send().await);
        assert_eq!(seen.ours().len(), ours, "{seen:?}");
        assert!(!format!("{seen:?}").contains("evil"), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenantgate_replaces_them_without_envoys_help() {
    let own = "{prefix: x-tenantgate-, ignore_case: true}";
    let scene = Scene::with(|shipped| change(&shipped, own, "{exact: x-nothing}")).await;
    let request = scene.get("/orders").bearer(&scene.gate.guest(PARTNER));
    let request = SPOOFED.iter().fold(request, |request, name| request.header(name, "evil"));
    let seen = Seen::of(&request.send().await);
    assert_eq!(seen.ours().len(), 6, "{seen:?}");
    assert_eq!(seen.one("x-tenantgate-user"), Some(USER));
    assert_eq!(seen.one("x-tenantgate-home-tenant"), Some(PARTNER));
    assert!(!format!("{seen:?}").contains("evil"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_lets_tenantgate_touch_no_other_header() {
    let ours = r#"{regex: "x-tenantgate-.*"}"#;
    let fewer = r#"{regex: "x-tenantgate-[^c].*"}"#;
    // Nothing of a plain allow is set outside of the expression; x-tenantgate-consent is removed.
    let scene = Scene::with(|shipped| change(&shipped, ours, fewer)).await;
    let answer = scene.get("/orders").bearer(&scene.gate.internal()).send().await;
    assert_eq!(answer.status, 500, "{answer:?}");
    assert_eq!(scene.upstream.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_pass_for_ours_or_for_another_path_is_refused_or_gone() {
    let scene = Scene::new().await;
    let token = scene.gate.internal();
    let answer = scene.get("/orders").bearer(&token).header("x_tenantgate_user", "evil").send().await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(scene.upstream.requests(), 0);

    let request = scene.get("/orders").bearer(&token);
    let request = request.header("X-Original-URL", "/admin").header("X-Rewrite-URL", "/admin");
    let request = request.header("X-Envoy-Original-Path", "/admin").header("X-Envoy-Retry-On", "5xx");
    let seen = Seen::of(&request.send().await);
    for name in ["x-original-url", "x-rewrite-url", "x-envoy-original-path", "x-envoy-retry-on"] {
        assert_eq!(seen.one(name), None, "{name}");
    }
    assert_eq!(seen.one("x-envoy-internal"), None);
}
