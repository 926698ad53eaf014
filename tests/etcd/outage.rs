//! The store away, slow, or back: the last good policy serves, and nothing is let in that should not be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::cluster::{Cluster, Writer};
use crate::harness::{Client, L};
use crate::scene::{LET_IN, P, SHUT_OUT, Scene, guest_of, named, partner, settings, told};

fn somebody(number: u32) -> String {
    format!("0b1c2d3e-0000-4000-8000-{number:012}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_store_the_last_good_policy_serves_until_it_is_too_old() {
    let more = json!({
        "policy": {"max_staleness": "8s"},
        "partners": {"ttl": "100ms", "negative_ttl": "100ms", "load_timeout": "500ms"},
    });
    let mut scene = Scene::begin(1, &more).await;
    assert_eq!(scene.told(P).await, LET_IN);
    scene.cluster.kill(0);
    // What is at hand serves, though its time is over; what is not does not seem to be absent.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(scene.told(P).await, LET_IN);
    assert_eq!(scene.told(&somebody(1)).await, "deny partner_unavailable by -");
    let told_of = scene.until(P, |decision| told(decision) != LET_IN).await;
    assert_eq!(told(&told_of), "deny policy_unavailable by -");
    let report = scene.readyz().await;
    assert!(
        report["store"]["problem"].as_str().is_some_and(|problem| problem.starts_with("etcd: ")),
        "{report}"
    );
    assert!(report["policy"]["age_seconds"].as_i64().unwrap() >= 8, "{report}");
    assert_eq!(report["ready"], true, "silence would be worse than a denial");
    scene.comes_back().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_compacted_while_nobody_listened_is_read_again() {
    let mut scene = Scene::begin(1, &json!({})).await;
    assert_eq!(scene.told(P).await, LET_IN);
    // The sidecar's connections end, and what happens before it is back cannot be told any more.
    scene.cluster.kill(0);
    scene.cluster.run(0);
    scene.cluster.settled().await;
    let mut at = 0;
    for access in ["allowed", "blocked"] {
        at = scene.writer.partner(L, 1, &partner(P, access)).await;
    }
    scene.writer.0.compact(at, None).await.unwrap();
    let at = scene.writer.settings(L, &settings("allowed")).await;
    assert_eq!(told(&scene.ask_at(P, at).await), SHUT_OUT);
    let at = scene.writer.partner(L, 1, &partner(P, "allowed")).await;
    assert_eq!(told(&scene.ask_at(P, at).await), LET_IN);
}

/// As when a cluster is made anew from a backup.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_begins_anew_is_followed_though_it_counts_from_the_beginning() {
    Box::pin(begins_anew(false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_gets_its_keys_one_by_one_is_followed_once_it_has_what_it_had() {
    Box::pin(begins_anew(true)).await;
}

async fn begins_anew(seen_by_and_by: bool) {
    let mut scene = Scene::begin(1, &json!({})).await;
    let mut last = 0;
    for _ in 0..20 {
        last = scene.writer.partner(L, 1, &partner(P, "allowed")).await;
    }
    assert_eq!(told(&scene.ask_at(P, last).await), LET_IN);
    scene.cluster.kill(0);
    scene.cluster.wipe(0);
    scene.cluster.run(0);
    scene.cluster.settled().await;
    // An empty store protects nobody, and is no policy: what it does not have is not absent.
    let meanwhile = scene.told(P).await;
    assert!(!meanwhile.ends_with("by default"), "{meanwhile}");
    if seen_by_and_by {
        scene.rejects(L).await;
        scene.writer.put(&format!("v1/tenants/{L}/active"), "1").await;
        scene.rejects("`settings` is missing").await;
    }
    let at = scene.writer.policy(&partner(P, "blocked")).await;
    // Meanwhile nobody may know what the partner's record is.
    let decision = scene.until(P, |decision| told(decision) == SHUT_OUT).await;
    assert!(named(&decision) < last, "{decision:?} after {at}");
    let at = scene.writer.partner(L, 1, &partner(P, "allowed")).await;
    let decision = scene.until(P, |decision| told(decision) == LET_IN).await;
    assert_eq!(named(&decision), at);
}

/// From a backup it is the same cluster, which may count beyond what decisions name by the time it is seen again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_before_a_backup_was_restored_is_not_newer_than_what_is_written_then() {
    let mut scene = Scene::begin(1, &json!({})).await;
    scene.cluster.kill(0);
    scene.cluster.back_up(0);
    scene.cluster.run(0);
    scene.cluster.settled().await;
    for _ in 0..50 {
        scene.writer.0.put("/elsewhere", "", None).await.unwrap();
    }
    let decision = scene.until(P, |decision| told(decision) != "deny partner_unavailable by -").await;
    assert_eq!(told(&decision), LET_IN);
    let first = named(&decision);
    scene.cluster.kill(0);
    scene.cluster.restore(0);
    scene.cluster.run(0);
    scene.cluster.settled().await;
    let at = scene.writer.partner(L, 1, &partner(P, "blocked")).await;
    assert!(first < at && at < first + 50);
    assert_eq!(told(&scene.ask_at(P, at).await), SHUT_OUT);
    let at = scene.writer.partner(L, 1, &partner(P, "allowed")).await;
    assert_eq!(told(&scene.ask_at(P, at).await), LET_IN);
}

/// Another one counts from anywhere: that its numbers are higher does not say that everything until then was told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_cluster_in_the_place_of_the_first_is_no_continuation_of_it() {
    let mut scene = Scene::begin(1, &json!({})).await;
    assert_eq!(scene.told(P).await, LET_IN);
    let first = named(&scene.ask(P).await);
    // Everything is written at the revisions that the first one had, and then something else at a higher one.
    let another = Cluster::another().await;
    let mut writer = Writer(another.client().await);
    let mut at = writer.policy(&partner(P, "blocked")).await;
    assert_eq!(at, first);
    while at < first + 5 {
        at = writer.put("v1/elsewhere", "").await;
    }
    let place = scene.cluster.address(0);
    scene.cluster.kill(0);
    detour(place, another).await;
    let decision = scene.until(P, |decision| told(decision) != LET_IN).await;
    assert_eq!(told(&decision), SHUT_OUT);
}

/// Single records are read by connections of their own, which may find it first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_another_cluster_are_not_joined_to_the_policy_of_the_first() {
    let mut scene = Scene::begin(1, &json!({})).await;
    let blocked = somebody(1);
    scene.writer.partner(L, 1, &partner(&blocked, "blocked")).await;
    scene.writer.settings(L, &settings("allowed")).await;
    let mut at = 0;
    for _ in 0..20 {
        at = scene.writer.partner(L, 1, &partner(P, "allowed")).await;
    }
    assert_eq!(told(&scene.ask_at(P, at).await), LET_IN);
    let another = Cluster::another().await;
    Writer(another.client().await).policy(&partner(P, "blocked")).await;
    let place = scene.cluster.address(0);
    scene.cluster.kill(0);
    // Whoever follows changes looks less often by now.
    tokio::time::sleep(Duration::from_secs(7)).await;
    detour(place, another).await;
    for _ in 0..200 {
        let decision = scene.ask(&blocked).await;
        assert_eq!(decision["effect"], "deny", "{decision:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// In the place of one cluster is another.
async fn detour(place: SocketAddr, another: Cluster) {
    let detour = TcpListener::bind(place).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = detour.accept().await {
            let mut to = TcpStream::connect(another.address(0)).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut from, &mut to).await });
        }
    });
}

