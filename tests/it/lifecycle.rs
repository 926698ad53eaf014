//! Beginning and end, and what is bounded between.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::json;
use tenantgate::app::{App, StartError};
use tenantgate::check::SERVICE;
use tenantgate::port::Address;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::harness::{Asked, Client, L, World, signer};
use crate::patience::{until, within};
use crate::raw::{Raw, reason, tcp};

fn bundle() -> serde_json::Value {
    json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]})
}

fn internal() -> Asked {
    Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders"})))
}

async fn health(address: &Address, service: &str) -> i32 {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", tcp(address))).unwrap();
    let mut client = HealthClient::new(endpoint.connect().await.unwrap());
    let request = HealthCheckRequest { service: service.to_owned() };
    client.check(request).await.unwrap().into_inner().status
}

#[tokio::test]
async fn before_the_first_policy_checks_are_denied_and_then_decided() {
    let world = World::new(&json!({}), &bundle());
    let policy = std::fs::read_to_string(world.path("policy.json")).unwrap();
    std::fs::remove_file(world.path("policy.json")).unwrap();
    let app = world.start().await;
    let mut client = Client::connect(&app.check);
    let decision = client.decide(&internal()).await;
    assert_eq!((&decision["reason"], &decision["http_status"]), (&json!("policy_unavailable"), &json!(503)));
    assert_eq!(health(&app.check, SERVICE).await, 2, "NOT_SERVING");
    assert!(!app.is_ready());
    world.replace("policy.json", &policy);
    until("the policy to decide", async || {
        (client.decide(&internal()).await["reason"] == "internal").then_some(())
    })
    .await;
    until("SERVING", async || (health(&app.check, SERVICE).await == 1).then_some(())).await;
    assert_eq!(health(&app.check, "").await, 1, "SERVING");
}

#[tokio::test]
async fn without_keys_the_fault_is_ours() {
    let world = World::new(&json!({}), &bundle());
    std::fs::remove_file(world.path("jwks.json")).unwrap();
    let app = world.start().await;
    let decision = Client::connect(&app.check).decide(&internal()).await;
    assert_eq!((&decision["reason"], &decision["http_status"]), (&json!("keys_unavailable"), &json!(503)));
    assert!(!app.is_ready());
}

#[tokio::test]
async fn report_only_overrules_no_fault_of_our_own() {
    for (places, missing, reason) in [
        (1, Some("policy.json"), "policy_unavailable"),
        (1, Some("jwks.json"), "keys_unavailable"),
        (0, None, "overloaded"),
    ] {
        let config = json!({"report_only": true, "limits": {"in_flight": places}});
        let world = World::new(&config, &bundle());
        if let Some(file) = missing {
            std::fs::remove_file(world.path(file)).unwrap();
        }
        let app = world.start().await;
        let decision = Client::connect(&app.check).decide(&internal()).await;
        let expected = (&json!("deny"), &json!(reason), &json!(503));
        assert_eq!((&decision["effect"], &decision["reason"], &decision["http_status"]), expected);
    }
}

