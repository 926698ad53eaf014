//! The principal map's file: what is refused, and what stays.

use std::time::Duration;

use serde_json::{Value, json};
use tenantgate::app::App;

use crate::harness::{Asked, Client, L, World, signer};

const HOME: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";
const OID: &str = "0a1b2c3d-0000-4000-8000-00000000000a";
const LISTED: &str = "0a1b2c3d-0000-4000-8000-00000000000b";
const OTHER: &str = "0a1b2c3d-0000-4000-8000-00000000000c";

/// Only one user of the partner may come in, and only the map tells who a guest is.
fn world(map: &str) -> World {
    let bundle = json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {"partners": [{
        "tenantId": HOME,
        "b2bCollaborationInbound": {
            "usersAndGroups": {"accessType": "allowed", "targets": [{"target": LISTED, "targetType": "user"}]},
            "applications": {"accessType": "allowed", "targets": [{"target": "AllApplications", "targetType": "application"}]},
        },
    }]}}]});
    let world = World::new(&json!({"principal_map": "principals.json"}), &bundle);
    world.write("principals.json", map);
    world
}

fn entry(home_oid: &str) -> Value {
    json!({"homeTenant": HOME, "homeOid": home_oid})
}

/// An entry that matches and, further down, one that says otherwise, of the same object in capitals.
fn twice() -> String {
    format!(r#"{{"{L}":{{"{OID}":{},"{}":{}}}}}"#, entry(OTHER), OID.to_uppercase(), entry(LISTED))
}

async fn reason(client: &mut Client) -> Value {
    let home = format!("https://sts.windows.net/{HOME}/");
    let token = signer().mint(&json!({"tid": L, "idp": home, "aud": "api://orders", "oid": OID}));
    client.decide(&Asked::with_token(&token)).await["reason"].clone()
}

#[tokio::test]
async fn a_map_that_names_a_principal_twice_starts_nothing() {
    let world = world(&twice());
    let error = anyhow::Error::from(App::start(&world.config(), None).await.unwrap_err());
    let told = format!("{error:#}");
    assert!(
        told.contains("principals.json`, up to line 1, column ") && told.contains("each principal once"),
        "{told}"
    );
    // It goes to the log as well, when the map is replaced.
    assert!(!told.contains(OID) && !told.contains(LISTED), "{told}");
}

#[tokio::test]
async fn a_bad_map_is_not_applied_and_the_last_good_one_stays() {
    let world = world(&json!({L: {OID: entry(OTHER)}}).to_string());
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    assert_eq!(reason(&mut client).await, "users_blocked");
    world.replace("principals.json", &twice());
    // Files are compared every two seconds, and a map that is refused shows nowhere but in the log.
    for _ in 0..25 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(reason(&mut client).await, "users_blocked");
    }
    world.replace("principals.json", &json!({L: {OID: entry(LISTED)}}).to_string());
    for _ in 0..1000 {
        if reason(&mut client).await == "permitted" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the better map was not applied");
}
