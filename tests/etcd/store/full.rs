//! A store without room.

use etcd_client::{AlarmAction, AlarmType, Client as Etcd, CompactionOptions};

use super::{Place, name, shut_out};
use crate::cluster::Cluster;
use crate::harness::Client;
use crate::operator::{apply, get};
use crate::scene::{SHUT_OUT, guest_of, named, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_store_is_told_of_read_on_and_written_again_once_there_is_room() {
    let cluster = Cluster::with(1, "http", &["--quota-backend-bytes=6000000".to_owned()]);
    cluster.settled().await;
    let mut place = Place::on(cluster).await;
    let mut last = shut_out(2000, 0);
    let mut at = place.applied(&last);
    let app = place.world.ready().await;
    let mut envoy = Client::connect(&app.check);
    let full = (1..100).find_map(|version| {
        let next = shut_out(2000, version);
        let done = apply(&place.world, &next, &[]);
        if done.code == 0 {
            (last, at) = (next, super::revision(&done.out));
            return None;
        }
        Some(done)
    });
    let full = full.expect("there is an end to six megabytes");
    assert_eq!(full.code, 2, "{}", full.out);
    assert!(full.err.contains("is full") && full.err.contains("disarm the alarm"), "{}", full.err);
    // As large or as small as it may be.
    let mut small = last.clone();
    small["tenants"][0]["displayName"] = "small".into();
    assert!(apply(&place.world, &small, &[]).err.contains("is full"));
    assert_eq!(get(&place.world), (last.clone(), format!("revision {at}")));
    for number in 0..200 {
        let decision = envoy.decide(&guest_of(&name(number))).await;
        assert_eq!((told(&decision).as_str(), named(&decision) <= at), (SHUT_OUT, true));
    }
    let mut etcd = Etcd::connect(place.cluster.endpoints(), None).await.unwrap();
    let now = etcd.get("any", None).await.unwrap().header().unwrap().revision();
    etcd.compact(now, Some(CompactionOptions::new().with_physical())).await.unwrap();
    etcd.defragment().await.unwrap();
    let member = etcd.status().await.unwrap().header().unwrap().member_id();
    let mut disarmed = etcd_client::AlarmOptions::new();
    disarmed.with_member(member);
    etcd.alarm(AlarmAction::Deactivate, AlarmType::Nospace, Some(disarmed)).await.unwrap();
    let at = place.applied(&small);
    assert_eq!(get(&place.world), (small, format!("revision {at}")));
    loop {
        let decision = envoy.decide(&guest_of(&name(0))).await;
        assert_eq!(told(&decision), SHUT_OUT);
        if named(&decision) >= at {
            break;
        }
    }
    assert!(place.generations().await.len() <= 2, "{:?}", place.generations().await);
}
