//! etcd's own proxy, which makes one watch of those of many: it numbers watches as it likes, and remembers answers.

use serde_json::json;

use crate::cluster::{Cluster, EtcdProxy, Writer};
use crate::harness::{Client, L};
use crate::scene::{P, Scene, partner, settings, told, world};

/// One that has P's record by way of the proxy.
pub(crate) async fn behind_etcds_proxy() -> (Scene, EtcdProxy) {
    let cluster = Cluster::start(1).await;
    let proxy = cluster.proxy().await;
    let mut writer = Writer(cluster.client().await);
    writer.policy(&partner(P, "allowed")).await;
    let world = world(std::slice::from_ref(&proxy.endpoint), &json!({}));
    let app = world.ready().await;
    let client = Client::connect(&app.check);
    (Scene { cluster, writer, app, client, world }, proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sidecars_behind_a_proxy_follow_every_change() {
    let (mut scene, _proxy) = behind_etcds_proxy().await;
    let other = scene.world.ready().await;
    let mut other = (Client::connect(&other.check), other);
    let mut generation = 1;
    for turn in 0..12_u32 {
        let access = if turn % 2 == 0 { "blocked" } else { "allowed" };
        // Partners, settings and generations in turn, none of them written by way of the proxy.
        let (expected, at) = match turn / 2 % 3 {
            0 => ("partner", scene.writer.partner(L, generation, &partner(P, access)).await),
            1 => {
                generation += 1;
                scene.writer.partner(L, generation, &partner(P, access)).await;
                ("partner", scene.writer.active(L, generation).await)
            }
            _ => {
                scene.writer.delete(&format!("v1/tenants/{L}/gen/{generation}/partners/{P}")).await;
                ("default", scene.writer.settings(L, &settings(access)).await)
            }
        };
        let effect =
            if access == "allowed" { "allow permitted" } else { "deny users_and_applications_blocked" };
        for _ in 0..2 {
            let decision = scene.ask_at(P, at).await;
            assert_eq!(told(&decision), format!("{effect} by {expected}"), "turn {turn}");
            std::mem::swap(&mut scene.client, &mut other.0);
        }
    }
}
