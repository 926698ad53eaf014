//! What only the egress modes look at: hosts, paths, the tenant of the resource, and callers who are away.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{BILLING, EXCHANGE, MSA, ORDERS, TENANTS, guid, maybe, object, one_of};

/// Whose resource the token is for, and where its user is at home; `None` leaves the caller where it is.
pub(crate) type Away = Option<(&'static str, Option<&'static str>)>;

pub(crate) fn away() -> impl Strategy<Value = Away> {
    const AWAY: [(u32, Away); 9] = [
        (30, None),
        (25, Some((TENANTS[1], Some(TENANTS[0])))),
        (8, Some((TENANTS[3], Some(TENANTS[0])))),
        (12, Some((TENANTS[1], None))),
        (6, Some((TENANTS[4], None))),
        (6, Some((TENANTS[1], Some(TENANTS[3])))),
        (4, Some((TENANTS[3], Some("live.com")))),
        (3, Some((MSA, None))),
        (6, Some((TENANTS[0], None))),
    ];
    one_of(&AWAY)
}

/// Leads the token's user there. Its issuer's host stays, and so does whatever else is wrong with it.
pub(crate) fn lead(claims: &mut Value, away: &Away) {
    let (Some((tenant, home)), Some(claims)) = (away, claims.as_object_mut()) else { return };
    let (Some(tid), Some(issuer)) =
        (claims.get("tid").and_then(Value::as_str), claims.get("iss").and_then(Value::as_str))
    else {
        return;
    };
    let issuer = issuer.replace(tid, tenant);
    claims.insert("iss".to_owned(), issuer.into());
    claims.insert("tid".to_owned(), (*tenant).into());
    match home {
        None => drop(claims.remove("idp")),
        Some(home) if home.contains('-') => {
            claims.insert("idp".to_owned(), format!("https://sts.windows.net/{home}/").into());
        }
        Some(other) => drop(claims.insert("idp".to_owned(), (*other).into())),
    }
}

/// What is laid over a config.
pub(crate) fn config() -> impl Strategy<Value = Value> {
    const SIGN_IN: [(u32, &[&str]); 4] = [
        (80, &[]),
        (10, &["login.contoso.example", "*.microsoftonline.com"]),
        (5, &["*.windows.net"]),
        (5, &["LOGIN.live.com"]),
    ];
    const MODES: [(u32, Option<&str>); 3] =
        [(96, None), (2, Some("outbound")), (2, Some("tenant_restrictions"))];
    let resources = json!({
        "orders.example": ORDERS, "*.orders.example": ORDERS, "*.Example": BILLING, "x.mail.example": ORDERS,
        "*.mail.example": EXCHANGE, "*.windows.net": BILLING,
    });
    (
        one_of(&SIGN_IN),
        prop::bool::weighted(0.25),
        maybe(0.95, Just(resources)),
        maybe(0.4, any::<bool>()),
        one_of(&MODES),
    )
        .prop_map(|(sign_in, v1, resources, outbound, mode)| {
            object([
                ("mode", mode.map(Value::from)),
                (
                    "restrictions",
                    Some(object([
                        ("sign_in_hosts", Some(json!(sign_in))),
                        ("version", v1.then(|| "v1".into())),
                        ("resource_hosts", resources),
                    ])),
                ),
                ("egress", outbound.map(|it| json!({"evaluate_outbound": it}))),
            ])
        })
}

/// What is laid over a route.
pub(crate) fn route() -> impl Strategy<Value = Vec<(String, String)>> {
    const MODES: [(u32, &str); 2] = [(45, "outbound"), (55, "tenant_restrictions")];
    const ACTIONS: [(u32, &str); 4] = [(90, "access"), (15, "redeem"), (1, "invite"), (1, "user_sync")];
    let resource = maybe(0.25, guid(&TENANTS));
    let rest = (one_of(&ACTIONS), maybe(0.01, Just("mfa")));
    (one_of(&MODES), resource, rest).prop_map(|(mode, resource, (action, require))| {
        // Tenant restrictions know but one action: another one would hide the rest.
        let action = if mode == "outbound" || action != "redeem" { action } else { "access" };
        let action = Some(("action", action.to_owned()));
        let resource = resource.map(|id| ("resource_tenant", id));
        let require = require.map(|controls| ("require", controls.to_owned()));
        let said = [Some(("mode", mode.to_owned())), resource, action, require];
        said.into_iter().flatten().map(|(key, value)| (key.to_owned(), value)).collect()
    })
}

#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) host: String,
    pub(crate) path: &'static str,
    pub(crate) header: Option<(String, String)>,
}

pub(crate) fn request() -> impl Strategy<Value = Asked> {
    const HOSTS: [(u32, &str); 18] = [
        (300, "orders.example"),
        (40, "api.orders.example"),
        (20, "shop.example"),
        (10, "x.mail.example"),
        (10, "y.mail.example"),
        (25, "login.microsoftonline.com"),
        (10, "login.windows.net"),
        (12, "login.live.com"),
        (5, "login.microsoftonline.us"),
        (5, "login.contoso.example"),
        (5, "device.login.microsoftonline.com"),
        (4, "enterpriseregistration.windows.net"),
        (10, "www.elsewhere.test"),
        (3, "example"),
        (3, ".example"),
        (3, ""),
        (3, "orders.example,login.live.com"),
        (3, "orders.example.elsewhere.test"),
    ];
    const ENDS: [(u32, &str); 6] =
        [(80, ""), (6, ":443"), (6, "."), (4, ".:8443"), (2, ".."), (2, ":443:443")];
    const PATHS: [(u32, &str); 9] = [
        (90, "/"),
        (4, "/me?$select=id&x=sig"),
        (1, "/me?access_token=x"),
        (1, "/f?a=1&TempAuth=x"),
        (1, "/b;sig=1?sv=1;sig=x"),
        (1, "/b?s%69g"),
        (1, "/b?a?sig=x"),
        (1, "/access_token"),
        (1, "/b?sig%"),
    ];
    let method = one_of(&[(95, "GET"), (5, "CONNECT")]);
    let capitals = prop::bool::weighted(0.1);
    (method, one_of(&HOSTS), one_of(&ENDS), capitals, one_of(&PATHS), maybe(0.03, Just("cookie"))).prop_map(
        |(method, host, end, capitals, path, cookie)| {
            let host = format!("{host}{end}");
            Asked {
                method,
                host: if capitals { host.to_ascii_uppercase() } else { host },
                path,
                header: cookie.map(|name| (name.to_owned(), "a=b".to_owned())),
            }
        },
    )
}
