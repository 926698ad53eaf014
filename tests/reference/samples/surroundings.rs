//! What stands around a token: config, principal map, route and headers.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    BILLING, CONTROLS, EXCHANGE, GROUPS, ORDERS, POLICIES, STRANGE, TENANTS, USERS, guid, maybe, object,
    one_of, pick, some_of, spelled,
};

pub(crate) fn config() -> impl Strategy<Value = Value> {
    const BLOCKED: [(u32, Option<&str>); 3] = [(60, None), (20, Some("documented")), (20, Some("strict"))];
    const NON_ENTRA: [(u32, Option<&str>); 4] =
        [(60, None), (20, Some("domains")), (8, Some("permit")), (12, Some("deny"))];
    let applications = maybe(0.93, Just(json!({"api://orders": ORDERS, "api://billing": BILLING})));
    let requirements = (maybe(0.85, contexts()), maybe(0.5, partner_contexts()));
    let switches = (
        maybe(0.3, any::<bool>()),
        one_of(&BLOCKED),
        one_of(&NON_ENTRA),
        maybe(0.12, any::<bool>()),
        maybe(0.1, Just(json!("inbound"))),
        maybe(0.2, any::<bool>()),
    );
    (tokens(), applications, maybe(0.25, suites()), requirements, switches).prop_map(
        |(tokens, applications, suites, (contexts, partner_contexts), switches)| {
            let (honor, blocked, non_entra, report_only, mode, cross_cloud) = switches;
            object([
                ("tenant", Some(TENANTS[0].into())),
                ("mode", mode),
                ("tokens", Some(tokens)),
                ("applications", applications),
                ("suites", suites),
                ("authenticationContexts", contexts),
                ("partnerAuthenticationContexts", partner_contexts),
                ("ingress", honor.map(|it| json!({"honor_tenant_restrictions_header": it}))),
                ("blocked_blocked", blocked.map(Value::from)),
                ("non_entra", non_entra.map(Value::from)),
                ("report_only", report_only.map(Value::from)),
                ("cross_cloud_redemption", cross_cloud.map(Value::from)),
            ])
        },
    )
}

fn tokens() -> impl Strategy<Value = Value> {
    const SKEWS: [(u32, Option<&str>); 4] = [(80, None), (10, Some("60s")), (5, Some("0s")), (5, Some("5m"))];
    (
        one_of(&[(85, "all"), (10, "one"), (5, "own")]),
        prop::bool::weighted(0.06),
        one_of(&SKEWS),
        maybe(0.3, any::<bool>()),
    )
        .prop_map(|(issuers, narrow, skew, groups)| {
            let audiences = if narrow {
                json!(["api://orders"])
            } else {
                json!(["api://orders", "api://billing", "api://unmapped", ORDERS, STRANGE, EXCHANGE])
            };
            object([
                ("issuers", Some(configured(issuers))),
                ("audiences", Some(audiences)),
                ("clock_skew", skew.map(Value::from)),
                ("groups_emitted", groups.map(Value::from)),
            ])
        })
}

/// No `iss` matches two entries, for then nobody could say whose key signed.
fn configured(which: &str) -> Value {
    let own = |issuer: &str, cloud: &str| json!({"issuer": issuer, "jwks": "file:jwks.json", "cloud": cloud});
    let commercial = json!({"cloud": "microsoftonline.com"});
    let test = own("https://issuer.test/{tenantid}/v2.0", "microsoftonline.us");
    match which {
        "one" => json!([commercial]),
        "own" => json!([test, commercial]),
        _ => json!([
            commercial,
            own("https://login.microsoftonline.us/{tenantid}/v2.0", "microsoftonline.us"),
            {"cloud": "partner.microsoftonline.cn"},
            test,
            own("https://own.test/tenants/{tenantid}/", "microsoftonline.com"),
        ]),
    }
}

fn suites() -> impl Strategy<Value = Value> {
    const MEMBERS: [&str; 2] = [STRANGE, ORDERS];
    (some_of(0.4, &MEMBERS), some_of(0.4, &MEMBERS))
        .prop_map(|(office, all)| json!({"Office365": office, "AllMicrosoftApps": all}))
}

/// Which context stands for which control, none, some or all.
pub(crate) fn contexts() -> impl Strategy<Value = Value> {
    const MAPPED: [&str; 3] = ["c1", "c2", "c3"];
    prop::array::uniform3(maybe(0.75, pick(&MAPPED))).prop_map(|contexts| {
        let entries = CONTROLS.into_iter().zip(contexts);
        let there = entries.filter_map(|(name, context)| Some((name.to_owned(), context?.into())));
        Value::Object(there.collect::<Map<_, _>>())
    })
}

pub(crate) fn partner_contexts() -> impl Strategy<Value = Value> {
    (maybe(0.8, contexts()), maybe(0.5, contexts()), prop::bool::weighted(0.05)).prop_map(
        |(second, fourth, capitals)| object([(&spelled(TENANTS[1], capitals), second), (TENANTS[3], fourth)]),
    )
}