#[tokio::test]
async fn a_unix_socket_is_for_its_group_and_replaces_one_left_behind() {
    let world = World::new(&json!({}), &bundle());
    let path = world.path("check.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let config = std::fs::read_to_string(world.path("config.json")).unwrap();
    let listen = format!("\"check\":\"unix:{}\"", path.display());
    world.write("config.json", &config.replacen("\"check\":\"127.0.0.1:0\"", &listen, 1));
    let app = world.ready().await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    assert_eq!(Client::connect(&app.check).decide(&internal()).await["effect"], "allow");
    app.stop().await;
    assert!(!path.exists(), "the socket outlives its listener");
}

#[tokio::test]
async fn a_unix_socket_that_somebody_listens_on_is_not_taken_and_a_successors_is_not_removed() {
    let world = World::new(&json!({}), &bundle());
    let path = world.path("check.sock");
    let config = |reuse_port| {
        let mut config = world.config();
        config.listen.check = Address::Unix(path.clone());
        config.listen.reuse_port = reuse_port;
        config
    };
    let first = App::start(&config(false), None).await.unwrap();
    let error = App::start(&config(false), None).await.unwrap_err();
    let error = format!("{:#}", anyhow::Error::from(error));
    assert!(error.contains("check.sock") && error.contains("in use"), "{error}");
    assert_eq!(Client::connect(&first.check).decide(&internal()).await["effect"], "allow");

    let second = App::start(&config(true), None).await.unwrap();
    first.stop().await;
    assert_eq!(Client::connect(&second.check).decide(&internal()).await["effect"], "allow");
    second.stop().await;
    assert!(!path.exists());
    world.write("check.sock", "somebody's notes");
    assert!(App::start(&config(true), None).await.is_err(), "a file is no socket");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's notes");
}

#[tokio::test]
async fn a_successor_that_is_the_first_to_leave_gives_the_name_of_a_socket_back() {
    let world = World::new(&json!({}), &bundle());
    let path = world.path("check.sock");
    let mut config = world.config();
    config.listen.check = Address::Unix(path.clone());
    config.listen.reuse_port = true;
    let first = App::start(&config, None).await.unwrap();
    for _ in 0..2 {
        let second = App::start(&config, None).await.unwrap();
        second.stop().await;
        assert_eq!(Client::connect(&first.check).decide(&internal()).await["effect"], "allow");
    }
    let second = App::start(&config, None).await.unwrap();
    first.stop().await;
    assert_eq!(Client::connect(&second.check).decide(&internal()).await["effect"], "allow");
    second.stop().await;
    let names = std::fs::read_dir(world.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains("sock")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_successor_that_is_not_ready_leaves_the_port_to_whoever_has_it() {
    let world = World::new(&json!({}), &bundle());
    let socket = Address::Unix(world.path("check.sock"));
    for address in [socket, "127.0.0.1:0".parse().unwrap()] {
        let mut config = world.config();
        config.listen.check = address;
        config.listen.reuse_port = true;
        let first = App::start(&config, None).await.unwrap();
        config.listen.check = first.check.clone();
        let check = first.check.clone();
        let mut unready = config.clone();
        unready.policy.path = Some(world.path("no-policy.json"));
        let second = tokio::spawn(async move { App::start(&unready, None).await.unwrap() });
        // Time enough for one that does not care.
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!second.is_finished(), "it opened the port");
        for _ in 0..20 {
            assert_eq!(Client::connect(&check).decide(&internal()).await["effect"], "allow");
        }
        first.stop().await;
        // Now there is nobody else.
        let second = second.await.unwrap();
        let decision = Client::connect(&second.check).decide(&internal()).await;
        assert_eq!(decision["reason"], "policy_unavailable");
        second.stop().await;
    }
}

#[tokio::test]
async fn two_processes_share_a_port_only_if_both_mean_to() {
    let world = World::new(&json!({}), &bundle());
    let on = |address: &Address, reuse_port| {
        let mut config = world.config();
        config.listen.check = address.clone();
        config.listen.reuse_port = reuse_port;
        config
    };
    let anywhere: Address = "127.0.0.1:0".parse().unwrap();
    let alone = App::start(&on(&anywhere, false), None).await.unwrap();
    assert!(matches!(App::start(&on(&alone.check, true), None).await, Err(StartError::Listen(..))));
    let first = App::start(&on(&anywhere, true), None).await.unwrap();
    let second = App::start(&on(&first.check, true), None).await.unwrap();
    let check = first.check.clone();
    first.stop().await;
    assert_eq!(Client::connect(&check).decide(&internal()).await["effect"], "allow");
    drop(second);
}

#[tokio::test]
async fn a_stop_ends_health_lets_checks_end_and_answers_what_hangs() {
    let world = World::new(&json!({"limits": {"drain": "2s"}}), &bundle());
    let app = world.ready().await;
    let check = app.check.clone();
    let mut watching = Watching::on(&check).await;
    assert_eq!(watching.next().await, Some(1), "SERVING");

    let mut client = Raw::to(&check).await;
    let (ends, hangs) = (client.begin(&[]).await.unwrap(), client.begin(&[]).await.unwrap());
    let mut idle = TcpStream::connect(tcp(&check)).await.unwrap();
    // Both checks have begun once something that was sent after them is answered.
    client.check(&internal()).await.unwrap();

    let stopping = tokio::spawn(app.stop());
    assert_eq!((watching.next().await, watching.next().await), (Some(2), None), "NOT_SERVING, and no more");
    let answer = ends.finish(&internal()).await.unwrap();
    assert_eq!(reason(&answer), "allow", "a check that had begun was not answered");
    while client.is_open().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(TcpStream::connect(tcp(&check)).await.is_err(), "the port is still open");
    assert_eq!(reason(&hangs.answer().await.unwrap()), "overloaded", "a check was lost");
    // Ends although one connection never began.
    stopping.await.unwrap();
    client.ended().await;
    let mut greeting = Vec::new();
    let _closed = within("the end", idle.read_to_end(&mut greeting)).await;
}

#[tokio::test]
async fn the_port_stays_open_until_whoever_asks_for_health_knows_of_the_end() {
    let app = World::new(&json!({"limits": {"drain": "1h"}}), &bundle()).ready().await;
    let (check, ready) = (app.check.clone(), format!("http://{}/readyz", app.admin));
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{check}")).unwrap();
    let mut client = HealthClient::new(endpoint.connect().await.unwrap());
    let mut ask = async || client.check(HealthCheckRequest::default()).await.unwrap().into_inner().status;
    assert_eq!(ask().await, 1, "SERVING");
    let stopping = tokio::spawn(app.stop());
    while reqwest::get(&ready).await.unwrap().status() == 200 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(Client::connect(&check).decide(&internal()).await["effect"], "allow", "somebody new");
    assert_eq!(ask().await, 2, "NOT_SERVING");
    stopping.await.unwrap();
    assert!(TcpStream::connect(tcp(&check)).await.is_err(), "the port is still open");
}

/// Somebody who is told of changes in health.
struct Watching(tonic::Streaming<HealthCheckResponse>);

impl Watching {
    async fn on(address: &Address) -> Self {
        let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
        let mut client = HealthClient::new(endpoint.connect().await.unwrap());
        Self(client.watch(HealthCheckRequest::default()).await.unwrap().into_inner())
    }

    async fn next(&mut self) -> Option<i32> {
        self.0.message().await.unwrap().map(|told| told.status)
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_those_who_only_watch() {
    let app = World::new(&json!({"limits": {"drain": "1h"}}), &bundle()).ready().await;
    let (mut watching, mut idle) = (Watching::on(&app.check).await, Raw::to(&app.check).await);
    assert_eq!(watching.next().await, Some(1));
    idle.check(&internal()).await.unwrap();
    // An hour would be the test's end.
    app.stop().await;
    assert_eq!((watching.next().await, watching.next().await), (Some(2), None));
}

/// A connection that was made without waiting: on a test's one thread nobody accepts before the test waits.
fn not_accepted(address: &Address) -> TcpStream {
    let stream = std::net::TcpStream::connect(tcp(address)).unwrap();
    stream.set_nonblocking(true).unwrap();
    TcpStream::from_std(stream).unwrap()
}

/// The address is healthy for as long as somebody serves there; who is asked does not know of others.
#[tokio::test]
async fn whoever_leaves_a_shared_port_says_nothing_against_it() {
    let world = World::new(&json!({}), &bundle());
    let mut config = world.config();
    config.listen.reuse_port = true;
    let app = App::start(&config, None).await.unwrap();
    until("readiness", async || app.is_ready().then_some(())).await;
    let mut watching = Watching::on(&app.check).await;
    assert_eq!(watching.next().await, Some(1), "SERVING");
    // As a health check does that connects when the port is about to be closed.
    let stream = not_accepted(&app.check);
    let stopping = tokio::spawn(app.stop());
    let mut raw = Raw::over(stream).await.unwrap();
    let (told, status) = raw.call("/grpc.health.v1.Health/Check", &[0; 5], true).await;
    assert_eq!((told.get(5..), &*status), (Some(&[8, 1][..]), "0"), "SERVING");
    assert_eq!(watching.next().await, None);
    drop(raw);
    stopping.await.unwrap();
}

#[tokio::test]
async fn whoever_connected_before_the_end_is_answered_though_nobody_had_accepted_yet() {
    let app = World::new(&json!({}), &bundle()).ready().await;
    // When somebody accepts, the end is there too.
    let stream = not_accepted(&app.check);
    let stopping = tokio::spawn(app.stop());
    let mut raw = Raw::over(stream).await.unwrap();
    assert_eq!(reason(&raw.check(&internal()).await.unwrap()), "allow");
    drop(raw);
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_does_not_begin_in_time_is_closed() {
    let world = World::new(&json!({"limits": {"handshake_timeout": "100ms"}}), &bundle());
    let app = world.ready().await;
    let mut idle = TcpStream::connect(tcp(&app.check)).await.unwrap();
    let mut bytes = Vec::new();
    // We greet first; what matters is that the end comes by itself.
    let _closed = within("the end", idle.read_to_end(&mut bytes)).await;
    assert!(!bytes.is_empty(), "nothing was there to close");
    assert_eq!(Client::connect(&app.check).decide(&internal()).await["effect"], "allow");
}

#[tokio::test]
async fn beyond_the_limit_of_connections_one_waits_for_another_to_end() {
    let world = World::new(&json!({"limits": {"max_connections": 1}}), &bundle());
    let app = world.ready().await;
    let mut first = Raw::to(&app.check).await;
    first.check(&internal()).await.unwrap();
    let mut client = Client::connect(&app.check);
    let asked = internal();
    let mut waiting = std::pin::pin!(client.decide(&asked));
    assert!(tokio::time::timeout(Duration::from_millis(100), waiting.as_mut()).await.is_err(), "two at once");
    drop(first);
    assert_eq!(waiting.await["effect"], "allow");
}

#[tokio::test]
async fn at_the_limit_the_oldest_that_has_not_begun_makes_room() {
    let limits = json!({"limits": {"max_connections": 2, "handshake_timeout": "1h"}});
    let app = World::new(&limits, &bundle()).ready().await;
    let mut silent = Vec::new();
    for _ in 0..2 {
        silent.push(TcpStream::connect(tcp(&app.check)).await.unwrap());
    }
    let mut client = Raw::to(&app.check).await;
    assert_eq!(reason(&client.check(&internal()).await.unwrap()), "allow");
    let mut bytes = Vec::new();
    let _closed = within("the end of the oldest", silent[0].read_to_end(&mut bytes)).await;
    // Now one has begun, and it is not that one that has to go.
    let another = TcpStream::connect(tcp(&app.check)).await.unwrap();
    let _closed = within("the end of the next", silent[1].read_to_end(&mut bytes)).await;
    assert_eq!(reason(&client.check(&internal()).await.unwrap()), "allow");
    drop(another);
}

#[tokio::test]
async fn with_no_place_left_the_answer_is_an_explicit_denial() {
    let world = World::new(&json!({"limits": {"in_flight": 0}}), &bundle());
    let app = world.ready().await;
    let decision = Client::connect(&app.check).decide(&internal()).await;
    assert_eq!((&decision["reason"], &decision["http_status"]), (&json!("overloaded"), &json!(503)));
}

#[tokio::test]
async fn an_application_that_is_dropped_closes_its_port() {
    let world = World::new(&json!({}), &bundle());
    let app = world.ready().await;
    let address = tcp(&app.check);
    let mut client = Client::connect(&app.check);
    assert_eq!(client.decide(&internal()).await["effect"], "allow");
    drop(app);
    until("the port to be closed", async || TcpStream::connect(address).await.err()).await;
}
