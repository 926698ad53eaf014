//! Sockets that are handed over, and processes that come and go on them.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use serde_json::{Value, json};
use tenantgate::port::Address;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::harness::{Asked, Client, L, World, signer};
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
    let mut first = Process::start(&world.path(""), &[check.as_fd(), admin.as_fd()]);
    assert_eq!(asked(address).await, "allow");
    let health = format!("http://{}/healthz", admin.local_addr().unwrap());
    assert_eq!(reqwest::get(&health).await.unwrap().status(), 200);

    first.terminate();
    assert!(first.ended().0.success());
    // Nobody is there, and nobody is refused.
    let waiting = tokio::spawn(asked(address));
    let _second = Process::start(&world.path(""), &[check.as_fd(), admin.as_fd()]);
    assert_eq!(waiting.await.unwrap(), "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_what_is_handed_over_and_one_may_leave() {
    let (check, admin, world) = sockets();
    let address = check.local_addr().unwrap();
    let mut old = Process::start(&world.path(""), &[check.as_fd(), admin.as_fd()]);
    for _ in 0..3 {
        let new = Process::start(&world.path(""), &[check.as_fd(), admin.as_fd()]);
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
    let mut process = Process::try_start(&world.path(""), &[other.as_fd()]);
    assert!(!process.ended().0.success());
    let said = process.said();
    assert!(said.contains(&address.to_string()) && said.contains("listen.check"), "{said}");
}

#[test]
fn a_socket_that_does_not_listen_is_an_error() {
    let (check, admin, world) = sockets();
    drop((check, admin));
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut process = Process::try_start(&world.path(""), &[silent.as_fd()]);
    assert!(!process.ended().0.success());
    assert!(process.said().contains("file descriptor 3"));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let _inside = runtime.enter();
    let bound = tokio::net::TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let mut process = Process::try_start(&world.path(""), &[bound.as_fd()]);
    assert!(!process.ended().0.success());
    let said = process.said();
    assert!(said.contains("file descriptor 3") && said.contains("does not listen"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unix_socket_that_is_handed_over_stays_where_it_is() {
    let (admin, admin_address) = listener();
    let world = world(admin_address, admin_address);
    let path = world.path("check.sock");
    let check = UnixListener::bind(&path).unwrap();
    let config = std::fs::read_to_string(world.path("config.json")).unwrap();
    let (before, after) =
        (format!(r#""check":"{admin_address}""#), format!(r#""check":"unix:{}""#, path.display()));
    assert!(config.contains(&before), "{config}");
    world.write("config.json", &config.replace(&before, &after));
    for _ in 0..2 {
        let mut process = Process::start(&world.path(""), &[check.as_fd(), admin.as_fd()]);
        let decision = Client::connect(&Address::Unix(path.clone())).decide(&internal()).await;
        assert_eq!(decision["effect"], "allow");
        process.terminate();
        assert!(process.ended().0.success());
        assert!(path.exists(), "systemd would have to open it again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_ends_in_time_whoever_is_stuck() {
    let (check, admin, world) = sockets();
    let address = check.local_addr().unwrap();
    let mut process = Process::start(&world.path(""), &[check.as_fd(), admin.as_fd()]);
    let mut half_open = TcpStream::connect(address).await.unwrap();
    let mut raw = Raw::over(TcpStream::connect(address).await.unwrap()).await.unwrap();
    let (hangs, ends) = (raw.begin(&[]).await.unwrap(), raw.begin(&[]).await.unwrap());
    assert_eq!(reason(&raw.check(&internal()).await.unwrap()), "allow");
    let mut admin_open = TcpStream::connect(admin.local_addr().unwrap()).await.unwrap();
    let deaf = tokio::task::spawn_blocking(move || deaf(address)).await.unwrap();
    process.terminate();
    while raw.is_open().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(reason(&ends.finish(&internal()).await.unwrap()), "allow");
    assert_eq!(reason(&hangs.answer().await.unwrap()), "overloaded");
    assert_ended_in_time(process).await;
    let mut bytes = Vec::new();
    let _closed = within("the end", half_open.read_to_end(&mut bytes)).await;
    let _closed = within("the end", admin_open.read_to_end(&mut bytes)).await;
    drop(deaf);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_never_ends_keeps_no_process() {
    let (check, admin, world) = sockets();
    let pair = Authority::new().server();
    world.write("tls.pem", &pair.certificate);
    world.write("tls.key", &pair.key);
    let mut config: Value =
        serde_json::from_str(&std::fs::read_to_string(world.path("config.json")).unwrap()).unwrap();
    config["listen"]["tls"] = json!({"check": {"certificate": "tls.pem", "key": "tls.key"}});
    config["limits"]["handshake_timeout"] = json!("1h");
    world.write("config.json", &config.to_string());
    let mut process = Process::start(&world.path(""), &[check.as_fd(), admin.as_fd()]);
    let mut stuck = TcpStream::connect(check.local_addr().unwrap()).await.unwrap();
    // The head of a record that never comes.
    tokio::io::AsyncWriteExt::write_all(&mut stuck, &[22, 3, 1, 1, 0]).await.unwrap();
    let mut refused = TcpStream::connect(check.local_addr().unwrap()).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut refused, b"no TLS").await.unwrap();
    // The one that came later has been served, and so has the other.
    let _closed = refused.read_to_end(&mut Vec::new()).await;
    process.terminate();
    assert_ended_in_time(process).await;
    let _closed = stuck.read_to_end(&mut Vec::new()).await;
}

/// `limits.drain` and five seconds.
async fn assert_ended_in_time(mut process: Process) {
    let (status, took) = tokio::task::spawn_blocking(move || process.ended()).await.unwrap();
    assert!(status.success());
    assert!(took < Duration::from_secs(1 + 5), "{took:?}");
}

/// A client that asks for pongs until nobody takes its pings any more, and reads none.
fn deaf(address: SocketAddr) -> std::net::TcpStream {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let pings = b"\0\0\x08\x06\0\0\0\0\0pingping".repeat(1000);
    while stream.write_all(&pings).is_ok() {}
    stream
}
