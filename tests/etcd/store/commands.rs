//! Each command, on changes that are one transaction.

use etcd_client::CompactionOptions;
use serde_json::{Value, json};

use super::{Place, history, name, revision, shut_out, somebody};
use crate::harness::{Client, L};
use crate::operator::{apply, bundle, get, policy};
use crate::scene::{self, LET_IN, SHUT_OUT, guest_of, named, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_applied_is_got_and_followed_at_the_revision_that_is_told() {
    let mut place = Place::empty().await;
    let nothing = policy(&place.world, &["get"]);
    assert_eq!((nothing.code, nothing.out.as_str()), (2, ""));
    assert!(nothing.err.contains("holds no policy yet"), "{}", nothing.err);
    assert_eq!(policy(&place.world, &["history"]).code, 2);
    // What others have in the cluster is nobody's policy.
    place.writer.0.put("/elsewhere", "1", None).await.unwrap();
    let first = shut_out(3, 1);
    let at = place.applied(&first);
    assert_eq!(get(&place.world), (first.clone(), format!("revision {at}")));
    let again = apply(&place.world, &first, &[]);
    assert_eq!((again.code, again.out), (0, format!("nothing to change; revision {at}\n")));

    let app = place.world.ready().await;
    let mut envoy = Client::connect(&app.check);
    let decision = envoy.decide(&guest_of(&name(0))).await;
    assert_eq!((told(&decision).as_str(), named(&decision)), (SHUT_OUT, at));
    // A partner changed, one new, one gone; then settings alone; then all in one.
    let mut partners = vec![somebody(0, "allowed", 2), somebody(1, "blocked", 1), somebody(3, "blocked", 2)];
    partners.sort_by_key(|partner| partner["tenantId"].as_str().unwrap().to_owned());
    let mut next = bundle("allowed", &partners);
    for (what, expected) in [("partners", LET_IN), ("settings", LET_IN), ("both", SHUT_OUT)] {
        if what != "partners" {
            next["tenants"][0]["displayName"] = what.into();
        }
        if what == "both" {
            next["tenants"][0]["crossTenantAccessPolicy"]["partners"] = json!([somebody(0, "blocked", 3)]);
        }
        let at = place.applied(&next);
        let decision = loop {
            let decision = envoy.decide(&guest_of(&name(0))).await;
            if named(&decision) >= at {
                break decision;
            }
        };
        assert_eq!((told(&decision).as_str(), named(&decision)), (expected, at), "{what}");
        assert_eq!(get(&place.world), (next.clone(), format!("revision {at}")), "{what}");
    }
    assert_eq!(place.generations().await, [1]);
    let told = history(&place.world);
    assert_eq!(told.as_array().unwrap().len(), 4);
    assert_eq!(told[2]["partners"], json!({"added": 1, "changed": 1, "removed": 1}));
    assert_eq!(told[1]["tenants"], json!({"added": 0, "changed": 1, "removed": 0}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_by_hand_is_read_and_replaced() {
    let mut place = Place::empty().await;
    let spaced = json!({"tenantId": name(0), "version": 1});
    let key = |rest: &str| format!("v1/tenants/{L}/{rest}");
    place.writer.put(&key(&format!("gen/7/partners/{}", name(0))), &format!("{spaced:#}")).await;
    place.writer.put(&key("active"), "7\n").await;
    let at = place.writer.settings(L, &scene::settings("blocked")).await;
    assert_eq!(policy(&place.world, &["history"]).out, "", "nobody recorded that");
    let mut expected = bundle("blocked", &[spaced]);
    assert_eq!(get(&place.world), (expected.clone(), format!("revision {at}")));
    // Not text, nobody's, and no JSON: what is to be there takes the place of what is not.
    let record = format!("/tenantgate/{}", key(&format!("gen/7/partners/{}", name(1))));
    place.writer.0.put(record, b"\xff\xfe".as_slice(), None).await.unwrap();
    place.writer.put(&key("gen/7/partners/nobody"), "{}").await;
    assert_eq!(policy(&place.world, &["get"]).code, 2);
    expected["tenants"][0]["crossTenantAccessPolicy"]["partners"] = json!([somebody(1, "blocked", 1)]);
    let at = place.applied(&expected);
    assert_eq!(get(&place.world), (expected.clone(), format!("revision {at}")));
    // A tenant by half is no tenant, and is made one.
    for (broken, value) in [("active", Some("x")), ("active", None), ("settings", None)] {
        match value {
            Some(value) => place.writer.put(&key(broken), value).await,
            None => place.writer.delete(&key(broken)).await,
        };
        let at = place.applied(&expected);
        assert_eq!(get(&place.world), (expected.clone(), format!("revision {at}")), "{broken}");
    }
    assert!(place.held("v1/changes/").await.iter().all(|(_, record)| record.contains(r#""what":"apply""#)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_made_on_the_expected_revision_alone() {
    let mut place = Place::empty().await;
    let version = |version| shut_out(2, version);
    assert_eq!(apply(&place.world, &version(0), &["--acknowledge", "--expect-revision", "1"]).code, 4);
    let first = apply(&place.world, &version(0), &["--acknowledge", "--expect-revision", "0"]);
    let at = revision(&first.out);
    // By hand, too.
    let by_hand = place.writer.partner(L, 1, &somebody(0, "blocked", 9)).await;
    let late = apply(&place.world, &version(1), &["--expect-revision", &at.to_string()]);
    assert_eq!(late.code, 4);
    assert!(late.err.contains(&format!("the store has revision {by_hand}, not {at}")), "{}", late.err);
    assert_eq!(apply(&place.world, &version(1), &["--expect-revision", &by_hand.to_string()]).code, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_is_removed_leaves_nothing() {
    let mut place = Place::empty().await;
    let mut both = shut_out(2, 1);
    let mut other = both["tenants"][0].clone();
    other["tenantId"] = name(99).into();
    both["tenants"].as_array_mut().unwrap().push(other);
    place.applied(&both);
    assert_eq!(place.held(&format!("v1/tenants/{}/", name(99))).await.len(), 5);
    let alone = shut_out(2, 1);
    let asked = apply(&place.world, &alone, &[]);
    assert_eq!(asked.code, 3, "{}", asked.err);
    let at = place.applied(&alone);
    assert_eq!(get(&place.world), (alone, format!("revision {at}")));
    assert!(place.held(&format!("v1/tenants/{}/", name(99))).await.is_empty());
    let back = policy(&place.world, &["rollback", &(at - 1).to_string(), "--acknowledge"]);
    assert_eq!(back.code, 0, "{}", back.err);
    let (mut got, _) = get(&place.world);
    got["tenants"].as_array_mut().unwrap().sort_by_key(|tenant| tenant["tenantId"] != L);
    assert_eq!(got, both);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollback_reaches_back_to_what_etcd_compacted() {
    let mut place = Place::empty().await;
    let mut made = Vec::new();
    for version in 0..4 {
        let next = shut_out(2 + version % 2, version);
        made.push((place.applied(&next), next));
    }
    let by_hand = place.writer.partner(L, 1, &somebody(0, "blocked", 77)).await;
    let (after_hand, _) = get(&place.world);
    let back = |to: i64| {
        let done = policy(&place.world, &["rollback", &to.to_string(), "--acknowledge"]);
        assert_eq!(done.code, 0, "{}", done.err);
        assert_eq!(get(&place.world).1, format!("revision {}", revision(&done.out)));
    };
    for (at, version) in [&made[0], &made[2], &made[1], &made[3]] {
        back(*at);
        assert_eq!(&get(&place.world).0, version);
    }
    // What was written by hand has no record, and is reached all the same.
    back(by_hand);
    assert_eq!(get(&place.world).0, after_hand);
    for unknown in ["0", "1", "99999", "18446744073709551615"] {
        let refused = policy(&place.world, &["rollback", unknown]);
        assert_eq!(refused.code, 2);
        assert!(refused.err.contains("is not kept"), "{}", refused.err);
    }
    let whole = CompactionOptions::new().with_physical();
    place.writer.0.compact(made[2].0, Some(whole)).await.unwrap();
    let told = history(&place.world);
    let kept: Vec<_> = told.as_array().unwrap().iter().map(|past| past["kept"] == true).collect();
    assert_eq!(kept, [true, true, true, true, true, true, true, false, false], "{told}");
    assert_eq!(told[0]["what"], Value::from(format!("rollback to {by_hand}")));
    let refused = policy(&place.world, &["rollback", &made[1].0.to_string()]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("is not kept"), "{}", refused.err);
    assert!(policy(&place.world, &["history"]).out.lines().last().unwrap().ends_with("; not kept"));
    let done = policy(&place.world, &["rollback", &made[2].0.to_string(), "--acknowledge"]);
    assert_eq!((done.code, get(&place.world).0), (0, made[2].1.clone()), "{}", done.err);
}
