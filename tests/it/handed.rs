//! Sockets that are handed over, and processes that come and go on them.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::harness::{Asked, L, World, signer};
use crate::patience::within;
use crate::process::{Process, listener};
use crate::raw::{Raw, reason};

fn bundle() -> Value {
    json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]})
}

fn internal() -> Asked {
    Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders"})))
}

fn world(check: SocketAddr, admin: SocketAddr) -> World {
    let listen = json!({"check": check.to_string(), "admin": admin.to_string()});
    World::new(&json!({"listen": listen, "limits": {"drain": "1s"}}), &bundle())
}

/// Asks, and again whoever is next, when told that nobody had looked at the question (RFC 9113, section 6.8): its
/// frames may have left here after the answer to the server's farewell.
async fn asked(check: SocketAddr) -> String {
    loop {
        let stream = TcpStream::connect(check).await.unwrap();
        let answer = async { Raw::over(stream).await?.check(&internal()).await };
        match answer.await {
            Ok(answer) => return reason(&answer),
            Err(error) if error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Both sockets, which outlive whoever serves them, and a configuration that names them.
fn sockets() -> (TcpListener, TcpListener, World) {
    let ((check, check_address), (admin, admin_address)) = (listener(), listener());
    let world = world(check_address, admin_address);
    (check, admin, world)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_over_is_served_and_its_queue_outlives_a_process() {
    let (check, admin, world) = sockets();
    let address = check.local_addr().unwrap();
    let mut first = Process::start(&world, &[&check, &admin]);
    assert_eq!(asked(address).await, "allow");
    let health = format!("http://{}/healthz", admin.local_addr().unwrap());
    assert_eq!(reqwest::get(&health).await.unwrap().status(), 200);

    first.terminate();
    assert!(first.ended().0.success());
    // Nobody is there, and nobody is refused.
    let waiting = tokio::spawn(asked(address));
    let _second = Process::start(&world, &[&check, &admin]);
    assert_eq!(waiting.await.unwrap(), "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_what_is_handed_over_and_one_may_leave() {
    let (check, admin, world) = sockets();
    let address = check.local_addr().unwrap();
    let mut old = Process::start(&world, &[&check, &admin]);
    for _ in 0..3 {
        let new = Process::start(&world, &[&check, &admin]);
        let clients: Vec<_> = (0..20).map(|_| tokio::spawn(asked(address))).collect();
        old.terminate();
        for client in clients {
            assert_eq!(client.await.unwrap(), "allow");
        }
        assert!(old.ended().0.success());
        old = new;
    }
}

#[test]
fn a_socket_that_no_key_names_is_an_error_that_names_it() {
    let (check, admin, world) = sockets();
    let (other, address) = listener();
    drop((check, admin));
    let mut process = Process::try_start(&world, &[&other]);
    assert!(!process.ended().0.success());
    let said = process.said();
    assert!(said.contains(&address.to_string()) && said.contains("listen.check"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_ends_in_time_whoever_is_stuck() {
    let (check, admin, world) = sockets();
    let address = check.local_addr().unwrap();
    let mut process = Process::start(&world, &[&check, &admin]);
    let mut half_open = TcpStream::connect(address).await.unwrap();
    let mut raw = Raw::over(TcpStream::connect(address).await.unwrap()).await.unwrap();
    let (hangs, ends) = (raw.begin(&[]).await.unwrap(), raw.begin(&[]).await.unwrap());
    assert_eq!(reason(&raw.check(&internal()).await.unwrap()), "allow");
    let mut admin_open = TcpStream::connect(admin.local_addr().unwrap()).await.unwrap();
    process.terminate();
    while raw.is_open().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(reason(&ends.finish(&internal()).await.unwrap()), "allow");
    let (status, took) = tokio::task::spawn_blocking(move || process.ended()).await.unwrap();
    assert!(status.success());
    assert!(took < Duration::from_secs(1 + 5), "{took:?}");
    assert!(hangs.answer().await.is_err());
    let mut bytes = Vec::new();
    let _closed = within("the end", half_open.read_to_end(&mut bytes)).await;
    let _closed = within("the end", admin_open.read_to_end(&mut bytes)).await;
}
