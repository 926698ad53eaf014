//! Envoy and tenantgate prove to each other who they are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::authority::{Authority, Pair};
use crate::client::Request;
use crate::envoy::change;
use crate::gate::{EXAMPLE, Gate, write_policy};
use crate::load::Load;
use crate::patience::until;
use crate::proof::{serial, shown_by};
use crate::scene::Scene;
use crate::upstream::Seen;

const MUTUAL: &str = include_str!("../../deploy/envoy/mtls.yaml");
const CLIENT: &str = include_str!("../../deploy/envoy/mtls-client.yaml");
const AUTHORITY: &str = include_str!("../../deploy/envoy/mtls-authority.yaml");
const SPIFFE: &str = "spiffe://contoso.example/ns/edge/sa/envoy";

/// The directory that both have their certificates in.
fn tls(scene: &TempDir) -> PathBuf {
    scene.path().join("tls")
}

fn put(directory: &Path, name: &str, text: &str) {
    let beside = directory.join(".beside");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, directory.join(name)).unwrap();
}

fn put_pair(directory: &Path, name: &str, pair: &Pair) {
    put(directory, &format!("{name}.pem"), &pair.certificate);
    put(directory, &format!("{name}.key"), &pair.key);
}

/// Envoy has a certificate of this name.
async fn scene(authority: &Authority, name: &str) -> Scene {
    let directory = TempDir::new().unwrap();
    write_policy(directory.path(), EXAMPLE);
    let tls = tls(&directory);
    let here = |shipped: &str| shipped.replace("/etc/envoy/tls", tls.to_str().unwrap());
    fs::create_dir(&tls).unwrap();
    put_pair(&tls, "server", &authority.server());
    put_pair(&tls, "client", &authority.client(&[name]));
    for name in ["ca.pem", "clients.pem"] {
        put(&tls, name, &authority.pem);
    }
    for (name, shipped) in [("mtls-client.yaml", CLIENT), ("mtls-authority.yaml", AUTHORITY)] {
        put(&tls, name, &here(shipped));
    }
    let check = json!({
        "certificate": "tls/server.pem",
        "key": "tls/server.key",
        "client_ca": "tls/clients.pem",
        "client_san": [SPIFFE],
    });
    let listen = json!({"check": "127.0.0.1:0", "tls": {"check": check}});
    let gate = Gate::start_on(&directory, &json!({"listen": listen})).await;
    Scene::beside(directory, gate, |placed| {
        let cluster = "    - name: tenantgate\n      type: STATIC\n";
        let placed = change(&placed, cluster, &format!("{cluster}{}", here(MUTUAL)));
        let options =
            "          explicit_http_config:\n            http2_protocol_options:\n              # As";
        // As README.md there has it, but not for an hour.
        let short = "          common_http_protocol_options: {max_connection_duration: 0.2s}\n";
        let placed = change(&placed, options, &format!("{short}{options}"));
        // A handshake takes its time where much else is done.
        placed.replace("connect_timeout: 0.25s", "connect_timeout: 20s")
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_with_the_right_name_is_answered() {
    let scene = scene(&Authority::new(), SPIFFE).await.trusted().await;
    Seen::of(&scene.get("/orders").bearer(&scene.gate.internal()).send().await);
    let answer = scene.get("/orders").send().await;
    assert_eq!((answer.status, answer.problem().reason()), (401, "token_missing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_with_another_name_is_not_and_lets_nothing_by() {
    let scene = scene(&Authority::new(), "spiffe://contoso.example/ns/edge/sa/other").await;
    for _ in 0..5 {
        let answer = scene.get("/orders").bearer(&scene.gate.internal()).send().await;
        assert_eq!((answer.status, &*answer.body), (503, ""), "{answer:?}");
    }
    assert_eq!(scene.upstream.requests(), 0);
}

/// Puts new certificates into the hands of both, under load.
struct Hands<'a> {
    scene: &'a Scene,
    load: &'a Load,
}

impl Hands<'_> {
    fn put(&self, name: &str, text: &str) {
        put(&tls(&self.scene.directory), name, text);
    }

    fn put_pair(&self, name: &str, pair: &Pair) {
        put_pair(&tls(&self.scene.directory), name, pair);
    }

    /// Waits until tenantgate shows `server` to whoever shows it `client`.
    async fn served(&self, authority: &Authority, client: &Pair, server: &Pair) {
        let gate = self.scene.gate.address();
        until("tenantgate to show its certificate", async || {
            let shown = shown_by(gate, authority, client).await?;
            (shown == serial(&server.certificate)).then_some(())
        })
        .await;
    }

    /// Waits until Envoy tells of these certificates among those that it has and believes. Of a file with several it
    /// tells of the first, and of former ones while a connection has them, as that of its health checks may.
    async fn taken(&self, expected: &[&str]) {
        let expected: BTreeSet<_> = expected.iter().map(|pem| serial(pem)).collect();
        until("Envoy to take its certificates", async || {
            self.scene.envoy.certificates().await?.is_superset(&expected).then_some(())
        })
        .await;
    }

    /// Waits until Envoy has shaken hands anew, and answers were given over these connections.
    async fn shaken(&self) {
        let enough = self.scene.envoy.handshakes().await + 6;
        until("Envoy to shake hands", async || (self.scene.envoy.handshakes().await >= enough).then_some(()))
            .await;
        self.load.more(100).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_certificate_is_rotated_under_load_while_both_run_and_no_request_fails() {
    let (old, new) = (Authority::new(), Authority::new());
    let scene = scene(&old, SPIFFE).await.trusted().await;
    let load = Load::on(&scene);
    let hands = Hands { scene: &scene, load: &load };
    let probe = old.client(&[SPIFFE]);

    // By the same authority.
    let (server, client) = (old.server(), old.client(&[SPIFFE]));
    hands.put_pair("server", &server);
    hands.put_pair("client", &client);
    hands.served(&old, &probe, &server).await;
    hands.taken(&[&client.certificate, &old.pem]).await;
    hands.shaken().await;

    // By another, which first is believed beside the former, and then alone.
    let both = format!("{}{}", new.pem, old.pem);
    hands.put("ca.pem", &both);
    hands.put("clients.pem", &both);
    hands.taken(&[&client.certificate, &new.pem]).await;
    let probe = new.client(&[SPIFFE]);
    hands.served(&old, &probe, &server).await;
    let (server, client) = (new.server(), new.client(&[SPIFFE]));
    hands.put_pair("server", &server);
    hands.put_pair("client", &client);
    hands.served(&new, &probe, &server).await;
    hands.taken(&[&client.certificate, &new.pem]).await;
    hands.put("ca.pem", &new.pem);
    hands.put("clients.pem", &new.pem);
    until("tenantgate to forget the former authority", async || {
        shown_by(scene.gate.address(), &new, &old.client(&[SPIFFE])).await.is_none().then_some(())
    })
    .await;
    hands.shaken().await;

    let answers = load.end().await;
    assert_eq!(answers.others, Vec::<(u16, String)>::new());
    let report: Value = Request::new(scene.gate.admin(), "GET", "/readyz").send().await.json();
    assert_eq!(report["certificates"], json!([{"port": "check", "problem": null}]));
}
