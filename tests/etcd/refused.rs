//! Settings that cannot be used, written with another generation: neither counts, and the last good policy is whole.

use etcd_client::{Txn, TxnOp};
use serde_json::{Value, json};

use crate::harness::L;
use crate::scene::{LET_IN, P, SHUT_OUT, Scene, partner, settings, told};

const Q: &str = "0b1c2d3e-0000-4000-8000-0000000000b0";
const NOBODY: &str = "0b1c2d3e-0000-4000-8000-0000000000b1";

/// Everybody is blocked, if anybody can tell where this policy applies.
fn unsupported() -> Value {
    let mut settings = settings("blocked");
    settings["conditionalAccess"] = json!({"policies": [{
        "id": "ca000000-0000-4000-8000-000000000001",
        "displayName": "At home only",
        "state": "enabled",
        "conditions": {
            "users": {"includeUsers": ["All"]},
            "applications": {"includeApplications": ["All"]},
            "locations": {"includeLocations": ["AllTrusted"]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    }], "ignore": []});
    settings
}

/// Both at once; gives the revision.
async fn switch(scene: &mut Scene, settings: &Value, generation: u64) -> i64 {
    let put = |key: &str, value: String| TxnOp::put(format!("/tenantgate/v1/tenants/{L}/{key}"), value, None);
    let both = [put("settings", settings.to_string()), put("active", generation.to_string())];
    scene.writer.0.txn(Txn::new().and_then(both)).await.unwrap().header().unwrap().revision()
}

async fn refuse(scene: &mut Scene, generation: u64) -> i64 {
    let at = switch(scene, &unsupported(), generation).await;
    scene.ask_at(P, at).await;
    let report = scene.readyz().await;
    assert!(report["policy"]["rejected"].to_string().contains("At home only"), "{report}");
    at
}

/// The sidecar has heard of what was written so far.
async fn all_was_told(scene: &mut Scene) {
    let at = scene.writer.put("v1/tenants", "").await;
    scene.writer.put(&format!("v1/tenants/{L}/setings-{at}"), "").await;
    scene.rejects(&format!("/setings-{at}`")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partners_of_a_generation_that_is_refused_are_not_joined_to_the_last_good_settings() {
    let mut scene = Scene::begin(1, &json!({})).await;
    scene.writer.partner(L, 1, &partner(P, "blocked")).await;
    scene.writer.partner(L, 1, &partner(Q, "blocked")).await;
    let at = scene.writer.settings(L, &settings("allowed")).await;
    assert_eq!(told(&scene.ask_at(P, at).await), SHUT_OUT);
    // The next generation has no partner: its settings block everybody.
    let at = refuse(&mut scene, 2).await;
    for home in [P, Q] {
        assert_eq!(told(&scene.ask_at(home, at).await), SHUT_OUT);
    }
    let at = switch(&mut scene, &settings("blocked"), 2).await;
    assert_eq!(told(&scene.ask_at(P, at).await), "deny users_and_applications_blocked by default");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_to_the_last_good_partners_while_others_count_is_nobodys_policy() {
    let mut scene = Scene::begin(1, &json!({})).await;
    scene.writer.partner(L, 1, &partner(P, "blocked")).await;
    scene.writer.partner(L, 1, &partner(Q, "allowed")).await;
    let at = scene.writer.settings(L, &settings("allowed")).await;
    scene.ask_at(P, at).await;
    let at = refuse(&mut scene, 2).await;
    assert_eq!(told(&scene.ask_at(Q, at).await), LET_IN);
    // As when the generation is removed.
    scene.writer.delete(&format!("v1/tenants/{L}/gen/1/partners/{P}")).await;
    scene.writer.partner(L, 1, &partner(Q, "blocked")).await;
    all_was_told(&mut scene).await;
    assert_eq!(scene.told(P).await, SHUT_OUT);
    assert_eq!(scene.told(NOBODY).await, "deny partner_unavailable by -", "it may have been removed");
    // When it counts again, what was not followed is not taken for what it was.
    let at = switch(&mut scene, &settings("allowed"), 1).await;
    scene.ask_at(P, at).await;
    let at = scene.writer.partner(L, 1, &partner(P, "blocked")).await;
    assert_eq!(told(&scene.ask_at(P, at).await), SHUT_OUT);
    assert_eq!(told(&scene.ask_at(Q, at).await), SHUT_OUT);
}

/// Q was let in by the first generation, and is blocked there while another one counts with settings that are refused.
async fn blocked_unnoticed() -> Scene {
    let mut scene = Scene::begin(1, &json!({})).await;
    scene.writer.partner(L, 1, &partner(Q, "allowed")).await;
    let at = scene.writer.settings(L, &settings("blocked")).await;
    assert_eq!(told(&scene.ask_at(Q, at).await), LET_IN);
    refuse(&mut scene, 2).await;
    scene.writer.partner(L, 1, &partner(Q, "blocked")).await;
    all_was_told(&mut scene).await;
    scene
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_followed_is_not_known_though_its_generation_counts_again_with_settings_that_are_refused()
 {
    let mut scene = Box::pin(blocked_unnoticed()).await;
    refuse(&mut scene, 1).await;
    // Now it is followed again.
    let at = scene.writer.partner(L, 1, &partner(P, "blocked")).await;
    assert_eq!(told(&scene.ask_at(P, at).await), SHUT_OUT);
    assert_eq!(told(&scene.ask_at(Q, at).await), SHUT_OUT);
    let at = switch(&mut scene, &settings("allowed"), 1).await;
    assert_eq!(told(&scene.ask_at(Q, at).await), SHUT_OUT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_though_nobody_can_read_meanwhile_which_generation_counts() {
    let mut scene = Box::pin(blocked_unnoticed()).await;
    scene.writer.put(&format!("v1/tenants/{L}/active"), "the first").await;
    scene.rejects("no generation's number").await;
    scene.writer.partner(L, 1, &partner(P, "blocked")).await;
    all_was_told(&mut scene).await;
    switch(&mut scene, &settings("allowed"), 1).await;
    let at = scene.writer.partner(L, 1, &partner(P, "blocked")).await;
    assert_eq!(told(&scene.ask_at(P, at).await), SHUT_OUT);
    assert_eq!(told(&scene.ask_at(Q, at).await), SHUT_OUT);
}

/// Neither what is written into a generation that does not count, nor what is removed from it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_of_a_generation_that_does_not_count_is_not_believed() {
    let mut scene = Scene::begin(1, &json!({})).await;
    for home in [Q, NOBODY] {
        scene.writer.partner(L, 1, &partner(home, "blocked")).await;
    }
    let at = scene.writer.settings(L, &settings("allowed")).await;
    scene.ask_at(P, at).await;
    refuse(&mut scene, 2).await;
    scene.writer.partner(L, 1, &partner(Q, "allowed")).await;
    scene.writer.delete(&format!("v1/tenants/{L}/gen/1/partners/{NOBODY}")).await;
    all_was_told(&mut scene).await;
    for home in [Q, NOBODY] {
        assert_eq!(scene.told(home).await, "deny partner_unavailable by -");
    }
    scene.writer.put(&format!("v1/tenants/{L}/active"), "the first").await;
    scene.rejects("no generation's number").await;
    for home in [Q, NOBODY] {
        assert_eq!(scene.told(home).await, "deny partner_unavailable by -");
    }
}
