//! Somebody else between the reading and the writing, and ways that break in between.

use serde_json::json;
use tenantgate::config::Config;
use tenantgate::source::{EtcdStore, Plan, PolicyOrigin, Store, StoreError, records_of};

use super::{Place, history, name, revision, shut_out, somebody};
use crate::harness::L;
use crate::operator::{apply, bundle, get};
use crate::proxy::{Fault, Proxy};
use crate::scene::{settings, world};

fn store(config: &Config) -> EtcdStore {
    let PolicyOrigin::Etcd(settings, _) = config.compose().unwrap().policy else { panic!("another source") };
    EtcdStore::new(*settings).unwrap()
}

/// Works a change out, lets `meanwhile` happen, and makes it then.
async fn between(
    place: &mut Place,
    wanted: &serde_json::Value,
    meanwhile: impl AsyncFnOnce(&mut Place),
) -> Result<u64, StoreError> {
    let (config, document) = (place.world.config(), wanted.to_string().into_bytes());
    let (planned, plan) = std::sync::mpsc::channel();
    let (resume, resumed) = std::sync::mpsc::channel();
    // Its runtime is its own.
    let writing = std::thread::spawn(move || {
        let mut store = store(&config);
        let plan = Plan::of(&mut store, records_of(&[document]).unwrap(), "raced").unwrap();
        planned.send(()).unwrap();
        resumed.recv().unwrap();
        store.apply(&plan.change, plan.on, &mut |_| {})
    });
    plan.recv().unwrap();
    meanwhile(place).await;
    resume.send(()).unwrap();
    writing.join().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_after_it_was_read_is_not_overwritten() {
    let mut place = Place::empty().await;
    let key = |rest: &str| format!("v1/tenants/{L}/{rest}");
    // Two partners changed and one new, and the same with three hundred more.
    for more in [0, 300] {
        place.applied(&shut_out(2, 0));
        let active = place.held(&key("active")).await[0].1.clone();
        let generation: u64 = active.parse().unwrap();
        let whats = [
            "a partner",
            "a new one",
            "settings",
            "active",
            "the marker",
            "a change",
            "another tenant",
            "nothing",
        ];
        for (version, what) in (1..).zip(whats) {
            // Of a large change the generation is copied: what is written to it without its marker is overwritten, as it
            // would have been a moment before.
            if more > 0 && ["a partner", "a new one"].contains(&what) {
                continue;
            }
            let wanted = shut_out(3 + more, version);
            let mut before = Vec::new();
            let made = between(&mut place, &wanted, async |place| {
                match what {
                    "a partner" => place.writer.partner(L, generation, &somebody(0, "allowed", 7)).await,
                    "a new one" => place.writer.partner(L, generation, &somebody(2, "allowed", 7)).await,
                    "settings" => place.writer.settings(L, &settings("blocked")).await,
                    "active" => place.writer.put(&key("active"), &active).await,
                    "the marker" => place.writer.put(&key(&format!("gen/{generation}/partners/")), "").await,
                    "another tenant" => {
                        // Of nothing that the change touches.
                        let mut other = shut_out(2, 0);
                        let mut tenant = bundle("blocked", &[])["tenants"][0].clone();
                        tenant["tenantId"] = name(99).into();
                        other["tenants"].as_array_mut().unwrap().push(tenant);
                        place.applied(&other)
                    }
                    "a change" => {
                        let mut other = shut_out(2, 0);
                        other["tenants"][0]["displayName"] = json!(version.to_string());
                        place.applied(&other)
                    }
                    _ => 0,
                };
                before = place.held("").await;
            })
            .await;
            if what == "nothing" {
                assert_eq!(get(&place.world), (wanted, format!("revision {}", made.unwrap())));
                break;
            }
            assert!(matches!(made, Err(StoreError::Conflict { .. })), "{what}: {made:?}");
            assert_eq!(place.held("").await, before, "{what}: something was written");
            place.applied(&shut_out(2, 0));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generation_that_was_taken_away_is_not_flipped_to() {
    let mut place = Place::empty().await;
    place.applied(&shut_out(2, 0));
    let wanted = shut_out(3000, 1);
    place.world.write("next.json", &wanted.to_string());
    let writer = crate::operator::command(&place.world, &["apply", "next.json"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let generation = format!("v1/tenants/{L}/gen/2/");
    while place.held(&generation).await.is_empty() {}
    place.writer.delete(&format!("{generation}partners/")).await;
    let output = writer.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(get(&place.world).0, shut_out(2, 0));
    assert!(place.held(&generation).await.is_empty(), "and what was written is removed: {}", name(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_became_of_a_change_whose_answer_was_lost_is_looked_for() {
    let place = Place::empty().await;
    place.applied(&shut_out(2, 0));
    let proxy = Proxy::to(&place.cluster.endpoints()[0]).await;
    let behind = world(std::slice::from_ref(&proxy.endpoint), &json!({}));
    proxy.fault(Fault::LoseAnswerTo(r#""what":"apply""#));
    let done = apply(&behind, &shut_out(2, 1), &[]);
    assert!(proxy.has_happened());
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(get(&place.world), (shut_out(2, 1), format!("revision {}", revision(&done.out))));
    // It never arrived; but who can tell.
    proxy.fault(Fault::LoseRequest(r#""what":"apply""#));
    let unsure = apply(&behind, &shut_out(2, 2), &[]);
    assert!(proxy.has_happened());
    assert_eq!((unsure.code, unsure.out.as_str()), (2, ""));
    assert!(unsure.err.contains("nobody knows whether the change was made"), "{}", unsure.err);
    assert!(unsure.err.contains("`tenantgate policy history`"), "{}", unsure.err);
    assert_eq!(get(&place.world).0, shut_out(2, 1));
    assert_eq!(history(&place.world).as_array().unwrap().len(), 2);
    assert_eq!(apply(&behind, &shut_out(2, 2), &[]).code, 0);
}
