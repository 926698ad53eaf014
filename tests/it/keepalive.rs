//! Peers that are not heard of any more, on a clock that moves when nobody has anything to do.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, pause, sleep, timeout};

use crate::attack::{ACK, END_HEADERS, HEADERS, PING, PREFACE, SETTINGS, call, frame, literal, next_frame};
use crate::harness::{L, World};
use crate::raw::tcp;

/// A ping is sent so often, and so long is waited for its answer.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// A connection to a service of its own, on which HTTP/2 has begun.
async fn begun() -> (TcpStream, tenantgate::app::App) {
    let bundle = json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]});
    let app = World::new(&json!({}), &bundle).ready().await;
    let mut stream = TcpStream::connect(tcp(&app.check)).await.unwrap();
    let opening = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &frame(SETTINGS, ACK, 0, &[])].concat();
    stream.write_all(&opening).await.unwrap();
    (stream, app)
}

#[tokio::test]
async fn whoever_does_not_answer_a_ping_is_cut_off() {
    let (mut stream, _app) = begun().await;
    pause();
    let from = Instant::now();
    let mut received = Vec::new();
    let _cut_off = stream.read_to_end(&mut received).await;
    assert!(std::iter::from_fn(|| next_frame(&mut received)).any(|(kind, ..)| kind == PING), "no ping");
    let waited = from.elapsed();
    assert!((2 * KEEPALIVE..3 * KEEPALIVE).contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn whoever_answers_pings_stays() {
    let (mut stream, _app) = begun().await;
    pause();
    let staying = async {
        let mut received = Vec::new();
        loop {
            assert_ne!(stream.read_buf(&mut received).await.unwrap(), 0, "cut off");
            while let Some((kind, _, payload)) = next_frame(&mut received) {
                if kind == PING {
                    stream.write_all(&frame(PING, ACK, 0, &payload)).await.unwrap();
                }
            }
        }
    };
    assert!(timeout(10 * KEEPALIVE, staying).await.is_err());
}

/// Whoever sends headers can send nothing else meanwhile, not even the answer to a ping (RFC 9113, section 4.3).
#[tokio::test]
async fn headers_that_come_a_byte_a_second_are_cut_off() {
    let (mut stream, _app) = begun().await;
    pause();
    let from = Instant::now();
    let headers = frame(HEADERS, END_HEADERS, 1, &[call(), literal("x-slow", &"y".repeat(9_000))].concat());
    for byte in headers.chunks(1) {
        if stream.write_all(byte).await.is_err() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    let waited = from.elapsed();
    assert!((2 * KEEPALIVE..3 * KEEPALIVE).contains(&waited), "{waited:?}");
}
