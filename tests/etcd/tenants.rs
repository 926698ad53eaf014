//! Several hosted tenants: what becomes of one's partners says nothing of another's.

use serde_json::json;

use crate::harness::{Asked, L, signer};
use crate::scene::{LET_IN, P, SHUT_OUT, Scene, named, partner, settings, told};

const M: &str = "0b1c2d3e-0000-4000-8000-0000000000c0";

/// Somebody of this tenant, at M.
fn guest_at_m(home: &str) -> Asked {
    let claims = json!({"tid": M, "idp": format!("https://sts.windows.net/{home}/"), "aud": "api://orders"});
    Asked::with_token(&signer().mint(&claims)).on("tenant", M)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partners_at_hand_serve_without_the_store_whatever_became_of_another_tenants() {
    let mut scene = Scene::begin(1, &json!({"partners": {"load_timeout": "500ms"}})).await;
    let mut of_m = settings("blocked");
    of_m["tenantId"] = M.into();
    scene.writer.partner(M, 1, &partner(P, "allowed")).await;
    scene.writer.active(M, 1).await;
    let first = scene.writer.settings(M, &of_m).await;
    scene.ask_at(P, first).await;
    let at_m = scene.client.decide(&guest_at_m(P)).await;
    assert_eq!((told(&at_m).as_str(), named(&at_m)), (LET_IN, first));
    // A partner of L changes, and then nothing can be read any more.
    let at = scene.writer.partner(L, 1, &partner(P, "blocked")).await;
    let decision = scene.ask_at(P, at).await;
    assert_eq!((told(&decision).as_str(), named(&decision)), (SHUT_OUT, at));
    // Whoever is of L is decided on as of both.
    let both = scene.client.decide(&guest_at_m(L)).await;
    let expected = "deny users_and_applications_blocked by default";
    assert_eq!((told(&both).as_str(), named(&both)), (expected, at));
    scene.cluster.kill(0);
    let at_m = scene.client.decide(&guest_at_m(P)).await;
    assert_eq!((told(&at_m).as_str(), named(&at_m)), (LET_IN, first));
}
