//! Tokens that come again: what a cold one costs, what a warm one does not, and who waits.

use serde_json::{Map, json};
use tenantgate::app::App;

use crate::harness::{Asked, Client, L, Sign, World, now, signer};
use crate::patience::until;

fn world(tokens: &serde_json::Value) -> World {
    let bundle = json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]});
    World::new(&json!({"tokens": tokens}), &bundle)
}

fn token(marker: u32, sign: Sign) -> Asked {
    let claims = json!({"tid": L, "aud": "api://orders", "sub": marker.to_string()});
    Asked::with_token(&signer().sign(&claims, &Map::new(), sign, now()))
}

/// The value of a series on the metrics page.
async fn metric(app: &App, series: &str) -> u64 {
    let page = reqwest::get(format!("http://{}/metrics", app.admin)).await.unwrap().text().await.unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{page}")).parse().unwrap()
}

const VERIFIED: &str = r#"tenantgate_token_verifications_total{result="verified"}"#;
const REFUSED: &str = r#"tenantgate_token_verifications_total{result="refused"}"#;
const SHED: &str = r#"tenantgate_token_verifications_total{result="shed"}"#;

/// So many checks at once, over several connections.
async fn all_at_once(app: &App, asked: &[Asked]) -> Vec<String> {
    let clients: Vec<_> = (0..4).map(|_| Client::connect(&app.check)).collect();
    let checks = asked.iter().zip(clients.iter().cycle()).map(|(asked, client)| {
        let (mut client, asked) = (client.clone(), asked.clone());
        tokio::spawn(async move { client.decide(&asked).await["reason"].as_str().unwrap().to_owned() })
    });
    let mut reasons = Vec::new();
    for check in checks.collect::<Vec<_>>() {
        reasons.push(check.await.unwrap());
    }
    reasons
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_token_on_many_streams_is_verified_once() {
    let app = world(&json!({})).ready().await;
    let reasons = all_at_once(&app, &vec![token(1, Sign::Valid); 200]).await;
    assert!(reasons.iter().all(|reason| reason == "internal"), "{reasons:?}");
    assert_eq!(metric(&app, VERIFIED).await, 1);
    assert_eq!(metric(&app, "tenantgate_token_cache_entries").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_token_buys_signature_work_once_and_pushes_no_good_one_out() {
    let app = world(&json!({"cache_capacity": 16})).ready().await;
    let good: Vec<_> = (0..4).map(|marker| token(marker, Sign::Valid)).collect();
    all_at_once(&app, &good).await;
    let forged: Vec<_> = (0..200).map(|marker| token(marker, Sign::OtherKey)).collect();
    for _ in 0..3 {
        let reasons = all_at_once(&app, &forged).await;
        assert!(reasons.iter().all(|reason| reason == "token_signature"), "{reasons:?}");
    }
    assert_eq!(metric(&app, REFUSED).await, 200);
    let reasons = all_at_once(&app, &good).await;
    assert!(reasons.iter().all(|reason| reason == "internal"), "{reasons:?}");
    assert_eq!(metric(&app, VERIFIED).await, 4, "a good token was pushed out");
}

#[tokio::test]
async fn an_expired_token_of_a_good_signature_is_verified_once_too() {
    let app = world(&json!({})).ready().await;
    let mut client = Client::connect(&app.check);
    let claims = json!({"tid": L, "aud": "api://orders", "exp": now() - 3600});
    let expired = Asked::with_token(&signer().mint(&claims));
    for _ in 0..3 {
        assert_eq!(client.decide(&expired).await["reason"], "token_expired");
    }
    assert_eq!((metric(&app, REFUSED).await, metric(&app, VERIFIED).await), (1, 0));
}

#[tokio::test]
async fn a_token_that_is_not_valid_yet_becomes_valid_in_time() {
    let app = world(&json!({"clock_skew": "0s"})).ready().await;
    let mut client = Client::connect(&app.check);
    let early =
        Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders", "nbf": now() + 2})));
    assert_eq!(client.decide(&early).await["reason"], "token_not_yet_valid");
    until("the token to become valid", async || {
        (client.decide(&early).await["reason"] != "token_not_yet_valid").then_some(())
    })
    .await;
    assert_eq!(client.decide(&early).await["reason"], "internal");
}

#[tokio::test]
async fn a_warm_token_dies_when_it_expires() {
    let app = world(&json!({"clock_skew": "0s"})).ready().await;
    let mut client = Client::connect(&app.check);
    let short =
        Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders", "exp": now() + 2})));
    assert_eq!(client.decide(&short).await["reason"], "internal");
    until("the token to expire", async || {
        (client.decide(&short).await["reason"] != "internal").then_some(())
    })
    .await;
    assert_eq!(client.decide(&short).await["reason"], "token_expired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_queue_cold_tokens_are_shed_and_warm_ones_are_served() {
    let app = world(&json!({"verify_queue": 1})).ready().await;
    let warm = token(0, Sign::Valid);
    all_at_once(&app, std::slice::from_ref(&warm)).await;
    let mut shed = 0;
    let mut round = 0;
    while shed == 0 {
        round += 1;
        let asked: Vec<_> =
            (0..400)
                .map(|number| {
                    if number % 2 == 0 { warm.clone() } else { token(round * 1000 + number, Sign::OtherKey) }
                })
                .collect();
        let reasons = all_at_once(&app, &asked).await;
        for (number, reason) in reasons.iter().enumerate() {
            let expected: &[&str] =
                if number % 2 == 0 { &["internal"] } else { &["token_signature", "overloaded"] };
            assert!(expected.contains(&&**reason), "{number}: {reason}");
        }
        shed = metric(&app, SHED).await;
    }
}

#[tokio::test]
async fn a_token_that_differs_in_one_byte_is_another_token() {
    let app = world(&json!({})).ready().await;
    let mut client = Client::connect(&app.check);
    let known = signer().mint(&json!({"tid": L, "aud": "api://orders"}));
    assert_eq!(client.decide(&Asked::with_token(&known)).await["effect"], "allow");
    for at in (0..known.len()).step_by(7) {
        let mut other = known.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert_eq!(client.decide(&Asked::with_token(&other)).await["effect"], "deny", "byte {at}");
    }
}
