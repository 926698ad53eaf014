//! The way out: where our users may go, and whose accounts may be used on our network.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{APP, H, L, NOW, OTHER, USER, line, settings};
use crate::reference::generate::Case;

/// A third tenant, of which nothing is kept.
const S: &str = "a0d9e6b2-3c41-4f7a-8b5d-1e2f3a4b5c6d";

pub(super) fn matrix() -> String {
    let mut text = String::new();
    let sections = [
        (
            "Where our users may go, by the outbound settings kept for the resource's tenant",
            "outbound",
            &["b2bCollaborationOutbound", "b2bDirectConnectOutbound"][..],
        ),
        (
            "Whose accounts may be used on our network, by the tenant restrictions kept for the tenant",
            "tenant_restrictions",
            &["tenantRestrictions"],
        ),
    ];
    for (about, mode, names) in sections {
        writeln!(text, "\n== {about}\n").unwrap();
        for (who, claims, resource) in callers() {
            for (kept, setting) in settings(names) {
                text.push_str(&line(who, kept, &case(mode, &claims, resource, &setting)));
            }
        }
    }
    text
}

/// Who, and the resource's tenant where the route names it.
fn callers() -> Vec<(&'static str, Value, Option<&'static str>)> {
    let of = |tenant: &str, home: Option<&str>, more: Value| {
        let mut claims = json!({
            "tid": tenant, "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"), "ver": "2.0",
            "aud": APP, "azp": "22222222-2222-3333-4444-555555555555", "oid": USER, "iat": NOW, "exp": NOW + 3600,
        });
        if let Some(home) = home {
            let tenant = home.contains('-');
            claims["idp"] =
                if tenant { format!("https://sts.windows.net/{home}/") } else { home.to_owned() }.into();
        }
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    };
    let none = || json!({});
    vec![
        ("ours, at home", of(L, None, none()), None),
        ("ours, own token elsewhere", of(L, None, none()), Some(H)),
        ("ours, guest there, id at home unknown", of(H, Some(L), none()), None),
        ("ours, guest there, the listed user", of(H, Some(L), json!({"home_oid": USER})), None),
        ("ours, guest there, another user", of(H, Some(L), json!({"home_oid": OTHER})), None),
        ("ours, service provider there", of(H, Some(L), json!({"xms_idrel": "11"})), None),
        ("ours, guest of a third tenant", of(S, Some(L), none()), None),
        ("ours, guest where the route says otherwise", of(S, Some(L), none()), Some(H)),
        ("our guest, at ours", of(L, Some(H), none()), None),
        ("theirs, at home, the listed user", of(H, None, none()), None),
        ("theirs, at home, another user", of(H, None, json!({"oid": OTHER})), None),
        ("theirs, workload", of(H, None, json!({"idtyp": "app"})), None),
        ("a third tenant's, guest there", of(H, Some(S), none()), None),
        ("a third tenant's, at home", of(S, None, none()), None),
        ("personal account, guest there", of(H, Some("live.com"), none()), None),
    ]
}

fn case(mode: &str, claims: &Value, resource: Option<&str>, setting: &Value) -> Case {
    let mut partner = json!({"tenantId": H});
    if let Value::Object(kept) = setting {
        partner.as_object_mut().unwrap().extend(kept.clone());
    }
    let route = resource.map(|id| ("resource_tenant".to_owned(), id.to_owned()));
    Case {
        config: json!({
            "tenant": L, "mode": mode,
            "tokens": {"issuers": [{"cloud": "microsoftonline.com"}]},
            "restrictions": {"resource_hosts": {"orders.fabrikam.example": APP}},
        }),
        bundle: json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {"partners": [partner]}}]}),
        principal_map: json!(null),
        claims: Some(claims.clone()),
        route: route.into_iter().collect::<BTreeMap<_, _>>(),
        headers: Vec::new(),
        body: None,
        method: "GET",
        host: "orders.fabrikam.example".to_owned(),
        path: "/",
        now: NOW,
    }
}
