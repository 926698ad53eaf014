//! The way out: what Envoy is told to do to requests that leave for somebody else's hosts.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenantgate::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use tenantgate::pb::envoy::service::auth::v3::OkHttpResponse;
use tenantgate::pb::envoy::service::auth::v3::check_response::HttpResponse;

use crate::harness::bundles::{ALL_APPS, ALL_USERS, DEFAULT, MSA, P, PARTNER, POLICY, base, setting};
use crate::harness::{Asked, Client, L, Merge as _, Sign, World, now, pointer_set, signer};

const ID: &str = "44444444-aaaa-4000-8000-000000000001";
const SEC: &str = "sec-restrict-tenant-access-policy";
const TENANTS: &str = "restrict-access-to-tenants";
const CONTEXT: &str = "restrict-access-context";
const OURS: &str = "x-tenantgate-decision";

/// The headers that an allowed request gets, and those that it loses.
#[derive(Debug, Default)]
struct Touched {
    set: BTreeMap<String, String>,
    removed: Vec<String>,
}

impl Touched {
    fn of(ok: OkHttpResponse) -> Self {
        let OkHttpResponse { headers, headers_to_remove, .. } = ok;
        let set = headers.into_iter().map(|option| {
            assert_eq!(option.append_action(), HeaderAppendAction::OverwriteIfExistsOrAdd);
            let header = option.header.unwrap();
            (header.key, header.value)
        });
        let touched = Self { set: set.collect(), removed: headers_to_remove };
        // Envoy removes last: what stands in both is gone.
        assert!(touched.removed.iter().all(|name| !touched.set.contains_key(name)), "{touched:?}");
        touched
    }

    fn told(&self) -> [Option<&str>; 3] {
        [SEC, TENANTS, CONTEXT].map(|name| {
            let value = self.set.get(name).map(String::as_str);
            assert!(value.is_some() || self.removed.iter().any(|removed| removed == name), "{name} stays");
            value
        })
    }
}

fn open() -> Value {
    setting(("allowed", ALL_USERS), ("allowed", ALL_APPS))
}

fn bundle() -> Value {
    let mut bundle = base();
    pointer_set(&mut bundle, &format!("{DEFAULT}/id"), json!(ID));
    pointer_set(&mut bundle, &format!("{PARTNER}/tenantRestrictions"), open());
    bundle
}

fn config(more: &Value) -> Value {
    let mut config = json!({"mode": "tenant_restrictions"});
    config.merge(more);
    config
}

async fn touched(config: &Value, bundle: &Value, asked: &Asked) -> Touched {
    let app = World::new(config, bundle).ready().await;
    match Client::connect(&app.check).check(asked).await.http_response.unwrap() {
        HttpResponse::OkResponse(ok) => Touched::of(ok),
        other @ (HttpResponse::DeniedResponse(_) | HttpResponse::ErrorResponse(_)) => {
            panic!("{}: not an OK: {other:?}", asked.host)
        }
    }
}

fn at(host: &str) -> Asked {
    let spoofed = ["Sec-Restrict-Tenant-Access-Policy", "Restrict-Access-To-Tenants", "x-tenantgate-foo"];
    let headers = spoofed.map(|name| (name.to_owned(), "evil".to_owned())).into();
    Asked {
        method: "GET".to_owned(),
        host: host.to_owned(),
        path: "/".to_owned(),
        headers,
        ..Asked::default()
    }
}

#[tokio::test]
async fn a_sign_in_host_is_told_of_the_policy_whatever_the_client_said() {
    for host in ["login.microsoftonline.com", "LOGIN.live.com.:443", "login.microsoftonline.us"] {
        let touched = touched(&config(&json!({})), &bundle(), &at(host)).await;
        let policy = format!("{L}:{ID}");
        assert_eq!(touched.told(), [Some(policy.as_str()), None, None], "{host}");
        assert!(touched.set[OURS].starts_with("allow; reason=sign_in_host; policy="));
        assert!(touched.removed.iter().any(|name| name == "x-tenantgate-foo"));
    }
}

