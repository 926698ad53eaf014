//! What no event tells of: a watch that died without a word, and keys that nobody watches.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::{Cluster, Writer};
use crate::harness::{Client, L};
use crate::proxy::Proxy;
use crate::scene::{LET_IN, P, SHUT_OUT, Scene, named, partner, told, world};

/// Everything is compared every two seconds.
fn compared_often() -> Value {
    json!({"policy": {"max_staleness": "8s"}})
}

/// On one member by a way of its own.
pub(crate) async fn behind_proxy(more: &Value) -> (Scene, Proxy) {
    let cluster = Cluster::start(1).await;
    let proxy = Proxy::to(&cluster.endpoints()[0]).await;
    let mut writer = Writer(cluster.client().await);
    writer.policy(&partner(P, "allowed")).await;
    let world = world(std::slice::from_ref(&proxy.endpoint), more);
    let app = world.ready().await;
    let client = Client::connect(&app.check);
    (Scene { cluster, writer, app, client, world }, proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_died_silently_is_not_believed_for_long() {
    let (mut scene, proxy) = behind_proxy(&compared_often()).await;
    assert_eq!(scene.told(P).await, LET_IN);
    let mut missed = 0;
    for turn in 0..20 {
        let (access, expected) = if turn % 2 == 0 { ("blocked", SHUT_OUT) } else { ("allowed", LET_IN) };
        let before = proxy.swallowed();
        proxy.mute_watches();
        let at = scene.writer.partner(L, 1, &partner(P, access)).await;
        // Nothing tells of it but the comparison, and no decision names a revision that it was not made on.
        let decision = scene.ask_at(P, at).await;
        assert_eq!((told(&decision).as_str(), named(&decision)), (expected, at));
        assert_eq!(scene.readyz().await["store"]["problem"], Value::Null);
        // Now and then the watch is a new one just then, which is heard.
        missed += usize::from(proxy.swallowed() > before);
        if missed == 3 {
            return;
        }
    }
    panic!("only {missed} events went missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_versions_keys_are_told_of_and_have_no_effect() {
    let (mut scene, _proxy) = behind_proxy(&compared_often()).await;
    let key = format!("v2/tenants/{L}/settings");
    let until = async |scene: &Scene, good: fn(&Value) -> bool| {
        for _ in 0..1000 {
            let rejected = scene.readyz().await["policy"]["rejected"].clone();
            if good(&rejected) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("still {}", scene.readyz().await);
    };
    let before = named(&scene.ask(P).await);
    scene.writer.put(&key, "{").await;
    until(&scene, |told| {
        told.as_str().is_some_and(|told| {
            told.contains("`/tenantgate/v2/tenants/") && told.contains("none that this version knows")
        })
    })
    .await;
    let decision = scene.ask(P).await;
    assert_eq!((told(&decision).as_str(), named(&decision)), (LET_IN, before));
    // And what is known goes on.
    let at = scene.writer.partner(L, 1, &partner(P, "blocked")).await;
    assert_eq!(told(&scene.ask_at(P, at).await), SHUT_OUT);
    scene.writer.delete(&key).await;
    until(&scene, Value::is_null).await;
    // A name that is nearly one is told of, too; the records of changes are nobody's policy, and nothing to tell of.
    scene.writer.put("v1/changes/00000000000000000001", "{").await;
    scene.writer.put(&format!("v1/tenant/{L}/settings"), "{").await;
    until(&scene, |told| told.as_str().is_some_and(|told| told.contains("`/tenantgate/v1/tenant/"))).await;
    assert!(!scene.readyz().await["policy"]["rejected"].to_string().contains("changes"));
}
