//! Claims: who, where from, for what, with what evidence; and, rarely, what is wrong with them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{GROUPS, MSA, NOW, ORDERS, TENANTS, USERS, guid, maybe, object, one_of, pick, some_of};

pub(crate) fn claims() -> impl Strategy<Value = Value> {
    (origin(), who(), application(), evidence(), (times(), fault(), missing())).prop_map(
        |(origin, who, application, evidence, (times, fault, missing))| {
            let mut claims = serde_json::Map::new();
            for part in [origin, who, application, evidence, times] {
                if let Value::Object(part) = part {
                    claims.extend(part);
                }
            }
            if let Some((name, value)) = fault {
                claims.insert(name.to_owned(), value);
            }
            if let Some(name) = missing {
                claims.remove(name);
            }
            Value::Object(claims)
        },
    )
}

/// `tid`, `iss`, `idp`, `xms_idrel`, `acct`.
fn origin() -> impl Strategy<Value = Value> {
    const ISSUING: [(u32, &str); 6] = [
        (80, TENANTS[0]),
        (9, TENANTS[1]),
        (4, TENANTS[2]),
        (4, TENANTS[3]),
        (3, "E0E0E0E0-0000-4000-8000-00000000000E"),
        (1, MSA),
    ];
    const ISSUERS: [(u32, &str); 8] = [
        (50, "https://login.microsoftonline.com/{}/v2.0"),
        (25, "https://sts.windows.net/{}/"),
        (5, "https://login.microsoftonline.us/{}/v2.0"),
        (3, "https://login.partner.microsoftonline.cn/{}/v2.0"),
        (3, "https://sts.chinacloudapi.cn/{}/"),
        (6, "https://issuer.test/{}/v2.0"),
        (1, "https://unknown.test/{}/v2.0"),
        (1, "https://login.microsoftonline.com/c0c0c0c0-0000-4000-8000-00000000000c/v2.0"),
    ];
    const RELATIONS: [(u32, Option<&str>); 30] = [
        (500, None),
        (30, Some("1")),
        (60, Some("5")),
        (20, Some("1 30")),
        (10, Some("")),
        (10, Some("2 4")),
        (14, Some("7 24")),
        (5, Some("13")),
        (5, Some("33")),
        (40, Some("11")),
        (20, Some("5 31")),
        (30, Some("17")),
        (30, Some("5 19")),
        (8, Some("21")),
        (8, Some("25 2")),
        (5, Some("9")),
        (5, Some("15")),
        (5, Some("23 11")),
        (6, Some("27")),
        (6, Some("29")),
        (6, Some("11 17")),
        (4, Some("18446744073709551617")),
        (3, Some("267")),
        (3, Some("-11")),
        (2, Some("5 -0 65")),
        (2, Some("+11")),
        (2, Some(" 5")),
        (2, Some("5 ")),
        (3, Some("5  1")),
        (3, Some("five")),
    ];
    const OF_MEMBERS: [&str; 8] = ["1", "5", "1 30", "", "2 4", "7 24", "13", "33"];
    const ACCT: [(u32, Option<u64>); 4] = [(40, None), (40, Some(1)), (25, Some(0)), (3, Some(2))];
    // Independent draws would rarely make sense together: mostly, a token that L did not issue
    // is its tenant's own, and what a guest's relation says is said of guests only.
    (
        one_of(&ISSUING),
        one_of(&ISSUERS),
        provider(),
        one_of(&RELATIONS),
        one_of(&ACCT),
        prop::bool::weighted(0.15),
    )
        .prop_map(|(tenant, issuer, provider, relations, acct, odd)| {
            let provider = provider.filter(|_| odd || tenant == TENANTS[0]);
            let relations = relations.filter(|it| odd || provider.is_some() || OF_MEMBERS.contains(it));
            object([
                ("tid", Some(tenant.into())),
                ("iss", Some(issuer.replace("{}", tenant).into())),
                ("idp", provider.map(Value::from)),
                ("xms_idrel", relations.map(Value::from)),
                ("acct", acct.map(Value::from)),
            ])
        })
}

