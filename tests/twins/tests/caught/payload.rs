//! `verified_payload`: claims that Envoy's own filter vouches for.

use std::collections::HashMap;

use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use serde_json::{Value, json};
use tenantgate::pb::envoy::config::core::v3::Metadata;
use tokio::runtime::Runtime;

use crate::Rule;
use crate::bench::Bench;
use crate::harness::bundles::base;
use crate::harness::signer::completed;
use crate::harness::{Asked, L, check_request, now, signer};

const FILTER: &str = "envoy.filters.http.jwt_authn";

pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "a payload that Envoy verified is a caller",
        holds: |runtime| allows(FILTER, "payload", &claims(), runtime),
    },
    Rule { name: "without a payload there is no caller", holds: no_token_instead },
    Rule { name: "a payload beside several credentials is nobody's", holds: several_credentials },
    Rule { name: "a payload beside a token and one in the query is nobody's", holds: token_in_query },
    Rule { name: "a payload beside a credential of another scheme is nobody's", holds: another_scheme },
    Rule {
        name: "another filter vouches for nobody",
        holds: |runtime| !allows("envoy.filters.http.lua", "payload", &claims(), runtime),
    },
    Rule {
        name: "another key vouches for nobody",
        holds: |runtime| !allows(FILTER, "header", &claims(), runtime),
    },
    Rule {
        name: "an unknown issuer's payload is nobody's",
        holds: |runtime| {
            let claims = json!({"tid": L, "aud": "api://orders", "iss": "https://evil.example/"});
            !allows(FILTER, "payload", &claims, runtime)
        },
    },
    Rule {
        name: "a payload that is out of time is nobody's",
        holds: |runtime| {
            let claims = json!({"tid": L, "aud": "api://orders", "exp": {"$now": -3600}});
            !allows(FILTER, "payload", &claims, runtime)
        },
    },
];

fn claims() -> Value {
    json!({"tid": L, "aud": "api://orders"})
}

fn allows(filter: &str, key: &str, claims: &Value, runtime: &Runtime) -> bool {
    allows_beside(&Asked::default(), filter, key, claims, runtime)
}

fn allows_beside(asked: &Asked, filter: &str, key: &str, claims: &Value, runtime: &Runtime) -> bool {
    let members = Struct { fields: [(key.to_owned(), prost(&completed(claims, now())))].into() };
    bench(asked, [(filter.to_owned(), members)].into()).allows(runtime)
}

/// A token beside it is the client's word, and nobody asked for it.
fn no_token_instead(runtime: &Runtime) -> bool {
    let asked = Asked::with_token(&signer().mint(&claims()));
    !bench(&asked, HashMap::new()).allows(runtime)
}

/// Envoy verified one of them, and the upstream gets both.
fn several_credentials(runtime: &Runtime) -> bool {
    let mut asked = Asked::with_token(&signer().mint(&claims()));
    let one = beside(&asked, runtime);
    asked.headers.push(("authorization".to_owned(), "Bearer another".to_owned()));
    let joined = beside(&asked, runtime);
    asked.raw = true;
    one && !joined && !beside(&asked, runtime)
}

/// Envoy takes one from there, too.
fn token_in_query(runtime: &Runtime) -> bool {
    let asked = |headers: Vec<_>| Asked {
        path: "/orders?access_token=a.b.c".to_owned(),
        headers,
        ..Asked::default()
    };
    let token = ("authorization".to_owned(), "Bearer a.b.c".to_owned());
    beside(&asked(vec![]), runtime) && !beside(&asked(vec![token]), runtime)
}

/// The upstream may take it.
fn another_scheme(runtime: &Runtime) -> bool {
    let basic = ("authorization".to_owned(), "Basic YTpi".to_owned());
    !beside(&Asked { headers: vec![basic], ..Asked::default() }, runtime)
}

/// Whether a good payload lets this in.
fn beside(asked: &Asked, runtime: &Runtime) -> bool {
    allows_beside(asked, FILTER, "payload", &claims(), runtime)
}

fn bench(asked: &Asked, filters: HashMap<String, Struct>) -> Bench {
    let config = json!({"tokens": {"verified_payload": format!("{FILTER}/payload")}});
    let mut bench = Bench::of(&config, &base(), &json!({}));
    let mut request = check_request(&Asked { host: "orders.contoso.example".to_owned(), ..asked.clone() });
    if !filters.is_empty() {
        let metadata = Metadata { filter_metadata: filters, ..Metadata::default() };
        request.attributes.as_mut().unwrap().metadata_context = Some(metadata);
    }
    bench.frame = request.encode_to_vec().into();
    bench
}

fn prost(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(*value),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap()),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(items) => Kind::ListValue(ListValue { values: items.iter().map(prost).collect() }),
        Value::Object(members) => Kind::StructValue(Struct {
            fields: members.iter().map(|(name, value)| (name.clone(), prost(value))).collect(),
        }),
    };
    prost_types::Value { kind: Some(kind) }
}
