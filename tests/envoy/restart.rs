//! tenantgate and Envoy are replaced under load, and nobody outside learns of it.
//!
//! `ROLLS=200 cargo test --release --test envoy restart -- --nocapture` is the long run, and tells its rate.

use std::fs;

use tempfile::TempDir;
use tokio::task::block_in_place;

use crate::envoy::{Envoy, change};
use crate::gate::{EXAMPLE, Gate, document, write_policy};
use crate::load::{Answers, Load};
use crate::patience::until;
use crate::process::Process;
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

/// As `deploy/systemd/roll` does: one that is ready, and then a SIGTERM for the one before.
async fn processes_take_turns(mut scene: Scene, what: &str) {
    let directory = scene.directory.path().to_owned();
    let mut config = document();
    config["listen"]["check"] = scene.gate.address().to_string().into();
    config["listen"]["reuse_port"] = true.into();
    fs::write(directory.join("config.json"), config.to_string()).unwrap();
    let start = || block_in_place(|| Process::start(&directory, &[]));
    let load = Load::on(&scene);
    let mut present = start();
    scene.gate.stop().await;
    for _ in 0..rolls() {
        load.more(ANSWERS).await;
        let next = start();
        present.terminate();
        let (status, _) = block_in_place(|| present.ended());
        assert!(status.success(), "{status}");
        present = next;
    }
    load.more(ANSWERS).await;
    told(what, &load.end().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_take_turns_at_a_port_fail_no_request() {
    processes_take_turns(Scene::that_rolls("127.0.0.1:0").await, "processes at a port").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_take_turns_at_a_socket_fail_no_request() {
    let directory = TempDir::new().unwrap();
    let check = format!("unix:{}", directory.path().join("check.sock").display());
    processes_take_turns(Scene::that_rolls(&check).await, "processes at a socket").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_is_restarted_in_turn_fails_no_request() {
    let directory = TempDir::new().unwrap();
    write_policy(directory.path(), EXAMPLE);
    let first = Gate::start(&directory, "127.0.0.1:0").await;
    let mut others = [first.another().await, first.another().await];
    let endpoint = |port: &str| {
        format!(
            "              - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}\n"
        )
    };
    let port = |gate: &Gate| gate.address().to_string().rsplit_once(':').unwrap().1.to_owned();
    let all: String = [&first, &others[0], &others[1]].map(|gate| endpoint(&port(gate))).concat();
    let mut scene =
        Scene::of(directory, first, |placed, gate| change(&placed, &endpoint(&port(gate)), &all)).await;
    let load = Load::on(&scene);
    for which in (0..3).cycle().take(rolls() / 2) {
        until("Envoy to find them all", async || (scene.envoy.trusted_gates().await == 3).then_some(()))
            .await;
        load.more(ANSWERS).await;
        let gate = if which == 2 { &mut scene.gate } else { &mut others[which] };
        gate.stop().await;
        load.more(ANSWERS).await;
        gate.restart().await;
    }
    told("a fleet, restarted in turn", &load.end().await);
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
