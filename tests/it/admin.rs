//! The admin port.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use serde_json::{Value, json};
use tenantgate::app::App;
use tenantgate::port::Address;

use crate::harness::{Asked, Client, L, World, signer};
use crate::raw::tcp;

async fn get(app: &App, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("http://{}{path}", app.admin)).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn health_readiness_and_metrics_are_told() {
    let world = World::new(&json!({}), &json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]}));
    let app = world.ready().await;
    assert_eq!(get(&app, "/healthz").await.0, 200);
    let (status, text) = get(&app, "/readyz").await;
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &report["ready"]), (200, &json!(true)));
    assert_eq!(report["keys"].as_array().unwrap().len(), 5);
    let revision = report["policy"]["revision"].as_str().unwrap();

    let mut client = Client::connect(&app.check);
    let token = signer().mint(&json!({"tid": L, "aud": "api://orders"}));
    for _ in 0..3 {
        client.check(&Asked::with_token(&token)).await;
    }
    client.check(&Asked::with_token("x")).await;
    let (_, metrics) = get(&app, "/metrics").await;
    for line in [
        r#"tenantgate_checks_total{effect="allow",reason="internal"} 3"#,
        r#"tenantgate_checks_total{effect="deny",reason="token_malformed"} 1"#,
        "tenantgate_check_seconds_count 4",
        "tenantgate_token_cache_hits 2",
        "tenantgate_token_cache_misses 2",
        "tenantgate_in_flight 0",
        "tenantgate_policy_age_seconds",
        r#"tenantgate_policy_rejected_total{reason="invalid"} 0"#,
        r#"tenantgate_key_fetches_total{issuer="https://sts.windows.net/{tenantid}/",result="success"} 1"#,
        &format!(r#"tenantgate_policy_revision_info{{revision="{revision}"}} 1"#),
    ] {
        assert!(metrics.contains(line), "no `{line}` in\n{metrics}");
    }
    assert!(!metrics.contains(L), "a tenant is a label");
}

#[tokio::test]
async fn a_service_without_policy_is_alive_but_not_ready() {
    let world = World::new(&json!({}), &json!({"tenants": []}));
    let app = world.start().await;
    assert_eq!(get(&app, "/healthz").await.0, 200);
    let (status, text) = get(&app, "/readyz").await;
    assert_eq!(status, 503);
    assert!(text.contains("tenant_missing"), "{text}");
}

/// A scrape that waits for checks would be late when it is needed most.
#[tokio::test]
async fn it_answers_while_nobody_has_time_for_checks() {
    let world = World::new(&json!({}), &json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]}));
    let app = world.ready().await;
    // All checks are answered by this one thread, and it does not come to that before this is over.
    let mut stream = std::net::TcpStream::connect(tcp(&app.admin)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("ok\n"), "{answer}");
}

#[tokio::test]
async fn it_may_be_a_unix_socket() {
    let world = World::new(&json!({}), &json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]}));
    let mut config = world.config();
    config.listen.admin = Address::Unix(world.path("admin.sock"));
    let app = App::start(&config, None).await.unwrap();
    let client = reqwest::Client::builder().unix_socket(world.path("admin.sock")).build().unwrap();
    assert_eq!(client.get("http://gate/healthz").send().await.unwrap().text().await.unwrap(), "ok\n");
    drop(app);
}
