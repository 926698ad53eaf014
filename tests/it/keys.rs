//! Keys from a URL: fetched, rolled over, lost and found.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{Asked, Client, L, World, signer};

/// A key server that says what it is told to say, and counts.
#[derive(Clone)]
struct KeyServer {
    answer: Arc<Mutex<(StatusCode, String)>>,
    asked: Arc<AtomicU32>,
    url: String,
}

impl KeyServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            answer: Arc::new(Mutex::new((StatusCode::OK, signer().jwks.clone()))),
            asked: Arc::default(),
            url: format!("http://{}/keys", listener.local_addr().unwrap()),
        };
        let answer = |State(server): State<Self>| async move {
            server.asked.fetch_add(1, Ordering::Relaxed);
            server.answer.lock().unwrap().clone()
        };
        let router = Router::new().route("/keys", get(answer)).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    fn say(&self, status: StatusCode, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    /// Until it was asked `more` times from now on.
    async fn until_asked(&self, more: u32) {
        let wanted = self.asked.load(Ordering::Relaxed) + more;
        while self.asked.load(Ordering::Relaxed) < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn world(&self, keys: &Value) -> World {
        let issuer = json!({"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0", "jwks": self.url, "cloud": "microsoftonline.com"});
        let config = json!({"tokens": {"issuers": [issuer], "keys": keys}});
        World::new(&config, &json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]}))
    }
}

fn internal(marker: &str) -> Asked {
    Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders", "sub": marker})))
}

fn no_keys() -> String {
    json!({"keys": []}).to_string()
}

#[tokio::test]
async fn an_answer_without_usable_keys_is_a_failed_fetch_and_the_last_good_ones_stay() {
    let server = KeyServer::start().await;
    let world = server.world(&json!({"refresh": "100ms"}));
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    assert_eq!(client.decide(&internal("before")).await["effect"], "allow");
    for (status, body) in [
        (StatusCode::OK, no_keys()),
        (StatusCode::OK, "<html>".to_owned()),
        (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        (StatusCode::OK, "x".repeat(2 << 20)),
    ] {
        server.say(status, &body);
        server.until_asked(1).await;
        assert_eq!(client.decide(&internal("warm")).await["effect"], "allow");
        assert_eq!(client.decide(&internal(&status.to_string())).await["effect"], "allow", "a cold token");
    }
}

#[tokio::test]
async fn before_the_first_success_the_fault_is_ours_and_it_recovers_by_itself() {
    let server = KeyServer::start().await;
    server.say(StatusCode::SERVICE_UNAVAILABLE, "");
    let world = server.world(&json!({}));
    let app = world.start().await;
    let mut client = Client::connect(&app.check);
    assert_eq!(client.decide(&internal("x")).await["reason"], "keys_unavailable");
    server.say(StatusCode::OK, &signer().jwks);
    while client.decide(&internal("x")).await["effect"] != "allow" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_unknown_key_makes_us_ask_again_but_not_for_each_token() {
    let server = KeyServer::start().await;
    let mut other: Value = serde_json::from_str(&signer().jwks).unwrap();
    other["keys"][0]["kid"] = json!("the-next-key");
    server.say(StatusCode::OK, &other.to_string());
    let world = server.world(&json!({"refresh": "1h", "unknown_kid_interval": "100ms"}));
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    assert_eq!(client.decide(&internal("a")).await["reason"], "token_key_unknown");
    server.say(StatusCode::OK, &signer().jwks);
    let before = server.asked.load(Ordering::Relaxed);
    let mut denied = 0;
    while client.decide(&internal("a")).await["effect"] != "allow" {
        denied += 1;
    }
    let asked = server.asked.load(Ordering::Relaxed) - before;
    assert!(denied > 5 && asked <= 2, "{denied} unknown keys made {asked} requests");
}

#[tokio::test]
async fn a_key_that_is_withdrawn_ends_the_tokens_it_signed_at_once() {
    let server = KeyServer::start().await;
    let world = server.world(&json!({"refresh": "100ms"}));
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    let asked = internal("warm");
    assert_eq!(client.decide(&asked).await["effect"], "allow");
    let mut other: Value = serde_json::from_str(&signer().jwks).unwrap();
    other["keys"][0]["kid"] = json!("the-next-key");
    server.say(StatusCode::OK, &other.to_string());
    server.until_asked(2).await;
    assert_eq!(client.decide(&asked).await["reason"], "token_key_unknown");
}

#[tokio::test]
async fn keys_are_believed_no_longer_than_configured() {
    let server = KeyServer::start().await;
    let world = server.world(&json!({"refresh": "1h", "max_age": "1s"}));
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    let asked = internal("warm");
    while client.decide(&asked).await["reason"] != "keys_unavailable" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
