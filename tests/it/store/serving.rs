//! A service whose policy another process changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tenantgate::app::App;

use super::{Done, apply, bundle, partner, world};
use crate::harness::{Asked, Client, L, World, signer};

const HOME: &str = "8b1f6d3a-2c4e-4d0b-a1f7-5e9c0d7b6a42";

fn guest() -> Asked {
    let claims = json!({"tid": L, "idp": format!("https://sts.windows.net/{HOME}/"), "aud": "api://orders"});
    Asked::with_token(&signer().mint(&claims))
}

async fn readyz(app: &App) -> Value {
    let answer = reqwest::get(format!("http://{}/readyz", app.admin)).await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// Asks until a decision is as it should be.
async fn until(client: &mut Client, wanted: impl Fn(&Map<String, Value>) -> bool) -> Map<String, Value> {
    let asked = guest();
    for _ in 0..1500 {
        let decision = client.decide(&asked).await;
        if wanted(&decision) {
            return decision;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to that; now {:?}", client.decide(&asked).await);
}

/// As an operator does, beside the service.
async fn applied(world: &Arc<World>, next: Value) -> Done {
    let world = Arc::clone(world);
    tokio::task::spawn_blocking(move || apply(&world, &next, &["--acknowledge"])).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_changes_the_policy_under_load() {
    const CHANGES: usize = 20;
    let world = Arc::new(world(&json!({})));
    let version = |number: usize| {
        let partners: Vec<_> = (0..100).map(|partner_number| partner(partner_number, number)).collect();
        bundle(if number % 2 == 1 { "allowed" } else { "blocked" }, &partners)
    };
    assert_eq!(applied(&world, version(1)).await.code, 0);
    let app = world.ready().await;
    let done = Arc::new(AtomicBool::new(false));
    let (stop, mut client) = (Arc::clone(&done), Client::connect(&app.check));
    let load = tokio::spawn(async move {
        let (asked, mut seen) = (guest(), std::collections::BTreeSet::new());
        while !stop.load(Ordering::Relaxed) {
            let decision = client.decide(&asked).await;
            let revision: usize = decision["policy_revision"].as_str().unwrap().parse().unwrap();
            let expected = if revision % 2 == 1 { "allow" } else { "deny" };
            assert_eq!(decision["effect"], expected, "wrong for revision {revision}");
            assert!(seen.last().is_none_or(|last| *last <= revision), "back from {seen:?} to {revision}");
            seen.insert(revision);
        }
        seen.len()
    });
    let mut client = Client::connect(&app.check);
    for number in 2..=CHANGES {
        assert_eq!(applied(&world, version(number)).await.code, 0);
        let wanted = number.to_string();
        until(&mut client, |decision| decision["policy_revision"] == wanted.as_str()).await;
    }
    done.store(true, Ordering::Relaxed);
    assert!(load.await.unwrap() > CHANGES / 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_may_come_later_and_break_and_be_whole_again() {
    let world = Arc::new(world(&json!({})));
    let app = world.start().await;
    let mut client = Client::connect(&app.check);
    let decision = client.decide(&guest()).await;
    assert_eq!((&decision["reason"], &decision["http_status"]), (&json!("policy_unavailable"), &json!(503)));
    let report = readyz(&app).await;
    assert_eq!(report["ready"], false);
    assert!(report["store"]["problem"].as_str().unwrap().contains("holds no policy yet"), "{report}");

    assert_eq!(applied(&world, bundle("allowed", &[])).await.code, 0);
    let decision = until(&mut client, |decision| decision["effect"] == "allow").await;
    assert_eq!(decision["policy_revision"], "1");
    let good = std::fs::read(world.path("policy.db")).unwrap();
    for bad in [b"no database at all".repeat(1000), good[..good.len() / 2].to_vec()] {
        std::fs::write(world.path("policy.db"), bad).unwrap();
        let mut tries = 0;
        while readyz(&app).await["store"]["problem"].is_null() {
            tries += 1;
            assert!(tries < 500, "the damage was not noticed");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(client.decide(&guest()).await["effect"], "allow", "the last good one stays");
        std::fs::write(world.path("policy.db"), &good).unwrap();
        while !readyz(&app).await["store"]["problem"].is_null() {
            tries += 1;
            assert!(tries < 1000, "the repair was not noticed");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    // Somebody changed a record, and not by a command: noticed by whoever reads it all.
    std::fs::copy(world.path("policy.db"), world.path("tampered.db")).unwrap();
    let tampering = rusqlite::Connection::open(world.path("tampered.db")).unwrap();
    tampering
        .execute_batch("UPDATE records SET value = '{}'; UPDATE changes SET sum = zeroblob(16)")
        .unwrap();
    drop(tampering);
    std::fs::rename(world.path("tampered.db"), world.path("policy.db")).unwrap();
    // Long enough that it is read no more, and told all the same.
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(client.decide(&guest()).await["effect"], "allow", "the last good one stays");
    }
    let problem = readyz(&app).await["store"]["problem"].to_string();
    assert!(problem.contains("its records are not those of revision 1"), "{problem}");
    // Another store in its place, whose revision is the same.
    let other = Arc::new(super::world(&json!({})));
    assert_eq!(applied(&other, bundle("blocked", &[])).await.code, 0);
    std::fs::rename(other.path("policy.db"), world.path("policy.db")).unwrap();
    let decision = until(&mut client, |decision| decision["effect"] == "deny").await;
    assert_eq!(decision["policy_revision"], "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_gone_for_too_long_decides_nothing_until_it_is_back() {
    let world = Arc::new(world(&json!({"max_staleness": "1s"})));
    assert_eq!(applied(&world, bundle("allowed", &[])).await.code, 0);
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    // A store that can be read never gets old.
    for _ in 0..20 {
        assert_eq!(client.decide(&guest()).await["effect"], "allow");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    std::fs::rename(world.path("policy.db"), world.path("away.db")).unwrap();
    let decision = until(&mut client, |decision| decision["effect"] == "deny").await;
    assert_eq!((&decision["reason"], &decision["http_status"]), (&json!("policy_unavailable"), &json!(503)));
    std::fs::rename(world.path("away.db"), world.path("policy.db")).unwrap();
    until(&mut client, |decision| decision["effect"] == "allow").await;
}

/// Neither keeps the other from its work for longer than that takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_slow_keeps_no_writer_out_for_good() {
    let world = Arc::new(world(&json!({})));
    assert_eq!(applied(&world, bundle("allowed", &[])).await.code, 0);
    let reader = rusqlite::Connection::open(world.path("policy.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM records").unwrap();
    let writing = tokio::spawn({
        let world = Arc::clone(&world);
        async move { applied(&world, bundle("blocked", &[])).await.code }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!writing.is_finished(), "the commit waits for who reads");
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(writing.await.unwrap(), 0);
}

#[tokio::test]
async fn reading_the_store_is_no_hint_that_it_changed() {
    let world = Arc::new(world(&json!({})));
    assert_eq!(applied(&world, bundle("allowed", &[])).await.code, 0);
    let reads = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let mut watcher = notify::recommended_watcher(move |event: Result<notify::Event, notify::Error>| {
        let open = notify::EventKind::Access(notify::event::AccessKind::Open(notify::event::AccessMode::Any));
        if event.is_ok_and(|event| event.kind == open && event.paths[0].ends_with("policy.db")) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    })
    .unwrap();
    let _app = world.ready().await;
    notify::Watcher::watch(&mut watcher, &world.path("policy.db"), notify::RecursiveMode::NonRecursive)
        .unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let reads = reads.load(Ordering::Relaxed);
    assert!((1..=2).contains(&reads), "{reads} reads");
}
