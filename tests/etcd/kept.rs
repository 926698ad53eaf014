//! `policy.cache`: what a restart without the cluster serves, and what it does not.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Client, L};
use crate::scene::{LET_IN, P, SHUT_OUT, Scene, named, partner, told, world};

const STRANGER: &str = "0b1c2d3e-0000-4000-8000-000000000001";
const NOBODY: &str = "0b1c2d3e-0000-4000-8000-000000000002";

fn with_cache(more: &Value) -> Value {
    let mut policy = json!({"cache": "cache"});
    policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"policy": policy, "partners": {"load_timeout": "300ms"}})
}

impl Scene {
    /// Waits until what is served now is kept, with what is at hand.
    async fn is_kept(&mut self) {
        let revision = format!(r#""revision":{},"#, named(&self.ask(P).await));
        let begun = Instant::now();
        loop {
            let kept = std::fs::read_to_string(self.world.path("cache")).unwrap_or_default();
            if kept.contains(&revision) && [P, STRANGER].iter().all(|id| kept.contains(id)) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "not kept: {kept}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the service, and begins another one on the same configuration.
    async fn restart(&mut self) {
        self.app = self.world.start().await;
        self.client = Client::connect(&self.app.check);
    }

    fn change_kept(&self, change: impl Fn(String) -> String) {
        let kept = std::fs::read_to_string(self.world.path("cache")).unwrap();
        self.world.write("cache", &change(kept));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_without_the_cluster_serves_what_was_kept_and_follows_when_it_is_back() {
    let mut scene = Scene::begin(1, &with_cache(&json!({}))).await;
    assert_eq!(scene.told(P).await, LET_IN);
    let by_default = scene.told(STRANGER).await;
    scene.is_kept().await;
    scene.cluster.kill(0);
    scene.restart().await;
    scene.until(P, |decision| told(decision) == LET_IN).await;
    assert_eq!(scene.told(STRANGER).await, by_default, "that there is no record is known");
    assert_eq!(scene.told(NOBODY).await, "deny partner_unavailable by -", "and of others it is not");
    while scene.readyz().await["ready"] != true {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let report = scene.readyz().await;
    assert!(report["store"]["problem"].as_str().is_some_and(|why| why.starts_with("etcd: ")), "{report}");
    // What happened meanwhile is told from where the kept one ends.
    scene.comes_back().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_kept_is_not_served_where_the_cluster_can_be_read() {
    let mut scene = Scene::begin(1, &with_cache(&json!({}))).await;
    assert_eq!((scene.told(P).await.as_str(), scene.told(STRANGER).await.is_empty()), (LET_IN, false));
    scene.is_kept().await;
    // As if nothing had run when the partner was blocked.
    let kept = std::fs::read_to_string(scene.world.path("cache")).unwrap();
    scene.writer.partner(L, 1, &partner(P, "blocked")).await;
    scene.world = world(&scene.cluster.endpoints(), &with_cache(&json!({})));
    scene.world.write("cache", &kept);
    scene.restart().await;
    let first = scene.until(P, |decision| told(decision) != "deny policy_unavailable by -").await;
    assert_eq!(told(&first), SHUT_OUT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_kept_is_as_old_as_it_was() {
    let mut scene = Scene::begin(1, &with_cache(&json!({"max_staleness": "6s"}))).await;
    assert_eq!((scene.told(P).await.as_str(), scene.told(STRANGER).await.is_empty()), (LET_IN, false));
    scene.is_kept().await;
    scene.cluster.kill(0);
    scene.until(P, |decision| told(decision) == "deny policy_unavailable by -").await;
    scene.restart().await;
    // It is there soon, and of no use.
    let begun = Instant::now();
    while scene.readyz().await["policy"]["revision"].is_null() {
        assert!(begun.elapsed() < Duration::from_mins(1));
        assert_ne!(scene.told(P).await, LET_IN);
    }
    assert_eq!(scene.told(P).await, "deny policy_unavailable by -");
    assert!(scene.readyz().await["policy"]["age_seconds"].as_i64().unwrap() >= 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_by_hand_is_no_policy() {
    let mut scene = Scene::begin(1, &with_cache(&json!({}))).await;
    assert_eq!((scene.told(P).await.as_str(), scene.told(STRANGER).await.is_empty()), (LET_IN, false));
    scene.is_kept().await;
    scene.cluster.kill(0);
    scene.change_kept(|kept| kept.replace("blocked", "allowed"));
    scene.restart().await;
    // Longer than the cluster is waited for.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        assert_eq!(scene.told(STRANGER).await, "deny policy_unavailable by -");
    }
    assert_eq!(scene.readyz().await["ready"], false);
}
