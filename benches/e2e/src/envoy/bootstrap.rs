//! Envoy's configuration: for each kind a listener with its filters, and for all of them one upstream.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::envoy::kind::Kind;
use crate::envoy::rules;
use crate::envoy::service::Service;
use crate::envoy::{ISSUER, typed};
use crate::fixtures::AUDIENCE;
use crate::fixtures::id::TENANT;
use crate::table::Table;

/// Room in the cache of `jwt_authn` for every token there is; it has 100 otherwise.
const TOKENS: u32 = 10_000;

/// For these services, this upstream, tokens signed by these keys, and these rules.
pub(crate) fn bootstrap(
    services: &[Service],
    upstream: SocketAddr,
    keys: &str,
    table: &Table,
) -> anyhow::Result<Value> {
    let mut clusters = vec![cluster("upstream", upstream, false)];
    let mut listeners = Vec::new();
    for Service { kind, check, .. } in services {
        clusters.extend(check.map(|check| cluster(kind.name(), check, true)));
        listeners.push(listener(*kind, filters(*kind, keys, table)?));
    }
    Ok(json!({
        "admin": {"address": address(([127, 0, 0, 1], 0).into())},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    }))
}

fn filters(kind: Kind, keys: &str, table: &Table) -> anyhow::Result<Vec<Value>> {
    Ok(match kind {
        Kind::NoFilter => Vec::new(),
        // As `deploy/envoy` has it.
        Kind::Tenantgate | Kind::DoNothing => vec![asks(kind, true)],
        Kind::Cerbos | Kind::Opa => vec![asks(kind, false)],
        Kind::MatcherTree => vec![
            without_claims(),
            verifies(keys, &json!([{"header_name": rules::IDP_HEADER, "claim_name": "idp"}])),
            typed(RBAC, &json!({"matcher": rules::tree(table)?})),
        ],
        Kind::PolicyList => vec![
            verifies(keys, &json!([])),
            typed(RBAC, &json!({"rules": {"action": "ALLOW", "policies": rules::list(table)?}})),
        ],
    })
}

/// `ext_authz`; only tenantgate reads headers as the client sent them.
fn asks(kind: Kind, raw: bool) -> Value {
    let allowed =
        ["authorization", "accept", "sec-restrict-tenant-access-policy"].map(|name| json!({"exact": name}));
    let mut patterns = allowed.to_vec();
    patterns.push(json!({"prefix": "x-tenantgate-"}));
    let filter = json!({
        "transport_api_version": "V3",
        // Longer than deployed: what is slow is measured, not refused.
        "grpc_service": {"envoy_grpc": {"cluster_name": kind.name()}, "timeout": "10s"},
        "failure_mode_allow": false,
        "status_on_error": {"code": "ServiceUnavailable"},
        "encode_raw_headers": raw,
        "allowed_headers": {"patterns": patterns},
        "validate_mutations": true,
        "decoder_header_mutation_rules": {
            "disallow_all": true,
            "disallow_is_error": true,
            "allow_expression": {"regex": "x-tenantgate-.*"},
        },
        "emit_filter_state_stats": true,
    });
    typed(EXT_AUTHZ, &filter)
}

/// What `jwt_authn` writes claims to must not come from a client.
fn without_claims() -> Value {
    let removes = json!({"remove": rules::IDP_HEADER});
    typed(HEADER_MUTATION, &json!({"mutations": {"request_mutations": [removes]}}))
}

/// `jwt_authn`, with its cache on, and with claims for those who read them from headers.
fn verifies(keys: &str, headers: &Value) -> Value {
    let provider = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": keys},
        "forward": true,
        "payload_in_metadata": rules::CLAIMS,
        "claim_to_headers": headers,
        "jwt_cache_config": {"jwt_cache_size": TOKENS},
    });
    let rules = json!([{"match": {"prefix": "/"}, "requires": {"provider_name": "entra"}}]);
    typed(JWT_AUTHN, &json!({"providers": {"entra": provider}, "rules": rules}))
}

fn listener(kind: Kind, mut filters: Vec<Value>) -> Value {
    filters.push(typed(ROUTER, &json!({})));
    let manager = json!({
        "stat_prefix": kind.name(),
        "http_filters": filters,
        "route_config": {"virtual_hosts": [{
            "name": "orders",
            "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}],
            "typed_per_filter_config": per_route(kind),
        }]},
    });
    json!({
        "name": kind.name(),
        "address": address(([127, 0, 0, 1], 0).into()),
        "filter_chains": [{"filters": [typed(MANAGER, &manager)]}],
    })
}

/// What tenantgate is told of the application.
fn per_route(kind: Kind) -> Value {
    match kind {
        Kind::Tenantgate | Kind::DoNothing => json!({EXT_AUTHZ.0: {
            "@type": format!("{}PerRoute", EXT_AUTHZ.1),
            "check_settings": {
                "context_extensions": {"tenant": TENANT.to_string(), "application": AUDIENCE},
            },
        }}),
        Kind::NoFilter | Kind::MatcherTree | Kind::PolicyList | Kind::Cerbos | Kind::Opa => json!({}),
    }
}

fn cluster(name: &str, endpoint: SocketAddr, is_grpc: bool) -> Value {
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(endpoint)}}]}],
        },
    });
    if let (true, Value::Object(members)) = (is_grpc, &mut cluster) {
        let (name, url) = HTTP_PROTOCOL;
        let http2 = json!({"@type": url, "explicit_http_config": {"http2_protocol_options": {}}});
        members.insert("typed_extension_protocol_options".to_owned(), json!({name: http2}));
    }
    cluster
}

fn address(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip(), "port_value": address.port()}})
}

/// Names and types of what Envoy has.
type Extension = (&'static str, &'static str);

const EXT_AUTHZ: Extension = (
    "envoy.filters.http.ext_authz",
    "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
);
const HEADER_MUTATION: Extension = (
    "envoy.filters.http.header_mutation",
    "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
);
const HTTP_PROTOCOL: Extension = (
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
);
const JWT_AUTHN: Extension = (
    "envoy.filters.http.jwt_authn",
    "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
);
const MANAGER: Extension = (
    "envoy.filters.network.http_connection_manager",
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
);
const RBAC: Extension =
    ("envoy.filters.http.rbac", "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC");
const ROUTER: Extension =
    ("envoy.filters.http.router", "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router");