/// `idp`: absent, an Entra URI, none of Entra's, or none that can be read.
fn provider() -> impl Strategy<Value = Option<String>> {
    const KINDS: [(u32, Option<&str>); 56] = [
        (300, None),
        (180, Some("https://sts.windows.net/{}/")),
        (120, Some("https://login.microsoftonline.com/{}/v2.0")),
        (20, Some("https://login.microsoftonline.com/{}")),
        (10, Some("https://login.windows.net/{}/")),
        (10, Some("https://LOGIN.microsoft.com/{}/v2.0/")),
        (60, Some("https://login.microsoftonline.us/{}/v2.0")),
        (20, Some("https://login.partner.microsoftonline.cn/{}/")),
        (10, Some("https://login.chinacloudapi.cn/{}/v2.0")),
        (10, Some("https://sts.chinacloudapi.cn/{}/")),
        (15, Some("https://issuer.test/{}/v2.0")),
        (45, Some("live.com")),
        (30, Some("google.com")),
        (20, Some("mail")),
        (20, Some("https://saml.fabrikam.test/issuer")),
        (10, Some("https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/")),
        (6, Some("urn:federation:fabrikam")),
        (6, Some("https://login.unknown-cloud.test/{}/v2.0")),
        (4, Some("https://sts.unknown-cloud.test/{}")),
        (4, Some("https://login.microsoftonline.com:443/{}/")),
        (3, Some("http://login.unknown-cloud.test/{}/")),
        (3, Some("https://login.unknown-cloud.test/{}/v1.0")),
        (2, Some("https://login.microsoftonline.com/common/v2.0")),
        (2, Some("https://sts.windows.net/")),
        (2, Some("https://LOGIN.WINDOWS.NET/fabrikam.test/")),
        (2, Some("")),
        // What a query, a fragment, a port, a user or a dot makes of a URI.
        (2, Some("https://login.unknown-cloud.test/{}?x")),
        (2, Some("https://login.unknown-cloud.test/{}/v2.0#x")),
        (2, Some("https://login.unknown-cloud.test/{}/?x")),
        (2, Some("https://login.unknown-cloud.test?{}")),
        (2, Some("https://sts.windows.net/{}/?x")),
        (2, Some("https://sts.windows.net:443/common/")),
        (2, Some("https://kim@sts.windows.net/{}/")),
        (2, Some("https://kim@sts.windows.net/common/")),
        (2, Some("https://sts.windows.net./{}/x")),
        (2, Some("https://sts.windows.net./{}/")),
        (2, Some("https://sts%2Ewindows.net/common/")),
        (2, Some("https:/sts.windows.net/{}/")),
        (2, Some("https:///{}/")),
        (2, Some("//sts.windows.net/{}/")),
        (2, Some("ftp://sts.windows.net/{}/")),
        (2, Some("sts.windows.net")),
        (2, Some("https://sts.windows.net\\{}")),
        (2, Some(" https://sts.windows.net/{}/")),
        (2, Some("https://sts.windows.net/{}/\n")),
        (2, Some("live.com\t")),
        (2, Some("{}")),
        (2, Some("{}/v2.0")),
        // A configured issuer, and what resembles it.
        (4, Some("https://own.test/tenants/{}/")),
        (4, Some("HTTPS://OWN.test/tenants/{}")),
        (3, Some("https://ISSUER.test/{}/v2.0/")),
        (2, Some("https://own.test/{}/")),
        (2, Some("https://own.test/Tenants/{}/")),
        (2, Some("https://own.test:8443/tenants/{}/")),
        (2, Some("https://issuer.test/common/v2.0")),
        (2, Some("own.test")),
    ];
    const HOMES: [(u32, &str); 6] = [
        (40, TENANTS[1]),
        (20, TENANTS[2]),
        (25, TENANTS[3]),
        (20, TENANTS[4]),
        (8, "B0B0B0B0-0000-4000-8000-00000000000B"),
        (6, TENANTS[0]),
    ];
    (one_of(&KINDS), one_of(&HOMES)).prop_map(|(kind, home)| kind.map(|kind| kind.replace("{}", home)))
}

