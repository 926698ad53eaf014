//! What is written to the store is enforced, and what cannot be used changes nothing.

use serde_json::json;

use crate::harness::L;
use crate::scene::{LET_IN, P, SHUT_OUT, Scene, named, partner, settings, told};

const Q: &str = "0b1c2d3e-0000-4000-8000-0000000000b0";

const BY_DEFAULT: &str = "deny users_and_applications_blocked by default";
const UNREAD: &str = "deny partner_unavailable by -";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_change_is_enforced_at_the_revision_that_decisions_name() {
    let mut scene = Scene::begin(1, &json!({})).await;
    assert_eq!(scene.told(P).await, LET_IN);
    assert_eq!(scene.told(Q).await, BY_DEFAULT);
    // A partner: changed, new, gone.
    let at = scene.writer.partner(L, 1, &partner(P, "blocked")).await;
    let decision = scene.ask_at(P, at).await;
    assert_eq!((told(&decision).as_str(), named(&decision)), (SHUT_OUT, at));
    let at = scene.writer.partner(L, 1, &partner(Q, "allowed")).await;
    assert_eq!(told(&scene.ask_at(Q, at).await), LET_IN);
    let at = scene.writer.delete(&format!("v1/tenants/{L}/gen/1/partners/{Q}")).await;
    assert_eq!(told(&scene.ask_at(Q, at).await), BY_DEFAULT);
    // The default, which partners inherit.
    let at = scene.writer.settings(L, &settings("allowed")).await;
    assert_eq!(told(&scene.ask_at(Q, at).await), "allow permitted by default");
    assert_eq!(scene.told(P).await, SHUT_OUT);
    // Another generation, filled first and switched to then.
    scene.writer.partner(L, 2, &partner(P, "allowed")).await;
    scene.writer.partner(L, 2, &partner(Q, "blocked")).await;
    assert_eq!(scene.told(P).await, SHUT_OUT, "nobody uses it yet");
    let at = scene.writer.active(L, 2).await;
    assert_eq!(told(&scene.ask_at(P, at).await), LET_IN);
    assert_eq!(scene.told(Q).await, SHUT_OUT);
    // And what changes in it is heard of.
    let at = scene.writer.partner(L, 2, &partner(P, "blocked")).await;
    assert_eq!(told(&scene.ask_at(P, at).await), SHUT_OUT);
    // What others write to the cluster is no revision of ours.
    let named_before = named(&scene.ask(P).await);
    scene.writer.0.put("/elsewhere", "1", None).await.unwrap();
    let at = scene.writer.partner(L, 1, &partner(P, "allowed")).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let decision = scene.ask(P).await;
    assert_eq!((told(&decision).as_str(), named(&decision)), (SHUT_OUT, named_before));
    assert!(named_before < at);
    // Nobody is protected without settings.
    scene.writer.delete(&format!("v1/tenants/{L}/active")).await;
    scene.writer.delete(&format!("v1/tenants/{L}/settings")).await;
    let refused = scene.readyz().await;
    assert_eq!(scene.told(P).await, SHUT_OUT, "the last good policy stays: {refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_used_is_told_of_and_changes_nothing_else() {
    let mut scene = Scene::begin(1, &json!({})).await;
    let refused = "tenantgate_policy_rejected_total{reason=\"invalid\"}";
    let until_told = async |scene: &Scene, what: &str| {
        for _ in 0..1000 {
            let rejected = scene.readyz().await["policy"]["rejected"].clone();
            if rejected.as_str().is_some_and(|rejected| rejected.contains(what)) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("nobody told of {what}: {}", scene.readyz().await);
    };
    let mut count = scene.metric(refused).await;
    let broken = [
        ("settings", "{".to_owned(), "json_malformed"),
        ("settings", json!({"tenantId": Q, "crossTenantAccessPolicy": {}}).to_string(), "another tenant's"),
        ("settings", format!("{0},{0}", settings("allowed")), "tenant_duplicate"),
        (
            "settings",
            format!("{},{}", settings("allowed"), json!({"tenantId": Q, "crossTenantAccessPolicy": {}})),
            "not those of one tenant",
        ),
        (
            "settings",
            json!({"tenantId": L, "crossTenantAccessPolicy": {"partners": [{"tenantId": P}]}}).to_string(),
            "have partners",
        ),
        ("active", "one".to_owned(), "no generation's number"),
        ("active", "01".to_owned(), "no generation's number"),
        ("setings", "{}".to_owned(), "/setings` is none that this version knows"),
    ];
    for (key, value, what) in broken {
        scene.writer.put(&format!("v1/tenants/{L}/{key}"), &value).await;
        until_told(&scene, what).await;
        let counted = scene.metric(refused).await;
        assert!(counted > count, "{what} is not counted");
        count = counted;
        assert_eq!(scene.told(P).await, LET_IN, "{what}");
        assert_eq!(scene.told(Q).await, BY_DEFAULT, "{what}");
        // Partners go on changing meanwhile.
        let at = scene.writer.partner(L, 1, &partner(P, "blocked")).await;
        assert_eq!(told(&scene.ask_at(P, at).await), SHUT_OUT, "{what}");
        let at = scene.writer.partner(L, 1, &partner(P, "allowed")).await;
        scene.ask_at(P, at).await;
        scene.writer.settings(L, &settings("blocked")).await;
        scene.writer.active(L, 1).await;
        if key != "setings" {
            while scene.readyz().await["policy"]["rejected"] != json!(null) {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
    }
    // A record that cannot be read decides nothing, and is never taken for none.
    for value in
        ["{", r#"{"tenantId":"0b1c2d3e-0000-4000-8000-0000000000b0"}"#, r#"{"b2bCollaborationInbound":{}}"#]
    {
        let at = scene.writer.put(&format!("v1/tenants/{L}/gen/1/partners/{P}"), value).await;
        assert_eq!(told(&scene.ask_at(P, at).await), UNREAD, "{value}");
        let at = scene.writer.partner(L, 1, &partner(P, "allowed")).await;
        assert_eq!(told(&scene.ask_at(P, at).await), LET_IN);
    }
    scene.writer.delete(&format!("v1/tenants/{L}/setings")).await;
}
