//! tenantgate away, not ready, and back.

use crate::gate::{BLOCKED, EXAMPLE, PARTNER, write_policy};
use crate::patience::until;
use crate::scene::Scene;
use crate::upstream::Seen;

#[tokio::test(flavor = "multi_thread")]
async fn without_tenantgate_nothing_passes_until_it_is_back() {
    away_and_back(Scene::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unix_socket_does_as_well() {
    let scene = Scene::over_a_socket().await;
    let seen = Seen::of(&scene.get("/orders").bearer(&scene.gate.guest(PARTNER)).send().await);
    assert_eq!(seen.one("x-tenantgate-home-tenant"), Some(PARTNER));
    let answer = scene.get("/orders").bearer(&scene.gate.guest(BLOCKED)).send().await;
    assert_eq!((answer.status, answer.problem().reason()), (403, "users_and_applications_blocked"));
    let line = scene.envoy.logged("decision_id", answer.problem().decision_id()).await;
    assert_eq!(line["effect"], "deny");
    away_and_back(scene).await;
}

async fn away_and_back(mut scene: Scene) {
    let token = scene.gate.internal();
    Seen::of(&scene.get("/orders").bearer(&token).send().await);
    let reached = scene.upstream.requests();

    scene.gate.stop().await;
    let answer = scene.get("/orders").bearer(&token).send().await;
    assert_eq!(answer.status, 503, "{answer:?}");
    // Nobody asked tenantgate, so nobody has its reason.
    let line = scene.envoy.logged("details", "ext_authz_error").await;
    assert_eq!((line["status"].as_u64(), line.get("effect")), (Some(503), None));
    assert_eq!(scene.upstream.requests(), reached);

    scene.gate.restart().await;
    until("requests to pass again", async || {
        let answer = scene.get("/orders").bearer(&token).send().await;
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        (answer.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tenantgate_is_asked_once_it_has_a_policy() {
    let scene = Scene::without_policy().await;
    let token = scene.gate.internal();
    // Envoy has heard that tenantgate is not ready and does not ask; asked, it would answer with a problem.
    let answer = scene.get("/orders").bearer(&token).send().await;
    assert_eq!((answer.status, &*answer.body), (503, ""), "{answer:?}");

    write_policy(scene.directory.path(), EXAMPLE);
    until("requests to pass", async || {
        let answer = scene.get("/orders").bearer(&token).send().await;
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        (answer.status == 200).then_some(())
    })
    .await;
}
