//! Ways in which others were seen to fail open (reference/style.md, section 2.9), one test each.

use serde_json::{Value, json};
use tenantgate::app::App;
use tenantgate::config::{Config, Environment};
use tenantgate::pb::envoy::service::auth::v3::check_response::HttpResponse;
use tenantgate::policy::{Compiled, Options, Revision, compile};

use crate::harness::{Asked, Client, L, Sign, World, pointer_set, signer};

const HOME: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";
const ID: &str = "0a3e6c1e-0d5f-4b54-9c5c-7d1f1d3b5a01";
const INBOUND: &str = "/tenants/0/crossTenantAccessPolicy/partners/0/b2bCollaborationInbound";

fn setting(access: &str, users: &Value) -> Value {
    let all = json!([{"target": "AllApplications", "targetType": "application"}]);
    json!({
        "usersAndGroups": {"accessType": access, "targets": users},
        "applications": {"accessType": "allowed", "targets": all},
    })
}

/// The default blocks everybody; the partner has this setting.
fn bundle(inbound: &Value) -> Value {
    let blocked = |target: &str, kind: &str| json!({"accessType": "blocked", "targets": [{"target": target, "targetType": kind}]});
    let nobody = json!({"usersAndGroups": blocked("AllUsers", "user"), "applications": blocked("AllApplications", "application")});
    json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {
        "default": {"b2bCollaborationInbound": nobody},
        "partners": [{"tenantId": HOME, "b2bCollaborationInbound": inbound}],
    }}]})
}

fn everybody() -> Value {
    json!([{"target": "AllUsers", "targetType": "user"}])
}

fn read(bundle: &Value) -> Compiled {
    compile([bundle.to_string().as_bytes()], Revision("1".into()), &Options::default())
}

/// Effect and reason for a guest of the partner, with these claims beside the usual ones.
async fn guest(bundle: &Value, more: &Value) -> (String, String) {
    let app = World::new(&json!({}), bundle).ready().await;
    let mut claims =
        json!({"tid": L, "idp": format!("https://sts.windows.net/{HOME}/"), "aud": "api://orders"});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let token = signer().sign(&claims, &serde_json::Map::new(), Sign::Valid, crate::harness::now());
    let decision = Client::connect(&app.check).decide(&Asked::with_token(&token)).await;
    (decision["effect"].as_str().unwrap().to_owned(), decision["reason"].as_str().unwrap().to_owned())
}

fn denied(reason: &str) -> (String, String) {
    ("deny".to_owned(), reason.to_owned())
}

/// ztunnel: an unparseable matcher is dropped, and an empty list matches all.
#[tokio::test]
async fn a_target_that_cannot_be_read_is_not_left_out_and_no_target_matches_nobody() {
    for access in ["allowed", "blocked"] {
        let unreadable = setting(access, &json!([{"target": "not-a-guid", "targetType": "user"}]));
        assert!(read(&bundle(&unreadable)).snapshot.is_none(), "{access}");
    }
    let nobody = setting("allowed", &json!([]));
    assert_eq!(guest(&bundle(&nobody), &json!({"home_oid": ID})).await, denied("users_blocked"));
}

/// ztunnel: a port cast to fewer bits. Here: values and flags of claims, and clippy's `as_conversions`.
#[tokio::test]
async fn a_number_is_never_cut_to_fit() {
    let open = bundle(&setting("allowed", &everybody()));
    // 267 = 256 + 11, a service provider; 2^32 + 1 would be a guest.
    let provider = guest(&open, &json!({"xms_idrel": "267"})).await;
    assert_eq!(provider, ("allow".to_owned(), "permitted".to_owned()));
    let internal =
        json!({"idp": format!("https://sts.windows.net/{L}/"), "xms_idrel": "5", "acct": 4_294_967_297_u64});
    assert_eq!(guest(&open, &internal).await, denied("relation_unknown"));
    // As an i64 it would be a second of 1969.
    assert_eq!(guest(&open, &json!({"nbf": u64::MAX})).await, denied("token_malformed"));
    let manifest = include_str!("../../Cargo.toml");
    assert!(manifest.contains("as_conversions = \"deny\""));
}

/// cedar and agentgateway: an error inside a rule that denies makes the rule absent.
#[tokio::test]
async fn a_block_that_cannot_be_evaluated_is_not_absent() {
    let group = setting("blocked", &json!([{"target": ID, "targetType": "group"}]));
    assert_eq!(guest(&bundle(&group), &json!({})).await, denied("principal_unresolved"));
    let strange = setting("blocked", &json!([{"target": ID, "targetType": "device"}]));
    assert_eq!(guest(&bundle(&strange), &json!({"home_oid": ID})).await, denied("principal_unresolved"));
    let mut conditional = bundle(&setting("allowed", &everybody()));
    let policy = json!({
        "id": ID, "displayName": "not from abroad", "state": "enabled",
        "conditions": {
            "applications": {"includeApplications": ["All"]}, "users": {"includeUsers": ["All"]},
            "locations": {"includeLocations": ["All"]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
    });
    pointer_set(&mut conditional, "/tenants/0/conditionalAccess", json!({"policies": [policy]}));
    assert!(read(&conditional).snapshot.is_none());
}

/// agentgateway: no rules are an allow.
#[tokio::test]
async fn no_policy_allows_nobody() {
    let world = World::new(&json!({}), &json!({"tenants": []}));
    let app = world.start().await;
    let token = signer().mint(&json!({"tid": L, "aud": "api://orders"}));
    let decision = Client::connect(&app.check).decide(&Asked::with_token(&token)).await;
    assert_eq!((&decision["effect"], &decision["reason"]), (&json!("deny"), &json!("policy_unavailable")));
    // A tenant about which nothing is said has what Microsoft ships, in which direct connect is blocked.
    let silent = json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]});
    let direct = json!({"tid": HOME, "idp": format!("https://sts.windows.net/{HOME}/")});
    assert_eq!(guest(&silent, &direct).await, denied("users_and_applications_blocked"));
}

