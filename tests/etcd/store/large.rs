//! Changes that etcd does not take at once: a generation of their own, and a flip.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Place, history, name, revision, shut_out};
use crate::harness::{Client, L};
use crate::operator::{apply, command, get};
use crate::scene::{SHUT_OUT, guest_of, named, told};

/// Not one page, not one request, and not one part of a generation.
const PARTNERS: usize = 3000;
/// Whose people come.
const ASKED: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_change_is_there_at_once_and_nobody_gets_in_meanwhile() {
    let mut place = Place::empty().await;
    place.applied(&shut_out(PARTNERS, 0));
    let (app, done) = (place.world.ready().await, Arc::new(AtomicBool::new(false)));
    let asked: Arc<Vec<_>> = Arc::new((0..ASKED).map(|number| guest_of(&name(number))).collect());
    let readers: Vec<_> = (0..2)
        .map(|reader| {
            let (mut envoy, asked, done) =
                (Client::connect(&app.check), Arc::clone(&asked), Arc::clone(&done));
            tokio::spawn(async move {
                let (mut answers, mut last) = (0_usize, 0);
                for number in (reader * ASKED / 2..).map(|number| number % ASKED) {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    // Whoever has no record would be let in.
                    let decision = envoy.decide(&asked[number]).await;
                    assert_eq!(decision["effect"], "deny", "partner {number}: {decision:?}");
                    assert!(named(&decision) >= last || named(&decision) == 0, "{last} {decision:?}");
                    last = named(&decision).max(last);
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    // All of them, some of them, and one, which is a small one.
    let mut expected = shut_out(PARTNERS, 0);
    for (version, changed) in [(1, PARTNERS), (2, 200), (3, 1), (4, PARTNERS)] {
        let partners = expected.pointer_mut("/tenants/0/crossTenantAccessPolicy/partners").unwrap();
        for partner in partners.as_array_mut().unwrap().iter_mut().take(changed) {
            partner["version"] = version.into();
        }
        let at = place.applied(&expected);
        assert_eq!(get(&place.world), (expected.clone(), format!("revision {at}")), "version {version}");
        let mut envoy = Client::connect(&app.check);
        let mut followed = async || {
            while named(&envoy.decide(&asked[0]).await) < at {}
        };
        tokio::time::timeout(Duration::from_secs(30), followed()).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        let answers = reader.await.unwrap();
        assert!(answers > 1000, "{answers}");
    }
    // Those that count, and those before them.
    assert_eq!(place.generations().await, [3, 4]);
    assert_eq!(history(&place.world)[0]["partners"]["changed"], PARTNERS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_command_left_does_not_count_and_is_removed() {
    let mut place = Place::empty().await;
    let first = shut_out(PARTNERS, 0);
    let at = place.applied(&first);
    let app = place.world.ready().await;
    let mut envoy = Client::connect(&app.check);
    for attempt in 1..4 {
        place.world.write("next.json", &shut_out(PARTNERS, attempt).to_string());
        let mut command = command(&place.world, &["apply", "next.json"]);
        let mut writer = command.stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        let generation = format!("v1/tenants/{L}/gen/{}/", attempt + 1);
        // In the midst of it.
        while place.held(&generation).await.len() < 500 {
            assert!(begun.elapsed() < Duration::from_secs(30) && writer.try_wait().unwrap().is_none());
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        assert_eq!(get(&place.world), (first.clone(), format!("revision {at}")));
        let decision = envoy.decide(&guest_of(&name(attempt))).await;
        assert_eq!((told(&decision).as_str(), named(&decision)), (SHUT_OUT, at));
    }
    assert_eq!(place.generations().await, [1, 2, 3, 4]);
    let last = shut_out(PARTNERS, 9);
    let at = place.applied(&last);
    assert_eq!(get(&place.world), (last.clone(), format!("revision {at}")));
    loop {
        let decision = envoy.decide(&guest_of(&name(9))).await;
        assert_eq!(told(&decision), SHUT_OUT);
        if named(&decision) >= at {
            break;
        }
    }
    assert_eq!(place.generations().await, [1, 5], "sidecars that do not know of it yet read the one before");
    // What was claimed long ago is not written any more, though its number is a higher one.
    place.writer.put(&format!("v1/tenants/{L}/gen/9/partners/"), "1000000000").await;
    place.writer.put(&format!("v1/tenants/{L}/gen/9/partners/{}", name(0)), "{}").await;
    place.writer.put(&format!("v1/tenants/{L}/gen/8/partners/{}", name(0)), "{}").await;
    let mut small = last;
    small["tenants"][0]["displayName"] = json!("small");
    place.applied(&small);
    assert_eq!(place.generations().await, [1, 5, 8], "one without a marker may be somebody's by hand");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_begin_at_once_one_is_first_and_the_others_are_told() {
    let mut place = Place::empty().await;
    place.applied(&shut_out(PARTNERS, 0));
    let mut made = 1;
    // Large and small ones.
    for round in 1..4 {
        let wanted: Vec<_> = (0..4)
            .map(|writer| {
                let mut wanted = shut_out(PARTNERS, if writer % 2 == 0 { round } else { round - 1 });
                wanted["tenants"][0]["displayName"] = json!(format!("{round} by {writer}"));
                place.world.write(&format!("{writer}.json"), &wanted.to_string());
                wanted
            })
            .collect();
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let mut command = command(&place.world, &["apply", &format!("{writer}.json")]);
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
                command.spawn().unwrap()
            })
            .collect();
        let mut winners = Vec::new();
        for (writer, running) in writers.into_iter().enumerate() {
            let output = running.wait_with_output().unwrap();
            let told = |bytes| String::from_utf8(bytes).unwrap();
            match output.status.code() {
                Some(0) => winners.push((revision(&told(output.stdout)), writer)),
                code => assert_eq!(code, Some(4), "{}", told(output.stderr)),
            }
        }
        let (at, winner) = winners.iter().max().expect("one is first");
        assert_eq!(get(&place.world), (wanted[*winner].clone(), format!("revision {at}")));
        made += winners.len();
        assert_eq!(history(&place.world).as_array().unwrap().len(), made);
    }
    let last = apply(&place.world, &shut_out(PARTNERS, 9), &[]);
    assert_eq!(last.code, 0, "{}", last.err);
    assert!(place.generations().await.len() <= 2, "{:?}", place.generations().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_etcd_does_not_take_at_all_is_told() {
    let place = Place::empty().await;
    let mut long = shut_out(2, 0);
    long["tenants"][0]["displayName"] = json!("x".repeat(1_600_000));
    let refused = apply(&place.world, &long, &[]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("no more than 128 keys and 1.5 MiB"), "{}", refused.err);
    // As long as it takes them.
    let mut long = shut_out(3, 0);
    for partner in
        long.pointer_mut("/tenants/0/crossTenantAccessPolicy/partners").unwrap().as_array_mut().unwrap()
    {
        partner["padding"] = json!("x".repeat(1_400_000));
    }
    place.applied(&long);
    assert_eq!(get(&place.world).0, long);
    let app = place.world.ready().await;
    let mut envoy = Client::connect(&app.check);
    assert_eq!(told(&envoy.decide(&guest_of(&name(0))).await), SHUT_OUT);
}
