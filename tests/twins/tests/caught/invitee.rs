//! Bodies that no case can write.

use prost::Message as _;
use serde_json::json;
use tenantgate::pb::envoy::service::auth::v3::CheckRequest;
use tenantgate::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use tokio::runtime::Runtime;

use crate::Rule;
use crate::bench::Bench;
use crate::harness::L;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "two bodies name nobody",
        holds: |runtime| {
            let both = |http: &mut HttpRequest| {
                http.body = invitation(0);
                http.raw_body = invitation(0).into_bytes();
            };
            !invites(both, runtime)
        },
    },
    Rule {
        name: "a body longer than any invitation names nobody",
        holds: |runtime| {
            let of = |blanks| move |http: &mut HttpRequest| http.body = invitation(blanks);
            invites(of(1024), runtime) && !invites(of(64 * 1024), runtime)
        },
    },
];

fn invitation(blanks: usize) -> String {
    let invitation = json!({"invitedUserEmailAddress": "kim@fabrikam.example"});
    format!("{invitation}{}", " ".repeat(blanks))
}

fn invites(change: impl FnOnce(&mut HttpRequest), runtime: &Runtime) -> bool {
    let bundle = json!({"tenants": [{
        "tenantId": L, "crossTenantAccessPolicy": {}, "authorizationPolicy": {"allowInvitesFrom": "everyone"},
    }]});
    let data = json!({"claims": {"tid": L, "aud": "api://orders"}, "route": {"action": "invite"}});
    let mut bench = Bench::of(&json!({}), &bundle, &data);
    let mut request = CheckRequest::decode(bench.frame.clone()).unwrap();
    let attributes = request.attributes.as_mut().unwrap();
    change(attributes.request.as_mut().unwrap().http.as_mut().unwrap());
    bench.frame = request.encode_to_vec().into();
    bench.allows(runtime)
}
