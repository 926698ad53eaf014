//! What is told beside the decision on an action, and bodies that no case can write.

use serde_json::{Value, json};
use tenantgate::pb::envoy::service::auth::v3::CheckResponse;
use tenantgate::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use tenantgate::pb::envoy::service::auth::v3::check_response::HttpResponse;

use crate::harness::{Asked, Client, L, World, check_request, signer};

const HOME: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";

/// Two tenants whose invitations redeem themselves; everyone may invite into ours, but not everybody.
fn bundle() -> Value {
    let both = json!({"inboundAllowed": true, "outboundAllowed": true});
    let tenant = |tenant: &str, other: &str| {
        json!({"tenantId": tenant, "crossTenantAccessPolicy": {"partners": [
            {"tenantId": other, "automaticUserConsentSettings": both},
        ]}})
    };
    let mut ours = tenant(L, HOME);
    ours["authorizationPolicy"] = json!({"allowInvitesFrom": "everyone"});
    ours["b2bManagementPolicy"] = json!({"InvitationsAllowedAndBlockedDomainsPolicy": {
        "AllowedDomains": ["fabrikam.example"],
    }});
    json!({"tenants": [ours, tenant(HOME, L)]})
}

fn guest() -> Value {
    json!({"tid": L, "idp": format!("https://sts.windows.net/{HOME}/"), "aud": "api://orders"})
}

fn headers(response: &CheckResponse) -> (Vec<(String, String)>, Vec<String>) {
    match response.http_response.clone().unwrap() {
        HttpResponse::OkResponse(ok) => {
            let set = ok.headers.into_iter().filter_map(|option| option.header);
            (set.map(|header| (header.key, header.value)).collect(), ok.headers_to_remove)
        }
        other @ (HttpResponse::DeniedResponse(_) | HttpResponse::ErrorResponse(_)) => {
            panic!("not an OK: {other:?}")
        }
    }
}

#[tokio::test]
async fn a_redemption_is_told_to_upstream_and_log() {
    let app = World::new(&json!({}), &bundle()).ready().await;
    let mut client = Client::connect(&app.check);
    let redeem = Asked::with_token(&signer().mint(&guest())).on("action", "redeem");
    let response = client.check(&redeem).await;
    let (set, removed) = headers(&response);
    assert!(set.contains(&("x-tenantgate-consent".to_owned(), "suppressed".to_owned())), "{set:?}");
    assert!(!removed.contains(&"x-tenantgate-consent".to_owned()));
    let fields = response.dynamic_metadata.unwrap().fields;
    for (name, word) in [
        ("consent", "suppressed"),
        ("invitation_email", "false"),
        ("consent_prompt", "false"),
        ("notification_email", "true"),
    ] {
        let told = prost_types::value::Kind::StringValue(word.to_owned());
        assert_eq!(fields[name].kind, Some(told), "{name}");
    }

    let access = client.check(&Asked::with_token(&signer().mint(&guest()))).await;
    let fields = access.dynamic_metadata.clone().unwrap().fields;
    for name in ["consent", "invitation_email", "consent_prompt", "notification_email"] {
        assert!(!fields.contains_key(name), "what is null is absent: {name}");
    }
    assert!(headers(&access).1.contains(&"x-tenantgate-consent".to_owned()));
}

#[tokio::test]
async fn a_body_is_read_as_text_or_as_bytes() {
    let app = World::new(&json!({}), &bundle()).ready().await;
    let mut client = Client::connect(&app.check);
    let invite = Asked::with_token(&signer().mint(&guest())).on("action", "invite");
    let mut reason = async |change: &dyn Fn(&mut HttpRequest)| {
        let mut request = check_request(&invite);
        let attributes = request.attributes.as_mut().unwrap();
        change(attributes.request.as_mut().unwrap().http.as_mut().unwrap());
        let fields = client.send(request).await.dynamic_metadata.unwrap().fields;
        match fields["reason"].kind.clone() {
            Some(prost_types::value::Kind::StringValue(reason)) => reason,
            other => panic!("{other:?}"),
        }
    };
    let address = |address: &str| json!({"invitedUserEmailAddress": address}).to_string();
    let (good, bad) = (address("kim@fabrikam.example"), address("kim@evil.example"));
    assert_eq!(reason(&|http| http.body.clone_from(&good)).await, "permitted");
    assert_eq!(reason(&|http| http.raw_body = good.clone().into_bytes()).await, "permitted");
    assert_eq!(reason(&|http| http.raw_body = bad.clone().into_bytes()).await, "domain_not_allowed");
    let both = |http: &mut HttpRequest| {
        http.body.clone_from(&good);
        http.raw_body = bad.clone().into_bytes();
    };
    assert_eq!(reason(&both).await, "invitee_unresolved");
    assert_eq!(reason(&|http| http.raw_body = vec![0xff, 0xfe]).await, "invitee_unresolved");
    let long = format!("{good}{}", " ".repeat(64 * 1024));
    assert_eq!(reason(&|http| http.body.clone_from(&long)).await, "invitee_unresolved");
    assert_eq!(reason(&|_| ()).await, "invitee_unresolved");
}

#[tokio::test]
async fn an_invitee_is_in_no_answer() {
    let app = World::new(&json!({}), &bundle()).ready().await;
    for address in ["kim@evil.example", "kim@fabrikam.example", "kim evil"] {
        let mut invite = Asked::with_token(&signer().mint(&guest())).on("action", "invite");
        invite.body = json!({"invitedUserEmailAddress": address}).to_string();
        let response = format!("{:?}", Client::connect(&app.check).check(&invite).await);
        assert!(!response.contains("kim") && !response.contains("evil"), "{response}");
    }
}
