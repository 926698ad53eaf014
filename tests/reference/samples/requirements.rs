//! Conditional Access policies of every supported kind (§7), and unsupported ones where the
//! load passes over them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{APPLICATIONS, CONTROLS, GROUPS, TENANTS, USERS, maybe, one_of, pick, record, some_of};

/// Distinct ids by position.
const IDS: [&str; 4] = [
    "55555555-aaaa-4000-8000-000000000001",
    "55555555-bbbb-4000-8000-000000000002",
    "55555555-cccc-4000-8000-000000000003",
    "55555555-dddd-4000-8000-000000000004",
];

pub(crate) fn conditional_access() -> impl Strategy<Value = Value> {
    (prop::collection::vec(policy(), 0..=3), maybe(0.1, Just(()))).prop_map(|(mut policies, unsupported)| {
        for (policy, id) in policies.iter_mut().zip(IDS) {
            policy["id"] = id.into();
        }
        let ignored = IDS[3];
        if unsupported.is_some() {
            policies.insert(0, beyond_us(ignored));
        }
        let ignore = if unsupported.is_some() { vec![ignored] } else { Vec::new() };
        record([("policies", policies.into()), ("ignore", ignore.into())])
    })
}

/// It would refuse the load, were its id not under `ignore`.
fn beyond_us(id: &str) -> Value {
    json!({
        "id": id, "displayName": "abroad", "state": "enabled",
        "conditions": {
            "applications": {"includeApplications": ["All"]},
            "users": {"includeUsers": ["All"]},
            "locations": {"includeLocations": ["All"]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
    })
}

fn policy() -> impl Strategy<Value = Value> {
    const STATES: [(u32, &str); 4] = [
        (60, "enabled"),
        (20, "enabledForReportingButNotEnforced"),
        (10, "disabled"),
        (4, "disabled and unsupported"),
    ];
    (one_of(&STATES), applications(), users(), controls(), any::<bool>()).prop_map(
        |(state, applications, users, controls, neutral)| {
            let conditions = record([("applications", applications), ("users", users)]);
            let mut policy = record([
                ("displayName", "a requirement".into()),
                ("state", state.into()),
                ("conditions", conditions),
                ("grantControls", controls),
            ]);
            if neutral {
                policy["sessionControls"] = Value::Null;
                policy["conditions"]["clientAppTypes"] = json!(["all"]);
                policy["conditions"]["locations"] = Value::Null;
                policy["conditions"]["signInRiskLevels"] = json!([]);
            }
            if state == "disabled and unsupported" {
                policy["state"] = "disabled".into();
                policy["conditions"]["platforms"] = json!({"includePlatforms": ["iOS"]});
            }
            policy
        },
    )
}

fn applications() -> impl Strategy<Value = Value> {
    const INCLUDED: [(u32, &str); 4] = [(50, "All"), (4, "None"), (8, "Office365"), (24, "ids")];
    const EXCLUDED: [(u32, &str); 2] = [(24, "ids"), (6, "Office365")];
    let name = |kinds| {
        (one_of(kinds), pick(&APPLICATIONS)).prop_map(|(kind, id)| if kind == "ids" { id } else { kind })
    };
    (name(&INCLUDED), name(&[(1, "ids")]), any::<bool>(), maybe(0.3, name(&EXCLUDED))).prop_map(
        |(first, second, two, excluded)| {
            // `All` and `None` stand alone.
            let include = match first {
                "All" | "None" => vec![first],
                _ if two => vec![first, second],
                _ => vec![first],
            };
            record([
                ("includeApplications", include.into()),
                ("excludeApplications", excluded.into_iter().collect()),
            ])
        },
    )
}

fn users() -> impl Strategy<Value = Value> {
    const INCLUDED: [(u32, &str); 6] =
        [(40, "All"), (18, "GuestsOrExternalUsers"), (12, "id"), (12, "group"), (24, "types"), (2, "None")];
    const EXCLUDED: [(u32, &str); 6] =
        [(70, "nobody"), (8, "GuestsOrExternalUsers"), (10, "id"), (10, "group"), (10, "types"), (1, "All")];
    let side = |kinds| (one_of(kinds), pick(&USERS), pick(&GROUPS), guests());
    (side(&INCLUDED), maybe(0.15, pick(&USERS)), side(&EXCLUDED)).prop_map(
        |((kind, user, group, guests), beside, (exempt, exempt_user, exempt_group, others))| {
            let named = |kind: &'static str, id| match kind {
                "All" | "None" | "GuestsOrExternalUsers" => vec![kind],
                "id" => vec![id],
                _ => Vec::new(),
            };
            let mut users = named(kind, user);
            if kind != "All" && kind != "None" {
                users.extend(beside);
            }
            let of = |there: bool, value: Value| if there { value } else { Value::Null };
            let group_if = |there: bool, group| if there { vec![group] } else { Vec::new() };
            record([
                ("includeUsers", users.into()),
                ("excludeUsers", named(exempt, exempt_user).into()),
                ("includeGroups", group_if(kind == "group", group).into()),
                ("excludeGroups", group_if(exempt == "group", exempt_group).into()),
                ("includeRoles", Value::Array(Vec::new())),
                ("includeGuestsOrExternalUsers", of(kind == "types", guests)),
                ("excludeGuestsOrExternalUsers", of(exempt == "types", of_stated_tenants(others))),
            ])
        },
    )
}

/// Nobody is exempt by omission: an exemption says of which tenants (§7).
fn of_stated_tenants(mut guests: Value) -> Value {
    if guests["externalTenants"].is_null() {
        guests["externalTenants"] = json!({"membershipKind": "all"});
    }
    guests
}

fn guests() -> impl Strategy<Value = Value> {
    const TYPES: [&str; 6] = [
        "internalGuest",
        "b2bCollaborationGuest",
        "b2bCollaborationMember",
        "b2bDirectConnectUser",
        "otherExternalUser",
        "serviceProvider",
    ];
    (pick(&TYPES), some_of(0.4, &TYPES), maybe(0.6, maybe(0.5, (pick(&TENANTS), some_of(0.3, &TENANTS)))))
        .prop_map(|(first, more, tenants)| {
            let mut types = vec![first];
            types.extend(more.into_iter().filter(|each| *each != first));
            let tenants = tenants.map_or(Value::Null, |members| match members {
                None => json!({"membershipKind": "all"}),
                Some((one, mut members)) => {
                    members.push(one);
                    json!({"membershipKind": "enumerated", "members": members})
                }
            });
            record([("guestOrExternalUserTypes", types.join(",").into()), ("externalTenants", tenants)])
        })
}

/// `block` alone, or some of the three others in any order.
fn controls() -> impl Strategy<Value = Value> {
    (prop::bool::weighted(0.12), pick(&["AND", "OR"]), pick(&CONTROLS), some_of(0.3, &CONTROLS)).prop_map(
        |(block, operator, first, more)| {
            let mut controls = vec![first];
            controls.extend(more.into_iter().filter(|each| *each != first));
            let controls = if block { vec!["block"] } else { controls };
            record([("operator", operator.into()), ("builtInControls", controls.into())])
        },
    )
}
