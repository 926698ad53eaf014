//! Which credentials count, asked over the wire in either form of headers.

use prost::Message as _;
use serde_json::json;
use tenantgate::pb::envoy::config::core::v3::HeaderValue;

use crate::harness::{Asked, Client, L, World, check_request, signer};

fn token() -> String {
    signer().mint(&json!({
        "tid": L, "aud": "api://orders", "oid": "0a3e6c1e-0d5f-4b54-9c5c-7d1f1d3b5a01", "scp": "access_as_user",
    }))
}

fn world() -> World {
    World::new(
        &json!({}),
        &json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {"partners": []}}]}),
    )
}

fn asked(values: &[&str]) -> Asked {
    let headers = values.iter().map(|&value| ("authorization".to_owned(), value.to_owned())).collect();
    Asked { headers, ..Asked::with_token("") }
}

#[tokio::test]
async fn raw_and_joined_headers_decide_identically() {
    let world = world();
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    let token = token();
    let bearer = format!("Bearer {token}");
    let [nine_kib, too_long] = [9000, 16385].map(|length| format!("Bearer {}", "x".repeat(length)));
    let values: &[(&str, &[&str], &str)] = &[
        ("Bearer", &[&bearer], "internal"),
        ("bearer", &[&format!("bearer {token}")], "internal"),
        ("BEARER", &[&format!("BEARER {token}")], "internal"),
        ("two spaces", &[&format!("Bearer  {token}")], "token_malformed"),
        ("a tab", &[&format!("Bearer\t{token}")], "token_missing"),
        ("a space behind", &[&format!("Bearer {token} ")], "token_malformed"),
        ("a space before", &[&format!(" Bearer {token}")], "token_missing"),
        ("a NUL behind", &[&format!("Bearer {token}\0")], "token_malformed"),
        ("a comma behind", &[&format!("Bearer {token},")], "token_ambiguous"),
        ("two tokens", &[&format!("Bearer {token}, Bearer {token}")], "token_ambiguous"),
        ("two headers", &[&bearer, &bearer], "token_ambiguous"),
        ("two headers, long together", &[&nine_kib, &nine_kib], "token_ambiguous"),
        ("two headers, one too long", &[&bearer, &too_long], "token_too_large"),
        ("one that is too long", &[&too_long], "token_too_large"),
        ("Basic beside it", &[&bearer, "Basic dXNlcjpwYXNz"], "token_ambiguous"),
        ("Basic", &["Basic dXNlcjpwYXNz"], "token_missing"),
        ("DPoP", &[&format!("DPoP {token}")], "token_missing"),
        ("no scheme", &[&token], "token_missing"),
        ("a scheme alone", &["Bearer"], "token_malformed"),
        ("an empty value", &[""], "token_missing"),
        ("none", &[], "token_missing"),
    ];
    for (name, values, expected) in values {
        for raw in [false, true] {
            let decision = client.decide(&Asked { raw, ..asked(values) }).await;
            assert_eq!(decision["reason"], *expected, "{name}, raw: {raw}");
        }
    }
}

#[tokio::test]
async fn a_token_anywhere_else_is_no_credential() {
    let world = world();
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    let token = token();
    let with_header = |name: &str, value: String| {
        let mut asked = asked(&[]);
        asked.headers.push((name.to_owned(), value));
        asked
    };
    let with_path = |path: String| Asked { path, ..asked(&[]) };
    let elsewhere = [
        ("a cookie", with_header("cookie", format!("access_token={token}; Authorization=Bearer {token}"))),
        ("X-Authorization", with_header("x-authorization", format!("Bearer {token}"))),
        ("Proxy-Authorization", with_header("proxy-authorization", format!("Bearer {token}"))),
        ("X-Forwarded-Access-Token", with_header("x-forwarded-access-token", token.clone())),
        ("X-MS-Token-AAD-Access-Token", with_header("x-ms-token-aad-access-token", token.clone())),
        ("the query", with_path(format!("/?access_token={token}"))),
        (
            "the query, in upper case",
            with_path(format!("/?ACCESS_TOKEN={token}&authorization=Bearer%20{token}")),
        ),
        ("the fragment", with_path(format!("/#access_token={token}"))),
        ("the path", with_path(format!("/{token}"))),
        ("the host", Asked { host: format!("{token}.example"), ..asked(&[]) }),
    ];
    for (name, asked) in elsewhere {
        for raw in [false, true] {
            let decision = client.decide(&Asked { raw, ..asked.clone() }).await;
            assert_eq!(decision["reason"], "token_missing", "{name}, raw: {raw}");
        }
    }
    for raw in [false, true] {
        let mut request = check_request(&Asked { raw, method: "POST".to_owned(), ..asked(&[]) });
        let http = request.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap();
        http.body = format!("access_token={token}");
        http.raw_body = http.body.clone().into_bytes();
        http.query = http.body.clone();
        assert_eq!(client.send(request).await.status.unwrap().code, 16, "the body, raw: {raw}");
    }
}

#[tokio::test]
async fn both_forms_of_headers_at_once_are_two_credentials() {
    let world = world();
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    let good = format!("Bearer {}", token());
    for other in [&good, "Basic dXNlcjpwYXNz", "Bearer x", ""] {
        for (map, raw) in [(&*good, other), (other, &*good)] {
            let mut request = check_request(&Asked { raw: true, ..asked(&[raw]) });
            let http = request.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap();
            http.headers.insert("authorization".to_owned(), map.to_owned());
            let response = client.send(request).await;
            let fields = response.dynamic_metadata.unwrap().fields;
            let reason = fields["reason"].kind.clone();
            assert_eq!(reason, Some(prost_types::value::Kind::StringValue("token_ambiguous".to_owned())));
        }
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_answered_and_prove_nothing() {
    let world = world();
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    let token = token();
    for bytes in [&b"\xff"[..], b"\0", b"\xc3\x28", b"!"] {
        let mut request = check_request(&Asked { raw: true, ..asked(&[]) });
        let http = request.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap();
        http.header_map.as_mut().unwrap().headers.push(HeaderValue {
            key: "Authorization".to_owned(),
            raw_value: [b"Bearer ", token.as_bytes(), bytes].concat(),
            ..HeaderValue::default()
        });
        let response = client.send_frame(&request.encode_to_vec()).await;
        assert_eq!(response.status.unwrap().code, 16, "denied, with an answer");
    }
}
