//! Envoy's own `jwt_authn` verifies, and tenantgate believes its payload because it was told to.

use serde_json::json;
use tempfile::TempDir;

use crate::envoy::change;
use crate::gate::{BLOCKED, EXAMPLE, Gate, PARTNER, TENANT, USER, write_policy};
use crate::scene::Scene;
use crate::upstream::Seen;

/// Puts `jwt_authn` before the check and hands its metadata on. Whoever has no token passes the filter, so that what
/// refuses them is ours.
fn with_jwt_authn(shipped: &str, gate: &Gate) -> String {
    let filter = format!(
        r#"- name: envoy.filters.http.jwt_authn
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
                      providers:
                        entra:
                          issuer: https://login.microsoftonline.com/{TENANT}/v2.0
                          audiences: [api://orders]
                          local_jwks: {{inline_string: '{keys}'}}
                          forward: true
                          payload_in_metadata: payload
                      rules:
                        - match: {{prefix: /}}
                          requires: {{requires_any: {{requirements: [{{provider_name: entra}}, {{allow_missing: {{}}}}]}}}}
                  - name: envoy.filters.http.ext_authz"#,
        keys = gate.keys()
    );
    let placed = change(shipped, "- name: envoy.filters.http.ext_authz", &filter);
    change(
        &placed,
        "                      stat_prefix: tenantgate\n",
        "                      stat_prefix: tenantgate\n                      metadata_context_namespaces: [envoy.filters.http.jwt_authn]\n",
    )
}

async fn scene(place: &str) -> Scene {
    let directory = TempDir::new().unwrap();
    write_policy(directory.path(), EXAMPLE);
    let gate = Gate::start_with(&directory, "127.0.0.1:0", &json!({"verified_payload": place})).await;
    Scene::of(directory, gate, |shipped, gate| with_jwt_authn(&shipped, gate)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_envoy_verified_is_decided_on() {
    let scene = scene("envoy.filters.http.jwt_authn/payload").await;
    let gate = &scene.gate;
    let seen = Seen::of(&scene.get("/orders").bearer(&gate.guest(PARTNER)).send().await);
    assert_eq!(seen.one("x-tenantgate-home-tenant"), Some(PARTNER));
    assert_eq!(seen.one("x-tenantgate-user"), Some(USER));
    let denied = scene.get("/orders").bearer(&gate.guest(BLOCKED)).send().await;
    assert_eq!((denied.status, denied.problem().reason()), (403, "users_and_applications_blocked"));
    let missing = scene.get("/orders").send().await;
    assert_eq!((missing.status, missing.problem().reason()), (401, "token_missing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_not_read_where_its_payload_is_expected() {
    let scene = scene("envoy.filters.http.jwt_authn/elsewhere").await;
    let answer = scene.get("/orders").bearer(&scene.gate.internal()).send().await;
    assert_eq!((answer.status, answer.problem().reason()), (401, "token_missing"));
}
