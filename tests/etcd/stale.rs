//! No stale grant: one partner after another is blocked while readers check it, and no answer that names the revision
//! of its block, or a later one, may let anybody in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client::{Txn, TxnOp};
use serde_json::json;

use crate::harness::{Client, L};
use crate::scene::{Scene, guest_of, named, partner, settings};

const PARTNERS: usize = 300;

fn somebody(number: usize) -> String {
    format!("0b1c2d3e-0000-4000-8000-{number:012}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_let_in_at_a_revision_that_blocks_them() {
    // Entries are read anew all the time, so that reads and events overtake each other.
    let more = json!({"partners": {"ttl": "2ms", "negative_ttl": "2ms"}});
    let mut scene = Scene::begin(1, &more).await;
    for number in 0..PARTNERS {
        scene.writer.partner(L, 1, &partner(&somebody(number), "allowed")).await;
    }
    let asked: Arc<Vec<_>> = Arc::new((0..PARTNERS).map(|number| guest_of(&somebody(number))).collect());
    let (current, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let readers: Vec<_> = (0..4)
        .map(|reader| {
            let (asked, current, done) = (Arc::clone(&asked), Arc::clone(&current), Arc::clone(&done));
            let mut client = Client::connect(&scene.app.check);
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for turn in 0.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    // The one that is being blocked, the next one, or one of those before.
                    let ahead = (turn + reader) % 4;
                    let number =
                        (current.load(Ordering::Relaxed) + 2).saturating_sub(ahead).min(PARTNERS - 1);
                    let decision = client.decide(&asked[number]).await;
                    let reason = decision["reason"].as_str().unwrap();
                    let expected = ["permitted", "users_and_applications_blocked"];
                    assert!(expected.contains(&reason), "{decision:?}");
                    answers.push((number, named(&decision), decision["effect"] == "allow"));
                }
                answers
            })
        })
        .collect();
    let mut blocked = Vec::new();
    for number in 0..PARTNERS {
        current.store(number, Ordering::Relaxed);
        let record = partner(&somebody(number), "blocked");
        let at = if number % 5 == 4 {
            // In one transaction with settings, which may be known before the watch tells of the partner.
            let mut changed = settings("blocked");
            changed["displayName"] = number.to_string().into();
            let put = |key: String, value: String| {
                TxnOp::put(format!("/tenantgate/v1/tenants/{L}/{key}"), value, None)
            };
            let record = put(format!("gen/1/partners/{}", somebody(number)), record.to_string());
            let txn = Txn::new().and_then([put("settings".to_owned(), changed.to_string()), record]);
            scene.writer.0.txn(txn).await.unwrap().header().unwrap().revision()
        } else {
            scene.writer.partner(L, 1, &record).await
        };
        blocked.push(at);
        tokio::time::sleep(Duration::from_millis(u64::try_from(number % 12).unwrap())).await;
    }
    done.store(true, Ordering::Relaxed);
    let (mut before, mut after, mut soon) = (0, 0, 0);
    for reader in readers {
        for (number, named, allowed) in reader.await.unwrap() {
            assert!(
                !allowed || named < blocked[number],
                "partner {number}, blocked at {}, got in at {named}",
                blocked[number]
            );
            before += usize::from(allowed);
            after += usize::from(!allowed);
            soon += usize::from(named == blocked[number]);
        }
    }
    assert!(before > 500 && after > 500 && soon > 100, "{before} {after} {soon}");
}
