//! What Envoy's configuration says of a route: checked, checked more strictly, not at all, or with a typo.

use crate::envoy::change;
use crate::scene::Scene;
use crate::upstream::Seen;

const APP: &str = "https://app.contoso.example";

#[tokio::test(flavor = "multi_thread")]
async fn public_paths_are_not_checked_and_nothing_else_is_public() {
    let scene = Scene::new().await;
    let seen = Seen::of(&scene.get("/public/prices.json").send().await);
    assert_eq!(seen.path, "/public/prices.json");
    let line = scene.envoy.logged("path", "/public/prices.json").await;
    assert_eq!(line.get("effect"), None, "{line}");

    let reached = scene.upstream.requests();
    let paths = [
        "/public",
        "/Public/x",
        "/publicity",
        "/public/../orders",
        "/public/%2e%2e/orders",
        "/public/..;/orders",
        "/public/..%3b/orders",
        "/public/x%00",
        "/orders/public/",
    ];
    for path in paths {
        let answer = scene.get(path).send().await;
        assert!(matches!(answer.status, 400 | 401), "{path}: {answer:?}");
    }
    // Slashes in disguise are shown for what they are first.
    for path in ["/public/..%2forders", "/public/..%5Corders"] {
        assert_eq!(scene.get(path).send().await.status, 307, "{path}");
    }
    assert_eq!(scene.upstream.requests(), reached);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_is_answered_without_a_token() {
    let scene = Scene::new().await;
    let preflight = |origin| {
        let request = scene.options("/orders").header("Origin", origin);
        request.header("Access-Control-Request-Method", "GET")
    };
    let answer = preflight(APP).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization, content-type"));

    let answer = preflight("https://app.evil.example").send().await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(scene.upstream.requests(), 0);

    // The denial itself must be readable for the application that the browser runs.
    let answer = scene.get("/orders").header("Origin", APP).send().await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    assert_eq!(answer.header("access-control-expose-headers"), Some("www-authenticate"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stricter_route_is_stricter_in_every_spelling() {
    let scene = Scene::new().await;
    let token = scene.gate.internal();
    Seen::of(&scene.get("/administration").bearer(&token).send().await);
    let reached = scene.upstream.requests();
    for path in
        ["/admin", "/admin/x", "//admin", "/./admin", "/x/../admin/x", "/%61dmin/x", "/admin/../admin?x"]
    {
        let answer = scene.get(path).bearer(&token).send().await;
        assert_eq!((answer.status, answer.problem().reason()), (403, "mfa_required"), "{path}");
    }
    assert_eq!(scene.upstream.requests(), reached);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typo_in_a_route_opens_no_door() {
    let typo = |shipped: String| change(&shipped, "{require: mfa}", "{requires: mfa}");
    let scene = Scene::with(typo).await;
    let answer = scene.get("/admin").bearer(&scene.gate.internal()).send().await;
    assert_eq!((answer.status, answer.problem().reason()), (500, "route_invalid"));
    assert_eq!(scene.upstream.requests(), 0);
    let line = scene.envoy.logged("decision_id", answer.problem().decision_id()).await;
    assert_eq!(line["reason"], "route_invalid");

    Seen::of(&scene.get("/orders").bearer(&scene.gate.internal()).send().await);
}
