//! Calls that gRPC or the caller cut short: each is answered, for an RPC error would let fail-open decide.

use std::time::Duration;

use serde_json::{Value, json};
use tenantgate::app::App;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::attack::{
    ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    call, frame, literal, next_frame,
};
use crate::harness::{Asked, L, World, signer};
use crate::patience::within;
use crate::raw::{Raw, framed, reason, tcp};

/// Error codes (RFC 9113, section 7).
const PROTOCOL_ERROR: u32 = 1;
const REFUSED_STREAM: u32 = 7;

fn bundle() -> Value {
    json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]})
}

fn internal() -> Asked {
    Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders"})))
}

/// What is said to a call of these bytes.
async fn said(raw: &mut Raw, bytes: &[u8], last: bool) -> String {
    let mut call = raw.begin(&[]).await.unwrap();
    call.send(bytes, last).unwrap();
    reason(&call.answer().await.unwrap())
}

#[tokio::test]
async fn a_message_that_is_none_is_denied() {
    let world = World::new(&json!({"limits": {"max_message": "4KiB"}}), &bundle());
    let app = world.ready().await;
    let mut raw = Raw::to(&app.check).await;
    let good = framed(&internal());
    let compressed = [&[1], &good[1..]].concat();
    let odd = [&[0x7f], &good[1..]].concat();
    for (bytes, what) in [
        (&b""[..], "no message"),
        (&good[..4], "half of its length"),
        (&good[..good.len() - 1], "all but its last byte"),
        (&[&good[..], &good].concat(), "two"),
        (&[&good[..], b"\0"].concat(), "one and a byte"),
        (&[&good[..], b"\x7a\x01\0"].concat(), "one and a field that nobody knows"),
        (&compressed, "compressed"),
        (&odd, "a flag that is none"),
        (&[0, 0, 0, 0, 0], "an empty one"),
    ] {
        assert_eq!(said(&mut raw, bytes, true).await, "request_malformed", "{what}");
    }
    assert_eq!(said(&mut raw, &good, true).await, "allow");
}

#[tokio::test]
async fn a_message_may_come_in_pieces() {
    let app = World::new(&json!({}), &bundle()).ready().await;
    let mut raw = Raw::to(&app.check).await;
    let mut call = raw.begin(&[]).await.unwrap();
    for byte in framed(&internal()).chunks(7) {
        call.send(byte, false).unwrap();
        tokio::task::yield_now().await;
    }
    call.send(b"", true).unwrap();
    assert_eq!(reason(&call.answer().await.unwrap()), "allow");
}

#[tokio::test]
async fn one_that_is_too_long_is_denied_before_it_has_come() {
    let world = World::new(&json!({"limits": {"max_message": "4KiB"}}), &bundle());
    let app = world.ready().await;
    let mut raw = Raw::to(&app.check).await;
    let head = |length: u32| [&[0], &length.to_be_bytes()[..]].concat();
    assert_eq!(said(&mut raw, &head(4097), false).await, "request_malformed");
    assert_eq!(said(&mut raw, &head(u32::MAX), false).await, "request_malformed");
    // One that just fits is read, though it is no request.
    let fits = [head(4096), vec![0x7a; 4096]].concat();
    assert_eq!(said(&mut raw, &fits, true).await, "request_malformed");
    assert_eq!(said(&mut raw, &framed(&internal()), true).await, "allow");
}

#[tokio::test]
async fn a_caller_who_gives_no_time_is_refused_and_one_who_gives_some_is_answered_within() {
    let app = World::new(&json!({}), &bundle()).ready().await;
    let mut raw = Raw::to(&app.check).await;
    for (timeout, expected) in [("0n", "overloaded"), ("20S", "allow"), ("soon", "allow")] {
        let call = raw.begin(&[("grpc-timeout", timeout)]).await.unwrap();
        assert_eq!(reason(&call.finish(&internal()).await.unwrap()), expected, "{timeout}");
    }
    // The message never comes.
    let started = Instant::now();
    let call = raw.begin(&[("grpc-timeout", "400m")]).await.unwrap();
    assert_eq!(reason(&call.answer().await.unwrap()), "overloaded");
    assert!(started.elapsed() >= Duration::from_millis(380), "too soon");
}

#[tokio::test]
async fn an_answer_comes_in_pieces_where_the_peer_takes_little_at_once() {
    let app = World::new(&json!({}), &bundle()).ready().await;
    let stream = TcpStream::connect(tcp(&app.check)).await.unwrap();
    let mut little = h2::client::Builder::new();
    little.initial_window_size(7);
    let mut raw = Raw::with(&little, stream).await.unwrap();
    assert_eq!(reason(&raw.check(&internal()).await.unwrap()), "allow");
}

