//! The principal map in the store: who a guest is at home, principal by principal.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tenantgate::app::App;

use crate::cluster::{Cluster, Writer};
use crate::harness::{Asked, Client, L, World, signer};
use crate::proxy::Proxy;
use crate::scene::{P, inbound, named, world};

const ONE: &str = "0a1b2c3d-0000-4000-8000-00000000000a";
const TWO: &str = "0a1b2c3d-0000-4000-8000-00000000000b";
const LISTED: &str = "0a1b2c3d-0000-4000-8000-0000000000aa";
const OTHER: &str = "0a1b2c3d-0000-4000-8000-0000000000bb";

/// Of P only the listed user may come in, and only the map tells who a guest is.
struct Gate {
    cluster: Cluster,
    writer: Writer,
    proxy: Proxy,
    world: World,
    app: App,
    envoy: Client,
}

impl Gate {
    async fn open() -> Self {
        let cluster = Cluster::start(1).await;
        let mut writer = Writer(cluster.client().await);
        writer.policy(&partner()).await;
        writer.put(&key(TWO), &home(LISTED)).await;
        let proxy = Proxy::to(&cluster.endpoints()[0]).await;
        let world = world(std::slice::from_ref(&proxy.endpoint), &json!({"policy": {"max_staleness": "8s"}}));
        let app = world.ready().await;
        let envoy = Client::connect(&app.check);
        Self { cluster, writer, proxy, world, app, envoy }
    }

    async fn decision(&mut self, object: &str) -> Map<String, Value> {
        let home = format!("https://sts.windows.net/{P}/");
        let token = signer().mint(&json!({"tid": L, "idp": home, "aud": "api://orders", "oid": object}));
        self.envoy.decide(&Asked::with_token(&token)).await
    }

    async fn reason(&mut self, object: &str) -> Value {
        self.decision(object).await["reason"].clone()
    }

    /// Asks until it is so.
    async fn until(&mut self, object: &str, expected: &str) {
        let begun = Instant::now();
        loop {
            let reason = self.reason(object).await;
            if reason == expected {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{object} still {reason}, not {expected}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn rejected(&self) -> Option<String> {
        let answer = reqwest::get(format!("http://{}/readyz", self.app.admin)).await.unwrap();
        let report: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        report["policy"]["rejected"].as_str().map(str::to_owned)
    }
}

/// Whose listed user may come in.
fn partner() -> Value {
    let mut partner = json!({"tenantId": P, "b2bCollaborationInbound": inbound("allowed")});
    partner["b2bCollaborationInbound"]["usersAndGroups"]["targets"] =
        json!([{"target": LISTED, "targetType": "user"}]);
    partner
}

fn key(object: &str) -> String {
    format!("v1/principals/{L}/{object}")
}

fn home(object: &str) -> String {
    json!({"homeTenant": P, "homeOid": object}).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_principal_is_known_as_soon_as_its_key_says_so_and_no_longer() {
    let mut gate = Gate::open().await;
    assert_eq!(gate.reason(ONE).await, "principal_unresolved");
    assert_eq!(gate.reason(TWO).await, "permitted", "known from the beginning");
    gate.writer.put(&key(ONE), &home(LISTED)).await;
    gate.until(ONE, "permitted").await;
    gate.writer.put(&key(ONE), &home(OTHER)).await;
    gate.until(ONE, "users_blocked").await;
    gate.writer.put(&key(ONE), &home(LISTED)).await;
    gate.until(ONE, "permitted").await;
    gate.writer.delete(&key(ONE)).await;
    gate.until(ONE, "principal_unresolved").await;
    assert_eq!(gate.reason(TWO).await, "permitted");
    // Without the store what is known stays, and what was missed is made up for though it was compacted.
    gate.cluster.kill(0);
    assert_eq!(gate.reason(TWO).await, "permitted");
    gate.cluster.run(0);
    gate.cluster.settled().await;
    gate.writer.delete(&key(TWO)).await;
    let at = gate.writer.put(&key(ONE), &home(LISTED)).await;
    gate.writer.0.compact(at, None).await.unwrap();
    gate.until(ONE, "permitted").await;
    gate.until(TWO, "principal_unresolved").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_principal_that_cannot_be_read_nothing_is_known_and_the_others_go_on() {
    let mut gate = Gate::open().await;
    let unknown = format!(r#"{{"homeTenant":"{P}","homeOid":"{LISTED}","groups":[]}}"#);
    let twice = format!(r#"{{"homeTenant":"{P}","homeOid":"{OTHER}","homeOid":"{LISTED}"}}"#);
    for bad in ["", "{", "[]", r#"{"homeOid":"x"}"#, &unknown, &twice] {
        gate.writer.put(&key(ONE), &home(LISTED)).await;
        gate.until(ONE, "permitted").await;
        let at = gate.writer.put(&key(ONE), bad).await;
        gate.until(ONE, "principal_unresolved").await;
        assert_eq!(gate.reason(TWO).await, "permitted", "{bad}");
        let told = gate.rejected().await.expect(bad);
        assert!(told.contains(&format!("1 of the principals cannot be used, and nothing is known of them; the first was written at revision {at}")), "{told}");
        assert!(!told.contains(ONE) && !told.contains(LISTED), "that is personal: {told}");
    }
    // In another spelling it is nobody's key, for two of them could say two things.
    gate.writer.put(&key(ONE), &home(OTHER)).await;
    gate.until(ONE, "users_blocked").await;
    assert_eq!(gate.rejected().await, None);
    gate.writer.put(&key(&ONE.to_uppercase()), &home(LISTED)).await;
    while gate.rejected().await.is_none() {}
    assert_eq!(gate.reason(ONE).await, "users_blocked");
    // And who starts now sees the same.
    let app = gate.world.ready().await;
    gate.envoy = Client::connect(&app.check);
    assert_eq!(
        (gate.reason(ONE).await, gate.reason(TWO).await),
        (json!("users_blocked"), json!("permitted"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_watch_did_not_tell_of_principals_is_made_up_for() {
    let mut gate = Gate::open().await;
    for _ in 0..20 {
        gate.writer.put(&key(ONE), &home(LISTED)).await;
        gate.until(ONE, "permitted").await;
        let before = gate.proxy.swallowed();
        gate.proxy.mute_watches();
        gate.writer.delete(&key(ONE)).await;
        gate.until(ONE, "principal_unresolved").await;
        if gate.proxy.swallowed() > before {
            return;
        }
    }
    panic!("no event went missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_compacted_of_principals_alone_is_read_again() {
    let mut gate = Gate::open().await;
    assert_eq!(gate.reason(TWO).await, "permitted");
    // The watch of partners knows of the last of these, that of principals of nothing.
    let mut at = 0;
    for _ in 0..3 {
        at = gate.writer.partner(L, 1, &partner()).await;
    }
    loop {
        let decision = gate.decision(TWO).await;
        if named(&decision) >= at {
            break;
        }
    }
    gate.writer.0.compact(at, None).await.unwrap();
    gate.proxy.mute_watches();
    gate.writer.delete(&key(TWO)).await;
    gate.until(TWO, "principal_unresolved").await;
    gate.writer.put(&key(TWO), &home(LISTED)).await;
    gate.until(TWO, "permitted").await;
}
