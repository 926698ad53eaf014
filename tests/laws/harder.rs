//! Ways to block more, or to allow less.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::reference::generate::Case;
use crate::reference::samples::{APPLICATIONS, GROUPS, MSA, NOW, ORDERS, TENANTS, USERS};

type Way = (&'static str, fn(&mut Case));

pub(crate) const WAYS: [Way; 21] = [
    ("nobody is let in or out", |case| {
        each_settings(case, |settings, _| {
            for name in [
                "b2bCollaborationInbound",
                "b2bDirectConnectInbound",
                "b2bCollaborationOutbound",
                "b2bDirectConnectOutbound",
            ] {
                settings.insert(name.to_owned(), nobody());
            }
        });
    }),
    ("nobody else's account is used here", |case| {
        each_settings(case, |settings, _| {
            settings.insert("tenantRestrictions".to_owned(), nobody());
        });
    }),
    ("a blocked user more", |case| add(case, "usersAndGroups", USERS[1], "user")),
    ("a blocked group more", |case| add(case, "usersAndGroups", GROUPS[0], "group")),
    ("all users blocked too", |case| add(case, "usersAndGroups", "AllUsers", "user")),
    ("a blocked application more", |case| add(case, "applications", ORDERS, "application")),
    ("a blocked suite more", |case| add(case, "applications", "Office365", "application")),
    ("all applications blocked too", |case| add(case, "applications", "AllApplications", "application")),
    ("an allowed user or group less", |case| remove(case, "usersAndGroups")),
    ("an allowed application less", |case| remove(case, "applications")),
    ("nothing is trusted", |case| {
        let flags = ["isMfaAccepted", "isCompliantDeviceAccepted", "isHybridAzureADJoinedDeviceAccepted"];
        each_settings(case, |settings, _| {
            let trust: Map<_, _> = flags.into_iter().map(|flag| (flag.to_owned(), false.into())).collect();
            settings.insert("inboundTrust".to_owned(), trust.into());
        });
    }),
    ("nobody provides services", |case| {
        each_settings(case, |settings, is_partner| {
            if is_partner {
                settings.insert("isServiceProvider".to_owned(), false.into());
            }
            settings.insert("blockServiceProviderOutboundAccess".to_owned(), true.into());
        });
    }),
    ("the other side lets nobody out", |case| {
        let tenants = case.bundle["tenants"].as_array_mut().unwrap();
        for tenant in tenants.iter_mut().skip(1) {
            settings_of(tenant, |settings, _| {
                settings.insert("b2bCollaborationOutbound".to_owned(), nobody());
                settings.insert("b2bDirectConnectOutbound".to_owned(), nobody());
            });
        }
    }),
    ("a policy blocks everybody", |case| {
        require(case, &json!({"includeUsers": ["All"]}), &json!(["block"]));
    }),
    ("a policy requires something of guests", |case| {
        let types = "internalGuest,b2bCollaborationGuest,b2bCollaborationMember,b2bDirectConnectUser,otherExternalUser,serviceProvider";
        let guests = json!({"guestOrExternalUserTypes": types, "externalTenants": {"membershipKind": "all"}});
        require(case, &json!({"includeGuestsOrExternalUsers": guests}), &json!(["mfa", "compliantDevice"]));
    }),
    ("the route requires something", |case| {
        case.route.entry("require".to_owned()).or_insert_with(|| "mfa".to_owned());
    }),
    ("every token is called back", |case| {
        for tenant in case.bundle["tenants"].as_array_mut().unwrap() {
            let revocation =
                json!({"tenant": tenant["tenantId"], "user": null, "notBefore": "2100-01-01T00:00:00Z"});
            push(tenant, "/revocations", revocation);
        }
    }),
    ("a blocked domain more", |case| {
        for tenant in case.bundle["tenants"].as_array_mut().unwrap() {
            let list = "/b2bManagementPolicy/InvitationsAllowedAndBlockedDomainsPolicy/BlockedDomains";
            push(tenant, list, json!("blocked.example"));
        }
    }),
    ("nobody invites", |case| {
        for tenant in case.bundle["tenants"].as_array_mut().unwrap() {
            set(tenant, "/authorizationPolicy/allowInvitesFrom", json!("none"));
        }
    }),
    ("nobody synchronizes", |case| {
        each_settings(case, |settings, is_partner| {
            if is_partner {
                let never = json!({"userSyncInbound": {"isSyncAllowed": false}});
                settings.insert("identitySynchronization".to_owned(), never);
            }
        });
    }),
    ("the body is cut off", |case| {
        case.headers.push(("x-envoy-auth-partial-body".to_owned(), "true".to_owned()));
    }),
];

/// A guest of the first tenant, of whom nothing is required.
pub(crate) fn plain() -> Case {
    let issuer = format!("https://login.microsoftonline.com/{}/v2.0", TENANTS[0]);
    Case {
        config: json!({
            "tenant": TENANTS[0],
            "tokens": {"issuers": [{"cloud": "microsoftonline.com"}], "audiences": [ORDERS]},
        }),
        bundle: json!({"tenants": [{"tenantId": TENANTS[0], "crossTenantAccessPolicy": {"partners": []}}]}),
        principal_map: Value::Null,
        claims: Some(
            json!({"tid": TENANTS[0], "iss": issuer, "aud": ORDERS, "exp": NOW + 60, "azp": APPLICATIONS[1]}),
        ),
        route: BTreeMap::new(),
        headers: Vec::new(),
        body: None,
        method: "GET",
        host: "orders.contoso.example".to_owned(),
        path: "/",
        now: NOW,
    }
}

fn nobody() -> Value {
    let blocked = |target: &str, kind: &str| json!({"accessType": "blocked", "targets": [{"target": target, "targetType": kind}]});
    json!({"usersAndGroups": blocked("AllUsers", "user"), "applications": blocked("AllApplications", "application")})
}

/// One target more in each blocked half. A default that is about others' users lists none, and
/// nobody lists personal accounts.
fn add(case: &mut Case, half: &str, target: &str, kind: &str) {
    each_settings(case, |settings, is_partner| {
        let personal =
            settings.get("tenantId").is_some_and(|id| id.as_str().unwrap().eq_ignore_ascii_case(MSA));
        for (name, setting) in settings.iter_mut().filter(|(_, setting)| setting.is_object()) {
            let by_name = !personal && (is_partner || name.ends_with("Outbound"));
            let lists = by_name || kind == "application" || target == "AllUsers";
            if lists && setting[half]["accessType"] == "blocked" {
                let targets = setting[half]["targets"].as_array_mut().unwrap();
                targets.push(json!({"target": target, "targetType": kind}));
            }
        }
    });
}

/// One target less in each allowed half.
fn remove(case: &mut Case, half: &str) {
    each_settings(case, |settings, _| {
        for setting in settings.values_mut().filter(|setting| setting.is_object()) {
            if setting[half]["accessType"] == "allowed" {
                setting[half]["targets"].as_array_mut().unwrap().pop();
            }
        }
    });
}

fn require(case: &mut Case, users: &Value, controls: &Value) {
    for tenant in case.bundle["tenants"].as_array_mut().unwrap() {
        let policy = json!({
            "id": "one-more", "displayName": "one more", "state": "enabled",
            "conditions": {"applications": {"includeApplications": ["All"]}, "users": users},
            "grantControls": {"operator": "AND", "builtInControls": controls},
        });
        push(tenant, "/conditionalAccess/policies", policy);
    }
}

/// Every default and partner of every tenant, and whether it is a partner.
fn each_settings(case: &mut Case, mut change: impl FnMut(&mut Map<String, Value>, bool)) {
    for tenant in case.bundle["tenants"].as_array_mut().unwrap() {
        settings_of(tenant, &mut change);
    }
}

fn settings_of(tenant: &mut Value, mut change: impl FnMut(&mut Map<String, Value>, bool)) {
    let policy = &mut tenant["crossTenantAccessPolicy"];
    if !policy["default"].is_object() {
        policy["default"] = json!({});
    }
    change(policy["default"].as_object_mut().unwrap(), false);
    for partner in policy["partners"].as_array_mut().into_iter().flatten() {
        change(partner.as_object_mut().unwrap(), true);
    }
}

/// Appends to the array at `pointer`.
fn push(value: &mut Value, pointer: &str, item: Value) {
    match place(value, pointer) {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    }
}

fn set(value: &mut Value, pointer: &str, to: Value) {
    *place(value, pointer) = to;
}

/// Where `pointer` points, after making what is missing on the way.
fn place<'a>(value: &'a mut Value, pointer: &str) -> &'a mut Value {
    pointer.split('/').skip(1).fold(value, |place, name| {
        if !place.is_object() {
            *place = json!({});
        }
        &mut place[name]
    })
}