#[tokio::test]
async fn halves_of_many_messages_are_held_up_to_a_bound_and_whole_ones_answered_beside_them() {
    let app = World::new(&json!({}), &bundle()).ready().await;
    let half = [&[0, 0, 4, 0, 0][..], &[0x7a].repeat(250 * 1024)].concat();
    let mut halves = Vec::new();
    let mut refused = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::to(&app.check).await;
        for _ in 0..100 {
            let mut call = raw.begin(&[]).await.unwrap();
            call.send(&half, false).unwrap();
            refused.push(tokio::spawn(async move { reason(&call.answer().await.unwrap()) }));
        }
        halves.push(raw);
    }
    // 64 MiB have room, 73 MiB come.
    let mut told = 0;
    while told == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        told = refused.iter().filter(|call| call.is_finished()).count();
    }
    assert!(told < 100, "{told}: those that had room were refused");
    let mut raw = Raw::to(&app.check).await;
    assert_eq!(reason(&raw.check(&internal()).await.unwrap()), "allow");
    for call in refused.into_iter().filter(tokio::task::JoinHandle::is_finished) {
        assert_eq!(call.await.unwrap(), "overloaded");
    }
}

/// What README.md lists as without an answer. Too many calls are below; connections that wait, do not begin or do not
/// end are in `lifecycle.rs`, and those that are not heard of any more in `keepalive.rs`.
#[tokio::test]
async fn what_http2_refuses_and_what_nobody_has_is_all_that_has_no_answer() {
    let limits = json!({"limits": {"max_header_list": "1KiB", "max_concurrent_streams": 1}});
    let app = World::new(&limits, &bundle()).ready().await;
    let mut raw = Raw::to(&app.check).await;
    let long = "x".repeat(2048);
    let refused = raw.begin(&[("x-long", &long)]).await.unwrap().answer_status().await;
    assert_eq!(refused, Ok(431));

    for method in
        ["/envoy.service.auth.v3.Authorization/Check2", "/envoy.service.auth.v2.Authorization/Check"]
    {
        assert_eq!(raw.status_of(method, &framed(&internal()), true).await, "12", "UNIMPLEMENTED");
    }

    let begun = |stream| frame(HEADERS, END_HEADERS, stream, &call());
    let one_too_many = [begun(1), begun(3)].concat();
    assert_eq!(refusal(&app, &one_too_many, RST_STREAM).await, (3, REFUSED_STREAM));

    // DATA is of a stream (RFC 9113, section 6.1).
    assert_eq!(refusal(&app, &frame(DATA, 0, 0, b"x"), GOAWAY).await, (0, PROTOCOL_ERROR));

    // Others are left alone, and so is who had a header too long.
    let mut other = Raw::to(&app.check).await;
    assert_eq!(reason(&other.check(&internal()).await.unwrap()), "allow");
    assert_eq!(reason(&raw.check(&internal()).await.unwrap()), "allow");
}

/// Sends frames on a connection of their own; gives the stream and the error code of the first frame of this kind.
async fn refusal(app: &App, frames: &[u8], kind: u8) -> (u32, u32) {
    let mut wire = Wire::to(app).await;
    wire.send(frames).await;
    let (_, stream, payload) = wire.next_of(&[kind]).await;
    (stream, u32::from_be_bytes(*payload.last_chunk().unwrap()))
}

/// A connection in frames, some of which no library would send.
struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Wire {
    async fn to(app: &App) -> Self {
        let stream = TcpStream::connect(tcp(&app.check)).await.unwrap();
        let mut wire = Self { stream, received: Vec::new() };
        wire.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &frame(SETTINGS, ACK, 0, &[])].concat()).await;
        wire
    }

    async fn send(&mut self, frames: &[u8]) {
        self.stream.write_all(frames).await.unwrap();
    }

    /// The next frame of one of these kinds: which, its stream and its payload.
    async fn next_of(&mut self, kinds: &[u8]) -> (u8, u32, Vec<u8>) {
        let next = async {
            loop {
                while let Some(frame) = next_frame(&mut self.received) {
                    if kinds.contains(&frame.0) {
                        return frame;
                    }
                }
                assert_ne!(self.stream.read_buf(&mut self.received).await.unwrap(), 0, "closed");
            }
        };
        within("a frame", next).await
    }
}

