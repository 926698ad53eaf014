//! Envoy and tenantgate prove to each other who they are.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::authority::{Authority, Pair};
use crate::client::Request;
use crate::envoy::change;
use crate::gate::{EXAMPLE, Gate, write_policy};
use crate::load::Load;
use crate::patience::until;
use crate::scene::Scene;
use crate::upstream::Seen;

const MUTUAL: &str = include_str!("../../deploy/envoy/mtls.yaml");
const SPIFFE: &str = "spiffe://contoso.example/ns/edge/sa/envoy";

fn put(directory: &Path, name: &str, pair: &Pair) {
    for (kind, text) in [("pem", &pair.certificate), ("key", &pair.key)] {
        let beside = directory.join(".beside");
        fs::write(&beside, text).unwrap();
        fs::rename(beside, directory.join(format!("{name}.{kind}"))).unwrap();
    }
}

/// Envoy has a certificate of this name.
async fn scene(authority: &Authority, name: &str) -> Scene {
    let directory = TempDir::new().unwrap();
    write_policy(directory.path(), EXAMPLE);
    put(directory.path(), "server", &authority.server());
    put(directory.path(), "client", &authority.client(&[name]));
    fs::write(directory.path().join("ca.pem"), &authority.pem).unwrap();
    let tls = json!({
        "certificate": "server.pem", "key": "server.key", "client_ca": "ca.pem", "client_san": [SPIFFE],
    });
    let listen = json!({"check": "127.0.0.1:0", "reuse_port": true, "tls": {"check": tls}});
    let gate = Gate::start_on(&directory, &json!({"listen": listen})).await;
    let socket = MUTUAL.replace("/etc/envoy/tls", directory.path().to_str().unwrap());
    let cluster = "    - name: tenantgate\n      type: STATIC\n";
    Scene::beside(directory, gate, |placed| change(&placed, cluster, &format!("{cluster}{socket}"))).await
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

/// Loads of the check port's certificates so far.
async fn loads(scene: &Scene) -> String {
    let page = Request::new(scene.gate.admin(), "GET", "/metrics").send().await.body;
    let line = r#"tenantgate_certificate_loads_total{port="check",result="success"} "#;
    page.lines().find_map(|text| text.strip_prefix(line)).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_rotated_under_load_and_no_request_fails() {
    let authority = Authority::new();
    let mut scene = scene(&authority, SPIFFE).await.trusted().await;
    let load = Load::on(&scene);
    for _ in 0..2 {
        let before = loads(&scene).await;
        put(scene.directory.path(), "server", &authority.server());
        until("the certificates to be loaded", async || (loads(&scene).await != before).then_some(())).await;
        load.more(100).await;
        // Envoy stays connected; a restart makes it shake hands on the new ones.
        scene.gate.roll().await;
        load.more(100).await;
    }
    let answers = load.end().await;
    assert_eq!(answers.others, Vec::<(u16, String)>::new());
    let report: Value = Request::new(scene.gate.admin(), "GET", "/readyz").send().await.json();
    assert_eq!(report["certificates"], json!([{"port": "check", "problem": null}]));
}