/// agentgateway: the audience is checked only where one is configured.
#[tokio::test]
async fn the_audience_is_never_left_unchecked() {
    let open = bundle(&setting("allowed", &everybody()));
    let world = World::new(&json!({"tokens": {"audiences": []}}), &open);
    let error = match Config::load(&world.path("config.json"), &Environment::default()) {
        Ok(config) => format!("{:#}", anyhow::Error::from(App::start(&config, None).await.unwrap_err())),
        Err(error) => error.to_string(),
    };
    assert!(error.contains("audiences"), "{error}");
    assert_eq!(guest(&open, &json!({"aud": "api://elsewhere"})).await, denied("token_audience"));
}

/// linkerd: a suffix without parts matches every name.
#[tokio::test]
async fn an_empty_or_wild_domain_is_no_domain() {
    let lists = |name: &str, domain: &str| {
        let mut bundle = bundle(&setting("allowed", &everybody()));
        let list = json!({"InvitationsAllowedAndBlockedDomainsPolicy": {name: [domain]}});
        pointer_set(&mut bundle, "/tenants/0/b2bManagementPolicy", list);
        bundle
    };
    for domain in ["", ".", "*", "*.", ".com", "@"] {
        for name in ["AllowedDomains", "BlockedDomains"] {
            assert!(read(&lists(name, domain)).snapshot.is_none(), "{name} {domain:?}");
        }
    }
    let allowed = lists("AllowedDomains", "fabrikam.com");
    for (email, reason) in [("kim@evil.com", "domain_not_allowed"), ("kim@", "domain_unresolved")] {
        assert_eq!(guest(&allowed, &json!({"idp": "mail", "email": email})).await, denied(reason));
    }
}

/// limitador: a wire code that Envoy reads as a pass. An RPC error would be one under fail-open, as would be an
/// answer of code 0 (`answers.rs` has the code of each class, `service.rs` the panic's).
#[tokio::test]
async fn no_refusal_has_a_code_that_passes() {
    let app = World::new(&json!({}), &bundle(&Value::Null)).ready().await;
    let mut client = Client::connect(&app.check);
    let home = format!("https://sts.windows.net/{HOME}/");
    let token = signer().mint(&json!({"tid": L, "idp": home, "aud": "api://orders"}));
    let (by_policy, by_token) = (Asked::with_token(&token), Asked::with_token("x"));
    let tunnel = Asked { method: "CONNECT".to_owned(), ..by_policy.clone() };
    for (asked, code) in
        [(by_policy.clone(), 7), (by_policy.on("tenants", L), 7), (by_token, 16), (tunnel, 14)]
    {
        let response = client.check(&asked).await;
        assert_eq!(response.status.unwrap().code, code);
        assert!(matches!(response.http_response, Some(HttpResponse::DeniedResponse(_))));
    }
}

/// Graph: `accessType` and `targetType` are evolvable, and what is new never means "allowed".
#[tokio::test]
async fn an_enum_value_of_tomorrow_permits_nobody() {
    let access = setting("unknownFutureValue", &everybody());
    assert_eq!(guest(&bundle(&access), &json!({})).await, denied("setting_unreadable"));
    for access in ["allowed", "blocked"] {
        let target = setting(access, &json!([{"target": ID, "targetType": "unknownFutureValue"}]));
        assert_eq!(guest(&bundle(&target), &json!({"home_oid": ID})).await, denied("principal_unresolved"));
    }
}

/// Graph: a partner's null property inherits the default; it is not "no restriction".
#[tokio::test]
async fn a_null_property_of_a_partner_is_the_defaults() {
    assert_eq!(guest(&bundle(&Value::Null), &json!({})).await, denied("users_and_applications_blocked"));
    let mut absent = bundle(&Value::Null);
    pointer_set(&mut absent, "/tenants/0/crossTenantAccessPolicy/partners/0", json!({"tenantId": HOME}));
    assert_eq!(guest(&absent, &json!({})).await, denied("users_and_applications_blocked"));
    let mut half = bundle(&setting("allowed", &everybody()));
    pointer_set(&mut half, &format!("{INBOUND}/applications"), Value::Null);
    assert_eq!(guest(&half, &json!({})).await, denied("applications_blocked"));
}