/// Messages that are on their way when their checks' time is over come so, where many wait.
#[tokio::test]
async fn what_comes_late_of_calls_that_were_answered_early_does_not_end_the_connection() {
    let app = World::new(&json!({}), &bundle()).ready().await;
    let mut wire = Wire::to(&app).await;
    wire.send(&frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 24).to_be_bytes())).await;
    let no_time = [call(), literal("grpc-timeout", "0n")].concat();
    // By itself, h2 remembers fifty, and forgives 1,024 errors.
    for round in 0..2 {
        let streams = (1000 * round..1000 * (round + 1)).map(|number| 2 * number + 1);
        let begun = |stream| frame(HEADERS, END_HEADERS, stream, &no_time);
        wire.send(&streams.clone().flat_map(begun).collect::<Vec<_>>()).await;
        for _ in streams.clone() {
            // An answer's head and trailers.
            wire.next_of(&[HEADERS]).await;
            wire.next_of(&[HEADERS]).await;
        }
        let rest = |stream| frame(DATA, END_STREAM, stream, &[0; 5]);
        wire.send(&streams.flat_map(rest).collect::<Vec<_>>()).await;
    }
    wire.send(&frame(PING, 0, 0, &[7; 8])).await;
    assert_eq!(wire.next_of(&[PING, GOAWAY]).await.0, PING);
}

/// No connection's calls are all begun at once; those that are left are begun though nothing more comes.
#[tokio::test]
async fn a_check_behind_many_that_wait_is_answered_before_them() {
    let app = World::new(&json!({}), &bundle()).ready().await;
    let mut wire = Wire::to(&app).await;
    let waits = [call(), literal("grpc-timeout", "20S")].concat();
    let waiting = (0..20).flat_map(|number| frame(HEADERS, END_HEADERS, 2 * number + 1, &waits));
    let check = [frame(HEADERS, END_HEADERS, 41, &call()), frame(DATA, END_STREAM, 41, &framed(&internal()))];
    wire.send(&waiting.chain(check.concat()).collect::<Vec<_>>()).await;
    assert_eq!(wire.next_of(&[HEADERS]).await.1, 41);
}

#[tokio::test]
async fn a_question_for_health_is_short_and_comes_soon_or_is_not_held() {
    let app = World::new(&json!({}), &bundle()).ready().await;
    let mut raw = Raw::to(&app.check).await;
    let path = "/grpc.health.v1.Health/Check";
    let head = |length: u32| [&[0], &length.to_be_bytes()[..]].concat();
    assert_eq!(raw.status_of(path, &head(0), true).await, "0");
    // RESOURCE_EXHAUSTED or OUT_OF_RANGE, before any of it has come.
    let status = raw.status_of(path, &head(4 << 20), false).await;
    assert!(["8", "11"].contains(&&*status), "{status}");
    // DEADLINE_EXCEEDED
    assert_eq!(raw.status_of(path, &head(10), false).await, "4");
}

#[tokio::test]
async fn calls_that_never_say_more_have_a_bound_and_others_are_answered_beside_them() {
    let app = World::new(&json!({}), &bundle()).ready().await;
    let (mut connections, mut calls) = (Vec::new(), Vec::new());
    for _ in 0..36 {
        let mut raw = Raw::to(&app.check).await;
        for _ in 0..1_000 {
            let call = raw.begin(&[]).await.unwrap();
            calls.push(tokio::spawn(call.answer()));
        }
        connections.push(raw);
    }
    // 32,768 have room, and 128 of each connection.
    let mut reset = async || {
        let mut ended = Vec::new();
        for call in calls.extract_if(.., |call| call.is_finished()) {
            ended.push(call.await.unwrap());
        }
        ended
    };
    let mut ended = Vec::new();
    while ended.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        ended = reset().await;
    }
    for outcome in ended {
        assert_eq!(outcome.unwrap_err().reason(), Some(h2::Reason::INTERNAL_ERROR));
    }
    let mut raw = Raw::to(&app.check).await;
    assert_eq!(reason(&raw.check(&internal()).await.unwrap()), "allow");
}

/// Clients can make Envoy do that; whose checks are on the same connection must not suffer.
#[tokio::test]
async fn checks_that_are_reset_as_soon_as_they_are_sent_leave_the_others_alone() {
    let app = World::new(&json!({}), &bundle()).ready().await;
    let mut raw = Raw::to(&app.check).await;
    for _ in 0..20 {
        // Without a pause, so that they come in one piece.
        for _ in 0..100 {
            raw.begin(&[]).await.unwrap().reset();
        }
        assert_eq!(reason(&raw.check(&internal()).await.unwrap()), "allow");
    }
}