/// Whoever comes from tenants that nobody has heard of pushes out nobody, and asks the store no more than a bounded
/// number of things at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_by_unknown_tenants_pushes_out_nobody() {
    let more = json!({"partners": {"cache_capacity": 100, "negative_ttl": "1h", "ttl": "1h"}});
    let mut scene = Scene::begin(1, &more).await;
    for number in 0..50 {
        scene.writer.partner(L, 1, &partner(&somebody(number), "allowed")).await;
    }
    for _ in 0..5 {
        for number in 0..50 {
            assert_eq!(scene.told(&somebody(number)).await, LET_IN);
        }
    }
    for number in 1000..3000 {
        assert!(scene.told(&somebody(number)).await.ends_with("by default"));
    }
    let misses = scene.metric("tenantgate_partner_cache_misses").await;
    for number in 0..50 {
        assert_eq!(scene.told(&somebody(number)).await, LET_IN);
    }
    assert!(
        scene.metric("tenantgate_partner_cache_misses").await - misses <= 2.0,
        "the active ones were pushed out"
    );
    assert!(scene.metric("tenantgate_partner_cache_entries").await <= 200.0);
    assert!(scene.metric("tenantgate_partner_cache_hits").await >= 250.0);
}

/// A cluster of three: whatever befalls its members while a partner changes and checks go on, nobody is let in at a
/// revision at which they are blocked, and whoever is at hand is never told that nobody knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_lose_their_leader_pause_and_restart() {
    let more = json!({"partners": {"load_timeout": "500ms"}});
    let mut scene = Scene::begin(3, &more).await;
    assert_eq!(scene.told(P).await, LET_IN);
    for (fault, first) in [("kill the leader", 0), ("pause a member", 1_000_000), ("restart all", 2_000_000)]
    {
        let leader = scene.cluster.leader().await;
        let load = Load::begin(&scene, first);
        match fault {
            "kill the leader" => scene.cluster.kill(leader),
            "pause a member" => scene.cluster.pause((leader + 1) % 3, true),
            _ => (0..3).for_each(|index| scene.cluster.kill(index)),
        }
        // Known ones are served all the while.
        assert_eq!(scene.told(P).await, LET_IN, "{fault}");
        let mut blocked = None;
        match fault {
            "kill the leader" | "pause a member" => {
                // The others go on.
                let at = written(&mut scene, "blocked").await;
                let decision = scene.ask_at(P, at).await;
                assert_eq!((told(&decision).as_str(), named(&decision) >= at), (SHUT_OUT, true), "{fault}");
                blocked = Some((at, Instant::now()));
            }
            _ => {}
        }
        match fault {
            "kill the leader" => scene.cluster.run(leader),
            "pause a member" => scene.cluster.pause((leader + 1) % 3, false),
            _ => (0..3).for_each(|index| scene.cluster.run(index)),
        }
        scene.cluster.settled().await;
        let at = written(&mut scene, "allowed").await;
        assert_eq!(told(&scene.ask_at(P, at).await), LET_IN, "{fault}");
        load.end(fault, blocked).await;
    }
}