/// At most one entry for a user of a tenant.
pub(crate) fn principal_map() -> impl Strategy<Value = Value> {
    let entry = (
        (0..2_usize, guid(&USERS)),
        one_of(&[(50, 1_usize), (20, 2), (20, 3), (5, 4), (5, 0)]),
        guid(&USERS),
        maybe(0.8, maybe(0.9, some_of(0.4, &GROUPS))),
    );
    maybe(0.5, prop::collection::vec(entry, 0..=4)).prop_map(|entries| {
        let Some(entries) = entries else { return Value::Null };
        let mut unique = BTreeMap::new();
        for ((tenant, oid), home, home_oid, groups) in entries {
            let entry = object([
                ("tenant", Some(TENANTS[tenant].into())),
                ("oid", Some(oid.as_str().into())),
                ("homeTenant", Some(TENANTS[home].into())),
                ("homeOid", Some(home_oid.into())),
                ("homeGroups", groups.map(Value::from)),
            ]);
            unique.insert((tenant, oid.to_ascii_lowercase()), entry);
        }
        unique.into_values().collect()
    })
}

pub(crate) fn route() -> impl Strategy<Value = BTreeMap<String, String>> {
    // What no route may say comes last, and rarely.
    const TENANT: [(u32, Option<&str>); 6] = [
        (850, None),
        (60, Some(TENANTS[0])),
        (30, Some(TENANTS[1])),
        (8, Some("B0B0B0B0-0000-4000-8000-00000000000B")),
        (4, Some(TENANTS[3])),
        (2, Some("contoso.test")),
    ];
    const APPLICATION: [(u32, Option<&str>); 7] = [
        (850, None),
        (40, Some("api://orders")),
        (40, Some(ORDERS)),
        (8, Some("api://billing")),
        (5, Some(STRANGE)),
        (5, Some(EXCHANGE)),
        (4, Some("api://unmapped")),
    ];
    const REQUIRE: [(u32, Option<&str>); 8] = [
        (850, None),
        (60, Some("mfa")),
        (30, Some("compliantDevice")),
        (30, Some("domainJoinedDevice")),
        (15, Some("compliantDevice,mfa")),
        (15, Some("mfa,compliantDevice,domainJoinedDevice")),
        (3, Some("mfa, compliantDevice")),
        (2, Some("block")),
    ];
    const REPORT_ONLY: [(u32, Option<&str>); 4] =
        [(920, None), (30, Some("true")), (30, Some("false")), (3, Some("yes"))];
    const MODE: [(u32, Option<&str>); 3] = [(900, None), (90, Some("inbound")), (2, Some("Inbound"))];
    const ACTION: [(u32, Option<&str>); 6] = [
        (660, None),
        (70, Some("access")),
        (90, Some("invite")),
        (140, Some("redeem")),
        (50, Some("user_sync")),
        (2, Some("read")),
    ];
    const SOURCE: [(u32, Option<&str>); 5] = [
        (600, None),
        (200, Some(TENANTS[1])),
        (100, Some(TENANTS[2])),
        (40, Some(TENANTS[3])),
        (4, Some("fabrikam.test")),
    ];
    const STRAY: [(u32, Option<&str>); 4] =
        [(990, None), (4, Some("tenants")), (2, Some("resource_tenant")), (2, Some("Mode"))];
    (
        one_of(&TENANT),
        one_of(&APPLICATION),
        one_of(&REQUIRE),
        one_of(&REPORT_ONLY),
        one_of(&MODE),
        (one_of(&ACTION), one_of(&SOURCE)),
        one_of(&STRAY),
    )
        .prop_map(|(tenant, application, require, report_only, mode, (action, source), stray)| {
            let said = [
                ("tenant", tenant),
                ("application", application),
                ("require", require),
                ("report_only", report_only),
                ("mode", mode),
                ("action", action),
                // What no action asks for is in few routes.
                ("source_tenant", source.filter(|_| action == Some("user_sync"))),
            ];
            let pair = |(key, value): (&str, Option<&str>)| Some((key.to_owned(), value?.to_owned()));
            let mut route: BTreeMap<String, String> = said.into_iter().filter_map(pair).collect();
            route.extend(stray.map(|key| (key.to_owned(), TENANTS[1].to_owned())));
            route
        })
}

pub(crate) fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    const NAMES: [(u32, &str); 3] = [
        (70, "sec-restrict-tenant-access-policy"),
        (20, "sec-Restrict-Tenant-Access-Policy"),
        (10, "SEC-RESTRICT-TENANT-ACCESS-POLICY"),
    ];
    const KINDS: [(u32, &str); 5] = [
        (80, "policy"),
        (8, "restrict-msa"),
        (3, "contoso.test:1"),
        (3, ""),
        (3, "44444444-aaaa-4000-8000-000000000001"),
    ];
    const PARTIAL: [(u32, Option<&str>); 4] =
        [(60, None), (40, Some("false")), (3, Some("true")), (1, Some(""))];
    let restriction = || {
        (one_of(&NAMES), one_of(&KINDS), guid(&TENANTS), guid(&POLICIES)).prop_map(
            |(name, kind, tenant, policy)| {
                let value = if kind == "policy" { format!("{tenant}:{policy}") } else { kind.to_owned() };
                (name.to_owned(), value)
            },
        )
    };
    let other = ("accept".to_owned(), "*/*".to_owned());
    (maybe(0.3, restriction()), maybe(0.02, restriction()), maybe(0.3, Just(other)), one_of(&PARTIAL))
        .prop_map(|(first, second, other, partial)| {
            let partial = partial.map(|said| ("x-envoy-auth-partial-body".to_owned(), said.to_owned()));
            [first, second, other, partial].into_iter().flatten().collect()
        })
}
