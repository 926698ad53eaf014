//! What Envoy is told to do to requests that leave.

use serde_json::{Value, json};
use tenantgate::pb::envoy::service::auth::v3::check_response::HttpResponse;
use tokio::runtime::Runtime;

use crate::Rule;
use crate::bench::Bench;
use crate::harness::bundles::{A_USER, ALL_APPS, ALL_USERS, AN_APP, DEFAULT, ID, POLICY, base, setting};
use crate::harness::{L, pointer_set};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "a sign-in host hears of the policy, and nothing from the client",
        holds: |runtime| {
            let spellings =
                ["login.microsoftonline.com", "LOGIN.LIVE.COM", "login.live.com.", "login.live.com:443"];
            spellings
                .into_iter()
                .all(|host| told("v2", host, runtime) == [Some(format!("{L}:{ID}")), None, None])
        },
    },
    Rule {
        name: "v1 names only tenants that are open to everyone for everything",
        holds: |runtime| {
            let list = Some(format!("{L},{OPEN}"));
            told("v1", "login.windows.net", runtime) == [None, list, Some(L.to_owned())]
        },
    },
    Rule {
        name: "v1 forbids personal accounts",
        holds: |runtime| {
            told("v1", "login.live.com", runtime) == [Some("restrict-msa".to_owned()), None, None]
        },
    },
    Rule {
        name: "an upstream is told of nobody whom nobody verified",
        holds: |runtime| {
            let claims = json!({"tid": L, "aud": "api://elsewhere", "oid": ID});
            let data =
                json!({"claims": claims, "sign": "other_key", "request": {"host": "graph.microsoft.com"}});
            let ok = touched(&json!({"tokens": {"verification": "upstream"}}), &data, runtime);
            ok.is_some_and(|(set, _)| set.iter().all(|(name, _)| name != "x-tenantgate-user"))
        },
    },
];

const OPEN: &str = "a0a0a0a0-0000-4000-8000-00000000000a";

fn bundle() -> Value {
    let open = setting(("allowed", ALL_USERS), ("allowed", ALL_APPS));
    let mut bundle = base();
    pointer_set(&mut bundle, &format!("{DEFAULT}/id"), json!(ID));
    for (tenant, restrictions) in [
        (OPEN, open),
        ("b0b0b0b0-0000-4000-8000-00000000000b", setting(("allowed", A_USER), ("allowed", ALL_APPS))),
        ("c0c0c0c0-0000-4000-8000-00000000000c", setting(("allowed", ALL_USERS), ("allowed", AN_APP))),
    ] {
        let partner = json!({"tenantId": tenant, "tenantRestrictions": restrictions});
        pointer_set(&mut bundle, &format!("{POLICY}/partners/-"), partner);
    }
    bundle
}

/// The three headers of tenant restrictions as a sign-in host gets them from a client that sends its own.
fn told(version: &str, host: &str, runtime: &Runtime) -> [Option<String>; 3] {
    let names =
        ["sec-restrict-tenant-access-policy", "restrict-access-to-tenants", "restrict-access-context"];
    let headers = names.map(|name| [name, "evil"]);
    let data = json!({"request": {"host": host, "headers": headers}});
    let config = json!({"restrictions": {"version": version}});
    let (set, removed) = touched(&config, &data, runtime).unwrap_or_default();
    names.map(|name| {
        let value = set.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        value.or_else(|| (!removed.iter().any(|removed| removed == name)).then(|| "evil".to_owned()))
    })
}

type Touched = (Vec<(String, String)>, Vec<String>);

/// What an allowed request gets and loses.
fn touched(config: &Value, data: &Value, runtime: &Runtime) -> Option<Touched> {
    let mut config = config.clone();
    config["mode"] = json!("tenant_restrictions");
    let bench = Bench::of(&config, &bundle(), data);
    let Some(HttpResponse::OkResponse(ok)) = bench.answer(&bench.gate(), runtime).http_response else {
        return None;
    };
    let set = ok.headers.into_iter().filter_map(|option| option.header);
    Some((set.map(|header| (header.key, header.value)).collect(), ok.headers_to_remove))
}