/// Checks of somebody who is at hand, and of strangers, who never are, until it ends.
struct Load {
    done: Arc<AtomicBool>,
    asking: [JoinHandle<Vec<Answer>>; 2],
}

/// When, and what.
type Answer = (Instant, Map<String, Value>);

impl Load {
    /// Strangers have numbers from `first` on.
    fn begin(scene: &Scene, first: u32) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let asking = [false, true].map(|strangers| {
            let (done, mut client) = (Arc::clone(&done), Client::connect(&scene.app.check));
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for number in first.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    let home = if strangers { somebody(number) } else { P.to_owned() };
                    let decision = client.decide(&guest_of(&home)).await;
                    answers.push((Instant::now(), decision));
                }
                answers
            })
        });
        Self { done, asking }
    }

    /// `blocked`: the revision at which P was, and until when at least.
    async fn end(self, fault: &str, blocked: Option<(i64, Instant)>) {
        self.done.store(true, Ordering::Relaxed);
        let [known, strangers] = self.asking;
        let (known, strangers) = (known.await.unwrap(), strangers.await.unwrap());
        for (when, decision) in &known {
            assert!([LET_IN, SHUT_OUT].contains(&&*told(decision)), "{fault}: {decision:?}");
            let is_blocked = blocked.is_some_and(|(at, until)| named(decision) >= at && *when < until);
            assert!(!is_blocked || told(decision) == SHUT_OUT, "{fault}: {decision:?}");
        }
        let unknown = |decision: &Map<String, Value>| told(decision) == "deny partner_unavailable by -";
        let late: Vec<_> = strangers.iter().filter(|(_, decision)| unknown(decision)).collect();
        let span = late.first().zip(late.last()).map(|((first, _), (last, _))| *last - *first);
        let (checks, denied) = (known.len() + strangers.len(), late.len());
        println!("{fault}: {checks} checks, {denied} times 503, all of strangers, within {span:?}");
        let others = strangers.iter().filter(|(_, decision)| !unknown(decision));
        for (_, decision) in others {
            assert_eq!(told(decision), "deny users_and_applications_blocked by default", "{fault}");
        }
    }
}

/// Writes P's record, as often as it takes while members are away.
async fn written(scene: &mut Scene, access: &str) -> i64 {
    for _ in 0..200 {
        let key = format!("/tenantgate/v1/tenants/{L}/gen/1/partners/{P}");
        let mut client = scene.cluster.client().await;
        if let Ok(answer) = client.put(key, partner(P, access).to_string(), None).await {
            return answer.header().unwrap().revision();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody takes what is written")
}
