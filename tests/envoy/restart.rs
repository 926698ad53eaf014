//! tenantgate and Envoy are replaced under load, and nobody outside learns of it.
//!
//! `ROLLS=200 cargo test --release --test envoy restart -- --nocapture` is the long run, and tells its rate.

use tempfile::TempDir;

use crate::envoy::Envoy;
use crate::load::{Answers, Load};
use crate::patience::until;
use crate::scene::Scene;

/// Restarts in each test, and answers between two of them.
fn rolls() -> usize {
    std::env::var_os("ROLLS").map_or(6, |rolls| rolls.into_string().unwrap().parse().unwrap())
}
const ANSWERS: usize = 100;

fn told(what: &str, answers: &Answers) {
    let Answers { count, took, others } = answers;
    assert!(others.is_empty(), "{what}: {} of {count} failed: {:?}", others.len(), others.first());
    #[expect(clippy::print_stderr, reason = "the long run is for its number")]
    {
        eprintln!("{what}: {count} answers in {took:.1?}, all of them 200");
    }
}

async fn restarted_again_and_again(mut scene: Scene, what: &str) {
    let load = Load::on(&scene);
    for _ in 0..rolls() {
        load.more(ANSWERS).await;
        scene.gate.roll().await;
    }
    load.more(ANSWERS).await;
    told(what, &load.end().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_over_tcp_fails_no_request() {
    restarted_again_and_again(Scene::that_rolls("127.0.0.1:0").await, "rolling restart over TCP").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_over_a_socket_fails_no_request() {
    let directory = TempDir::new().unwrap();
    let check = format!("unix:{}", directory.path().join("check.sock").display());
    restarted_again_and_again(Scene::that_rolls(&check).await, "rolling restart over a socket").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_restart_of_envoy_fails_no_request() {
    // Both have the same listener and find each other by the number.
    let edge = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let number = (std::process::id() % 30_000 + 1).to_string();
    let options = |epoch| {
        [
            "--base-id",
            &number,
            "--restart-epoch",
            epoch,
            "--drain-time-s",
            "1",
            "--parent-shutdown-time-s",
            "2",
        ]
    };
    let (mut scene, configuration) = Scene::with_options(&options("0"), |placed| {
        let place = "address: 127.0.0.1, port_value: 0}";
        let (before, after) = placed.rsplit_once(place).unwrap();
        format!("{before}address: 127.0.0.1, port_value: {}}}{after}", edge.port())
    })
    .await;
    assert_eq!(scene.envoy.edge, edge);
    let load = Load::on(&scene);
    load.more(ANSWERS).await;
    let directory = TempDir::new().unwrap();
    let next = Envoy::start_with(directory.path(), &configuration, &options("1")).await;
    load.more(ANSWERS).await;
    until("the former Envoy to end", async || scene.envoy.has_ended().then_some(())).await;
    load.more(ANSWERS).await;
    told("hot restart of Envoy", &load.end().await);
    drop(next);
}
