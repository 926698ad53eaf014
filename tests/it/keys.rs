//! Keys from a URL: fetched, rolled over, confined, lost and found.

use serde_json::{Map, Value, json};

use crate::harness::{Asked, Client, KeyServer, L, Reply, Sign, now, one_issuer, signer};
use crate::patience::until;

fn internal(marker: &str) -> Asked {
    Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders", "sub": marker})))
}

/// The run's key set with members laid over its one key.
fn keys_with(members: &Value) -> Value {
    let mut keys: Value = serde_json::from_str(&signer().jwks).unwrap();
    keys["keys"][0].as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    keys
}

fn next_key() -> Reply {
    Reply::ok(&keys_with(&json!({"kid": "the-next-key"})))
}

fn metadata(issuer: &str, keys: &str) -> Reply {
    Reply::ok(&json!({"issuer": issuer, "jwks_uri": keys, "token_endpoint": "https://example"}))
}

#[tokio::test]
async fn an_answer_without_usable_keys_is_a_failed_fetch_and_the_last_good_ones_stay() {
    let server = KeyServer::start().await;
    let app = server.world("/keys", &json!({"refresh": "100ms"})).ready().await;
    let mut client = Client::connect(&app.check);
    assert_eq!(client.decide(&internal("before")).await["effect"], "allow");
    for reply in [
        Reply::ok(&json!({"keys": []})),
        Reply::ok(&"<html>"),
        Reply::status(500, ""),
        Reply::status(302, "").header("location", &format!("{}/elsewhere", server.base)),
        Reply::ok(&"x".repeat(2 << 20)),
    ] {
        server.say("/keys", reply.clone());
        server.until_asked("/keys", 1).await;
        assert_eq!(client.decide(&internal("warm")).await["effect"], "allow");
        let cold = internal(&format!("{} {}", reply.status, reply.body.len()));
        assert_eq!(client.decide(&cold).await["effect"], "allow", "a cold token");
    }
    assert!(server.asked("/elsewhere").is_empty(), "a redirect was followed");
}