/// `oid`, `home_oid`, groups, and what tells a workload from a user.
fn who() -> impl Strategy<Value = Value> {
    const TYPES: [(u32, Option<&str>); 4] =
        [(85, None), (8, Some("user")), (6, Some("app")), (1, Some("device"))];
    const EMAILS: [(u32, Option<&str>); 14] = [
        (35, None),
        (30, Some("kim@fabrikam.test")),
        (20, Some("kim@NORTHWIND.test")),
        (8, Some("kim@sub.fabrikam.test")),
        (2, Some("kim")),
        (2, Some("kim@")),
        (5, Some("kim@fabrikam.test.")),
        (3, Some("kim@MÜNCHEN.test")),
        (3, Some("kim@xn--mnchen-3ya.test")),
        (2, Some("kim@fabrikam.test..")),
        (2, Some("kim@fabrikam.test ")),
        (2, Some("Kim <kim@fabrikam.test>")),
        (1, Some("kim@-fabrikam.test")),
        (1, Some("kim@.")),
    ];
    const DUTIES: [&str; 4] = [
        "62e90394-69f5-4237-9190-012177145e10",
        "fe930be7-5e62-47db-91af-98c3a49a38b1",
        "95E79109-95c0-4d8e-aee3-d01accf2d47b",
        "b79fbf4d-3ef9-4689-8143-76b194e85509",
    ];
    let id = |probability| {
        (maybe(probability, guid(&USERS)), prop::bool::weighted(0.03))
            .prop_map(|(id, broken)| if broken { Some("kim".to_owned()) } else { id })
    };
    let groups = (maybe(0.55, some_of(0.4, &GROUPS)), prop::bool::weighted(0.03));
    let overage = (maybe(0.05, any::<bool>()), maybe(0.06, any::<bool>()));
    let user = (maybe(0.3, Just("user.read")), maybe(0.1, Just("kim")));
    (
        (id(0.95), id(0.35)),
        (groups, maybe(0.4, some_of(0.3, &DUTIES))),
        overage,
        (one_of(&TYPES), maybe(0.15, Just(json!(["Orders.Read"])))),
        (one_of(&EMAILS), user),
    )
        .prop_map(
            |((oid, home_oid), ((groups, broken), duties), (has, names), (kind, roles), (email, user))| {
                let groups = groups.map(|mut groups| {
                    groups.extend(broken.then_some("all staff"));
                    json!(groups)
                });
                let names = names.map(|moved| if moved { json!({"groups": "src1"}) } else { json!({}) });
                object([
                    ("oid", oid.map(Value::from)),
                    ("home_oid", home_oid.map(Value::from)),
                    ("groups", groups),
                    ("wids", duties.map(Value::from)),
                    ("hasgroups", has.map(Value::from)),
                    ("_claim_names", names),
                    ("idtyp", kind.map(Value::from)),
                    ("roles", roles),
                    ("email", email.map(Value::from)),
                    ("scp", user.0.map(Value::from)),
                    ("name", user.1.map(Value::from)),
                ])
            },
        )
}

/// `aud`, and the client.
fn application() -> impl Strategy<Value = Value> {
    const AUDIENCES: [(u32, &str); 8] = [
        (80, "api://orders"),
        (14, "api://billing"),
        (12, ORDERS),
        (6, "33333333-AAAA-4000-8000-000000000001"),
        (8, super::STRANGE),
        (8, "api://unmapped"),
        (5, super::EXCHANGE),
        (1, "api://elsewhere"),
    ];
    type Pair = (Option<&'static str>, Option<&'static str>);
    const CLIENTS: [(u32, Pair); 8] = [
        (15, (None, None)),
        (30, (Some(super::BILLING), None)),
        (15, (Some(super::STRANGE), None)),
        (10, (None, Some(super::BILLING))),
        (5, (Some(super::GRAPH), Some(super::GRAPH))),
        (5, (Some(super::BILLING), Some(super::EXCHANGE))),
        (3, (Some("33333333-BBBB-4000-8000-000000000002"), None)),
        (2, (Some("the client"), None)),
    ];
    (one_of(&AUDIENCES), one_of(&CLIENTS)).prop_map(|(audience, (azp, appid))| {
        object([
            ("aud", Some(audience.into())),
            ("azp", azp.map(Value::from)),
            ("appid", appid.map(Value::from)),
        ])
    })
}

