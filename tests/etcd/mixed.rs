//! One decision, one policy. A transaction takes away the record that blocks a partner, and blocks everybody by default
//! instead: nobody from there may come in before it or after it, so nobody may in between.

use std::time::{Duration, Instant};

use etcd_client::{Txn, TxnOp};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::coalesced::behind_etcds_proxy;
use crate::harness::{Client, L};
use crate::scene::{P, SHUT_OUT, Scene, guest_of, named, partner, settings, told};
use crate::silence::behind_proxy;

const TURNS: usize = 150;
/// Nothing is compared sooner for its own sake.
const COMPARED_ANYWAY: Duration = Duration::from_secs(30);
const BLOCKED_BY_DEFAULT: &str = "deny users_and_applications_blocked by default";

/// The default blocks from now on, and P's record is gone; gives the revision.
async fn block_otherwise(scene: &mut Scene, with_marker: bool) -> i64 {
    let key = |name: &str| format!("/tenantgate/v1/tenants/{L}/{name}");
    let record = TxnOp::delete(key(&format!("gen/1/partners/{P}")), None);
    let mut changes = vec![TxnOp::put(key("settings"), settings("blocked").to_string(), None), record];
    changes.extend(with_marker.then(|| TxnOp::put(key("gen/1/partners/"), "", None)));
    scene.writer.0.txn(Txn::new().and_then(changes)).await.unwrap().header().unwrap().revision()
}

/// Only P's record blocks; gives the revision.
async fn block_by_record(scene: &mut Scene) -> i64 {
    scene.writer.partner(L, 1, &partner(P, "blocked")).await;
    scene.writer.settings(L, &settings("allowed")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partners_change_is_not_joined_to_settings_from_before_it() {
    Box::pin(nobody_gets_in(Scene::begin(1, &json!({})).await)).await;
}

/// Which orders nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_is_one_that_comes_through_etcds_proxy() {
    let (scene, _proxy) = behind_etcds_proxy().await;
    Box::pin(nobody_gets_in(scene)).await;
}

async fn nobody_gets_in(mut scene: Scene) {
    let at = block_by_record(&mut scene).await;
    scene.ask_at(P, at).await;
    let (on, asked) = watch::channel(());
    let asking: [JoinHandle<usize>; 2] = [(); 2].map(|()| {
        let (asked, mut client) = (asked.clone(), Client::connect(&scene.app.check));
        tokio::spawn(async move {
            let mut answers = 0;
            while asked.has_changed().is_ok() {
                let decision = client.decide(&guest_of(P)).await;
                assert_eq!(decision["effect"], "deny", "after {answers} others: {decision:?}");
                answers += 1;
            }
            answers
        })
    });
    for turn in 0..TURNS {
        let at = block_otherwise(&mut scene, turn % 2 == 0).await;
        assert_eq!(told(&scene.ask_at(P, at).await), BLOCKED_BY_DEFAULT);
        let at = block_by_record(&mut scene).await;
        scene.ask_at(P, at).await;
    }
    drop(on);
    for asking in asking {
        assert!(asking.await.unwrap() > TURNS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_that_is_read_is_not_joined_to_settings_from_before_it() {
    let (mut scene, proxy) = behind_proxy(&json!({"partners": {"negative_ttl": "1ms", "ttl": "1ms"}})).await;
    let at = block_by_record(&mut scene).await;
    scene.ask_at(P, at).await;
    // Nothing tells of settings any more, while partners are read as ever.
    proxy.mute_watches();
    let at = block_otherwise(&mut scene, true).await;
    let begun = Instant::now();
    let looked_for = scene.until(P, |decision| {
        // What was at hand is good for a second more, where the machine is too busy to look for settings.
        let (is_new, told) = (named(decision) == at, told(decision));
        assert_eq!(told, if is_new { BLOCKED_BY_DEFAULT } else { SHUT_OUT }, "{decision:?}");
        is_new
    });
    looked_for.await;
    assert!(begun.elapsed() < COMPARED_ANYWAY, "settings are never looked for");
}
