//! Beginning and end, and what is bounded between.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use serde_json::json;
use tenantgate::check::{Address, SERVICE};
use tenantgate::pb::envoy::service::auth::v3::CheckResponse;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{Asked, Client, L, World, check_request, signer};

fn bundle() -> serde_json::Value {
    json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]})
}

fn internal() -> Asked {
    Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders"})))
}

fn tcp(address: &Address) -> SocketAddr {
    match address {
        Address::Tcp(address) => *address,
        Address::Unix(path) => panic!("a Unix socket: {}", path.display()),
    }
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
    while client.decide(&internal()).await["reason"] != "internal" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    while health(&app.check, SERVICE).await != 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
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

/// A check whose message is still to come.
struct Begun {
    body: h2::SendStream<Bytes>,
    answer: h2::client::ResponseFuture,
}

impl Begun {
    fn on(client: &mut h2::client::SendRequest<Bytes>, address: SocketAddr) -> Self {
        let request =
            http::Request::post(format!("http://{address}/envoy.service.auth.v3.Authorization/Check"))
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(())
                .unwrap();
        let (answer, body) = client.send_request(request, false).unwrap();
        Self { body, answer }
    }

    async fn finish(mut self, asked: &Asked) -> CheckResponse {
        let message = check_request(asked).encode_to_vec();
        let length = u32::try_from(message.len()).unwrap();
        let frame = [&[0], &length.to_be_bytes()[..], &message].concat();
        self.body.send_data(frame.into(), true).unwrap();
        let mut body = self.answer.await.unwrap().into_body();
        let mut answer = Vec::new();
        while let Some(data) = body.data().await {
            answer.extend_from_slice(&data.unwrap());
        }
        CheckResponse::decode(&answer[5..]).unwrap()
    }
}

#[tokio::test]
async fn a_stop_ends_health_lets_checks_end_and_cuts_off_what_hangs() {
    let world = World::new(&json!({"limits": {"drain": "2s"}}), &bundle());
    let app = world.ready().await;
    let address = tcp(&app.check);
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut watching = HealthClient::new(endpoint.connect().await.unwrap());
    let mut health = watching.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(health.message().await.unwrap().unwrap().status, 1, "SERVING");

    let stream = TcpStream::connect(address).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let (ends, hangs) = (Begun::on(&mut client, address), Begun::on(&mut client, address));
    let mut idle = TcpStream::connect(address).await.unwrap();
    // Both checks have begun once something that was sent after them is answered.
    client = client.ready().await.unwrap();
    Begun::on(&mut client, address).finish(&internal()).await;

    let stopping = tokio::spawn(app.stop());
    assert_eq!(health.message().await.unwrap().unwrap().status, 2, "NOT_SERVING");
    let answer = ends.finish(&internal()).await;
    assert_eq!(answer.status.unwrap().code, 0, "a check that had begun was not answered");
    while client.clone().ready().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(TcpStream::connect(address).await.is_err(), "the port is still open");
    // Ends although one check hangs and one connection never began.
    stopping.await.unwrap();
    assert!(hangs.answer.await.is_err());
    drop(connection.await);
    let mut greeting = Vec::new();
    let _closed = idle.read_to_end(&mut greeting).await;
}

#[tokio::test]
async fn a_connection_that_does_not_begin_in_time_is_closed() {
    let world = World::new(&json!({"limits": {"handshake_timeout": "100ms"}}), &bundle());
    let app = world.ready().await;
    let mut idle = TcpStream::connect(tcp(&app.check)).await.unwrap();
    let mut bytes = Vec::new();
    // hyper greets first; what matters is that the end comes by itself.
    let _closed = idle.read_to_end(&mut bytes).await;
    assert!(!bytes.is_empty(), "nothing was there to close");
    assert_eq!(Client::connect(&app.check).decide(&internal()).await["effect"], "allow");
}

#[tokio::test]
async fn beyond_the_limit_of_connections_one_waits_for_another_to_end() {
    let world = World::new(&json!({"limits": {"max_connections": 1, "handshake_timeout": "10s"}}), &bundle());
    let app = world.ready().await;
    let first = TcpStream::connect(tcp(&app.check)).await.unwrap();
    // Let the first be accepted before the second comes.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut client = Client::connect(&app.check);
    let asked = internal();
    let mut waiting = std::pin::pin!(client.decide(&asked));
    assert!(tokio::time::timeout(Duration::from_millis(100), waiting.as_mut()).await.is_err(), "two at once");
    drop(first);
    assert_eq!(waiting.await["effect"], "allow");
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
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