#[tokio::test]
async fn before_the_first_success_the_fault_is_ours_and_it_recovers_by_itself() {
    let server = KeyServer::start().await;
    server.say("/keys", Reply::status(503, ""));
    let app = server.world("/keys", &json!({})).start().await;
    let mut client = Client::connect(&app.check);
    assert_eq!(client.decide(&internal("x")).await["reason"], "keys_unavailable");
    server.say("/keys", Reply::ok(&signer().jwks));
    until("the keys to be fetched", async || {
        (client.decide(&internal("x")).await["effect"] == "allow").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_unknown_key_makes_us_ask_its_issuer_again_but_not_for_each_token() {
    let server = KeyServer::start().await;
    server.say("/keys", next_key());
    server.say("/others", Reply::ok(&signer().jwks));
    let world = server.world("/keys", &json!({"refresh": "1h", "unknown_kid_interval": "200ms"}));
    let mut config: Value =
        serde_json::from_str(&std::fs::read_to_string(world.path("config.json")).unwrap()).unwrap();
    let other = json!({"issuer": "https://other.example/{tenantid}/", "jwks": format!("{}/others", server.base), "cloud": "microsoftonline.com"});
    config["tokens"]["issuers"].as_array_mut().unwrap().push(other);
    world.write("config.json", &config.to_string());
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    assert_eq!(client.decide(&internal("a")).await["reason"], "token_key_unknown");
    let before = server.asked("/keys").len();
    let mut denied = 0;
    while server.asked("/keys").len() < before + 2 {
        let kid = Map::from_iter([("kid".to_owned(), Value::from(format!("made-up-{denied}")))]);
        let token = signer().sign(&json!({"tid": L, "aud": "api://orders"}), &kid, Sign::OtherKey, now());
        assert_eq!(client.decide(&Asked::with_token(&token)).await["reason"], "token_key_unknown");
        denied += 1;
    }
    assert!(denied > 20, "{denied} unknown keys made two requests");
    assert_eq!(server.asked("/others").len(), 1, "another issuer was asked");
    server.say("/keys", Reply::ok(&signer().jwks));
    until("the key to be fetched", async || {
        (client.decide(&internal("a")).await["effect"] == "allow").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_withdrawn_ends_the_tokens_it_signed_at_once() {
    let server = KeyServer::start().await;
    let app = server.world("/keys", &json!({"refresh": "100ms"})).ready().await;
    let mut client = Client::connect(&app.check);
    let asked = internal("warm");
    assert_eq!(client.decide(&asked).await["effect"], "allow");
    server.say("/keys", next_key());
    server.until_asked("/keys", 2).await;
    assert_eq!(client.decide(&asked).await["reason"], "token_key_unknown");
}

#[tokio::test]
async fn a_key_that_becomes_confined_to_another_issuer_ends_the_tokens_it_signed() {
    let server = KeyServer::start().await;
    let app = server.world("/keys", &json!({"refresh": "100ms"})).ready().await;
    let mut client = Client::connect(&app.check);
    let asked = internal("warm");
    let mut keys_for = async |issuer: String| {
        server.say("/keys", Reply::ok(&keys_with(&json!({"issuer": issuer}))));
        server.until_asked("/keys", 2).await;
        client.decide(&asked).await["reason"].clone()
    };
    assert_eq!(keys_for("https://login.microsoftonline.com/{tenantid}/v2.0".to_owned()).await, "internal");
    let msa = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0".to_owned();
    assert_eq!(keys_for(msa).await, "token_key_unknown");
    assert_eq!(keys_for(format!("https://login.microsoftonline.com/{L}/v2.0")).await, "internal");
}

#[tokio::test]
async fn keys_are_believed_no_longer_than_configured() {
    let server = KeyServer::start().await;
    let app = server.world("/keys", &json!({"refresh": "1h", "max_age": "1s"})).ready().await;
    let mut client = Client::connect(&app.check);
    let asked = internal("warm");
    until("the keys to be too old", async || {
        (client.decide(&asked).await["reason"] == "keys_unavailable").then_some(())
    })
    .await;
    let page = reqwest::get(format!("http://{}/metrics", app.admin)).await.unwrap().text().await.unwrap();
    let age = page.lines().find(|line| line.starts_with("tenantgate_keys_age_seconds{")).unwrap();
    assert!(age.rsplit(' ').next().unwrap().parse::<f64>().unwrap() >= 1.0, "{age}");
}

#[tokio::test]
async fn keys_that_have_not_changed_are_not_sent_again_and_stay_believed() {
    let server = KeyServer::start().await;
    server.say("/keys", Reply::ok(&signer().jwks).header("etag", "\"1\""));
    let app = server.world("/keys", &json!({"refresh": "100ms", "max_age": "1s"})).ready().await;
    let mut client = Client::connect(&app.check);
    server.until_asked("/keys", 20).await;
    assert_eq!(client.decide(&internal("x")).await["effect"], "allow");
    let asked = server.asked("/keys");
    assert!(asked[0].get("if-none-match").is_none());
    assert!(asked[1..].iter().all(|headers| headers["if-none-match"] == "\"1\""));

    // The mark of a document that was not believed would keep us from ever seeing a better one.
    server.say("/keys", Reply::ok(&"<html>").header("etag", "\"2\""));
    server.until_asked("/keys", 2).await;
    assert!(server.asked("/keys").last().unwrap().get("if-none-match").is_none());
}

#[tokio::test]
async fn metadata_says_where_the_keys_are() {
    let server = KeyServer::start().await;
    let keys = format!("{}/keys", server.base);
    let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
    server.say("/metadata", metadata(issuer, &keys).header("etag", "\"m\""));
    let app = server.world("/metadata", &json!({"refresh": "100ms"})).ready().await;
    let mut client = Client::connect(&app.check);
    assert_eq!(client.decide(&internal("x")).await["effect"], "allow");
    server.until_asked("/keys", 2).await;

    server.say("/moved", next_key());
    server.say("/metadata", metadata(issuer, &format!("{}/moved", server.base)));
    server.until_asked("/moved", 2).await;
    assert_eq!(client.decide(&internal("x")).await["reason"], "token_key_unknown");
}

#[tokio::test]
async fn metadata_of_somebody_else_or_that_leads_elsewhere_is_not_followed() {
    let server = KeyServer::start().await;
    let stranger = KeyServer::start().await;
    let ours = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let keys = |server: &KeyServer| format!("{}/keys", server.base);
    for (issuer, keys) in [
        ("https://login.microsoftonline.us/{tenantid}/v2.0", keys(&server)),
        ("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0", keys(&server)),
        ("https://login.microsoftonline.com/common/v2.0", keys(&server)),
        (ours, keys(&stranger)),
        (ours, "http://login.microsoftonline.com/common/discovery/v2.0/keys".to_owned()),
        (ours, "file:///etc/hostname".to_owned()),
    ] {
        server.say("/metadata", metadata(issuer, &keys));
        let app = server.world("/metadata", &json!({})).start().await;
        server.until_asked("/metadata", 1).await;
        let reason = Client::connect(&app.check).decide(&internal("x")).await["reason"].clone();
        assert_eq!(reason, "keys_unavailable", "{issuer} {keys}");
    }
    assert!(server.asked("/keys").is_empty() && stranger.asked("/keys").is_empty());
}

#[tokio::test]
async fn an_authority_that_is_no_file_or_no_certificate_is_told_at_the_start() {
    for (name, told) in [("nowhere.pem", "cannot be read"), ("jwks.json", "no certificate")] {
        let world = one_issuer(&json!({"jwks": "https://localhost:1/keys"}), &json!({"extra_ca": name}));
        let error = tenantgate::app::App::start(&world.config(), None).await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(told), "{cause}");
    }
}