#[tokio::test]
async fn v1_names_the_tenants_that_are_open_to_everyone_for_everything() {
    let config = config(&json!({"restrictions": {"version": "v1"}}));
    let [open_too, half_open, closed] = [
        "a0a0a0a0-0000-4000-8000-00000000000a",
        "b0b0b0b0-0000-4000-8000-00000000000b",
        "c0c0c0c0-0000-4000-8000-00000000000c",
    ];
    let mut bundle = bundle();
    let some = setting(("allowed", ALL_USERS), ("allowed", &[(ID, "application")]));
    for (tenant, restrictions) in [(open_too, open()), (half_open, some), (closed, Value::Null)] {
        let partner = json!({"tenantId": tenant, "tenantRestrictions": restrictions});
        pointer_set(&mut bundle, &format!("{POLICY}/partners/-"), partner);
    }
    let (first, second) = if P < open_too { (P, open_too) } else { (open_too, P) };
    let list = format!("{L},{first},{second}");
    for host in ["login.microsoftonline.com", "login.microsoft.com", "Login.Windows.Net:443"] {
        let touched = touched(&config, &bundle, &at(host)).await;
        assert_eq!(touched.told(), [None, Some(list.as_str()), Some(L)], "{host}");
    }
    // Nobody but ourselves: the list is not empty, which might restrict nobody.
    let alone = touched(&config, &base(), &at("login.microsoftonline.com")).await;
    assert_eq!(alone.told(), [None, Some(L), Some(L)]);

    let live = || at("login.live.com");
    assert_eq!(touched(&config, &bundle, &live()).await.told(), [Some("restrict-msa"), None, None]);
    let personal = json!({"tenantId": MSA, "tenantRestrictions": open()});
    pointer_set(&mut bundle, &format!("{POLICY}/partners/-"), personal);
    assert_eq!(touched(&config, &bundle, &live()).await.told(), [None, None, None]);
    // v1 is for the commercial cloud.
    let other = touched(&config, &bundle, &at("login.microsoftonline.us")).await;
    assert_eq!(other.told(), [None, None, None]);
}

#[tokio::test]
async fn what_no_list_names_is_not_touched_and_a_tunnel_neither() {
    for (method, host) in [
        ("GET", "www.example.com"),
        ("CONNECT", "www.example.com:443"),
        ("CONNECT", "login.microsoftonline.com:443"),
        ("CONNECT", "graph.microsoft.com:443"),
    ] {
        let asked = Asked { method: method.to_owned(), ..at(host) };
        let touched = touched(&config(&json!({})), &bundle(), &asked).await;
        assert!(touched.set.is_empty() && touched.removed.is_empty(), "{method} {host}: {touched:?}");
    }
}

#[tokio::test]
async fn a_resource_host_is_told_who_comes_only_where_somebody_verified_it() {
    let claims = json!({"tid": P, "aud": "https://graph.microsoft.com", "oid": ID});
    let token = |sign| signer().sign(&claims, &serde_json::Map::new(), sign, now());
    let asked = |sign| {
        let mut asked = at("graph.microsoft.com");
        asked.headers.push(("authorization".to_owned(), format!("Bearer {}", token(sign))));
        asked
    };
    let verified = touched(&config(&json!({})), &bundle(), &asked(Sign::Valid)).await;
    assert_eq!(verified.set["x-tenantgate-user"], ID);
    assert_eq!(verified.set["x-tenantgate-relation"], "external_identity");
    // The restrictions' own headers are for sign-in hosts.
    assert!([SEC, TENANTS, CONTEXT].iter().all(|name| !verified.set.contains_key(*name)));
    let upstream = config(&json!({"tokens": {"verification": "upstream"}}));
    for sign in [Sign::Valid, Sign::OtherKey] {
        let claimed = touched(&upstream, &bundle(), &asked(sign)).await;
        assert!(claimed.set.contains_key(OURS));
        assert!(claimed.removed.iter().any(|name| name == "x-tenantgate-user"), "{claimed:?}");
    }
}

/// What was read without its signature must not be found by a route that asks for one, nor the other way round.
#[tokio::test]
async fn a_claimed_token_is_no_verified_one_later() {
    let tokens = json!({"verification": "upstream", "audiences": ["api://anybody"]});
    let config = json!({"mode": "inbound", "tokens": tokens});
    let app = World::new(&config, &bundle()).ready().await;
    let mut client = Client::connect(&app.check);
    let claims = json!({"tid": L, "aud": "api://anybody"});
    let forged = signer().sign(&claims, &serde_json::Map::new(), Sign::OtherKey, now());
    let restricted = Asked { host: "graph.microsoft.com".to_owned(), ..Asked::with_token(&forged) };
    let restricted = restricted.on("mode", "tenant_restrictions");
    for _ in 0..2 {
        assert_eq!(client.decide(&restricted).await["reason"], "internal");
        assert_eq!(client.decide(&Asked::with_token(&forged)).await["reason"], "token_signature");
    }
}

/// The resource gets the `Authorization`, so that is what is read, whatever Envoy verified elsewhere.
#[tokio::test]
async fn a_payload_that_envoy_verified_is_no_credential_of_a_resource_host() {
    let config = config(&json!({"tokens": {"verified_payload": "envoy.filters.http.jwt_authn/payload"}}));
    let app = World::new(&config, &bundle()).ready().await;
    let mut client = Client::connect(&app.check);
    let token = signer().mint(&json!({"tid": P, "aud": "https://graph.microsoft.com"}));
    let with_token = Asked { host: "graph.microsoft.com".to_owned(), ..Asked::with_token(&token) };
    assert_eq!(client.decide(&with_token).await["reason"], "permitted");
    assert_eq!(client.decide(&at("graph.microsoft.com")).await["reason"], "anonymous_blocked");
}