/// What §7 and §5.1 look at.
fn evidence() -> impl Strategy<Value = Value> {
    const METHODS: [(u32, Option<&[&str]>); 5] = [
        (40, None),
        (20, Some(&["pwd"])),
        (20, Some(&["pwd", "mfa"])),
        (8, Some(&["ngcmfa"])),
        (4, Some(&["pwd", "rsa", "wiaormfa"])),
    ];
    const CAPABILITIES: [(u32, Option<&[&str]>); 4] =
        [(40, None), (40, Some(&["cp1"])), (6, Some(&["other", "CP1"])), (6, Some(&["cp2"]))];
    const CONTEXTS: [&str; 3] = ["c1", "c2", "c3"];
    const DEVICE: [&str; 3] = ["dvc_cmp", "dvc_dmjd", "kmsi"];
    (
        one_of(&METHODS),
        one_of(&CAPABILITIES),
        maybe(0.5, some_of(0.35, &CONTEXTS)),
        maybe(0.4, some_of(0.5, &DEVICE)),
        maybe(
            0.35,
            prop::sample::select(
                &[
                    "44444444-aaaa-4000-8000-000000000001",
                    "44444444-AAAA-4000-8000-000000000001",
                    "44444444-bbbb-4000-8000-000000000002",
                    "policy",
                ][..],
            ),
        ),
    )
        .prop_map(|(methods, capabilities, contexts, device, policy)| {
            object([
                ("amr", methods.map(|it| json!(it))),
                ("xms_cc", capabilities.map(|it| json!(it))),
                ("acrs", contexts.map(|it| json!(it))),
                ("signin_state", device.map(|it| json!(it))),
                ("xms_trpid", policy.map(Value::from)),
            ])
        })
}

/// At both sides of every edge that a minute of skew makes.
fn times() -> impl Strategy<Value = Value> {
    const EXPIRY: [(u32, i64); 5] = [(300, 3600), (5, -59), (5, -60), (3, 0), (2, -4000)];
    const NOT_BEFORE: [(u32, Option<i64>); 6] =
        [(100, None), (100, Some(-300)), (10, Some(0)), (5, Some(60)), (4, Some(61)), (1, Some(900))];
    const ISSUED: [(u32, Option<i64>); 6] = [
        (60, Some(-60)),
        (10, None),
        (20, Some(-3599)),
        (20, Some(-3600)),
        (20, Some(-3601)),
        (5, Some(-40_000_000)),
    ];
    (one_of(&EXPIRY), one_of(&NOT_BEFORE), one_of(&ISSUED)).prop_map(|(exp, nbf, iat)| {
        object([
            ("exp", Some((NOW + exp).into())),
            ("nbf", nbf.map(|it| (NOW + it).into())),
            ("iat", iat.map(|it| (NOW + it).into())),
        ])
    })
}

/// A claim replaced by something that is mostly of the wrong type.
fn fault() -> impl Strategy<Value = Option<(&'static str, Value)>> {
    const NAMES: [&str; 32] = [
        "iss",
        "tid",
        "idp",
        "oid",
        "sub",
        "aud",
        "azp",
        "appid",
        "idtyp",
        "xms_idrel",
        "xms_trpid",
        "home_oid",
        "email",
        "ver",
        "scp",
        "upn",
        "unique_name",
        "preferred_username",
        "name",
        "exp",
        "nbf",
        "iat",
        "acct",
        "amr",
        "acrs",
        "signin_state",
        "groups",
        "roles",
        "wids",
        "hasgroups",
        "xms_cc",
        "_claim_names",
    ];
    let values: Vec<Value> = vec![
        Value::Null,
        json!(17),
        json!(-1),
        json!(1.5),
        json!(253_402_300_799_i64),
        json!(253_402_300_800_i64),
        json!("text"),
        json!(["text"]),
        json!([17]),
        json!([]),
        json!({}),
        json!(true),
    ];
    maybe(0.015, (pick(&NAMES), prop::sample::select(values)))
}

fn missing() -> impl Strategy<Value = Option<&'static str>> {
    maybe(0.008, pick(&["tid", "iss", "aud", "exp"]))
}
