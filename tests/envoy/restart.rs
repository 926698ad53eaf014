//! tenantgate and Envoy are replaced under load, and nobody outside learns of it.
//!
//! `ROLLS=200 cargo test --release --test envoy restart -- --nocapture` is the long run, and tells its rate.

use tempfile::TempDir;

use crate::load::{Answers, Load};
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
