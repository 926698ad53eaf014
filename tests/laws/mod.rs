//! Laws that hold for every policy, whoever wrote it.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tenantgate::policy::{Options, Revision, compile};

use crate::engine;
use crate::reference::generate::{self, Case};

const CASES: u32 = 10_000;

fn law(holds: impl Fn(Case) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    runner.run(&generate::case(), holds).unwrap();
}

#[test]
fn more_blocking_never_turns_a_denial_into_an_allow() {
    let blocked = |target: &str, kind: &str| json!({"accessType": "blocked", "targets": [{"target": target, "targetType": kind}]});
    let nobody = json!({"usersAndGroups": blocked("AllUsers", "user"), "applications": blocked("AllApplications", "application")});
    let block_policy = json!({
        "id": "no-one", "displayName": "no one", "state": "enabled",
        "conditions": {"applications": {"includeApplications": ["All"]}, "users": {"includeUsers": ["All"]}},
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
    });
    law(|case| {
        let before = engine::decide(&case);
        if before.effect == "allow" {
            return Ok(());
        }
        for harder in 0..4 {
            let mut case = case.clone();
            for tenant in case.bundle["tenants"].as_array_mut().unwrap() {
                match harder {
                    0 => each_settings(tenant, |settings| {
                        for name in
                            ["b2bCollaborationInbound", "b2bDirectConnectInbound", "b2bCollaborationOutbound"]
                        {
                            settings.insert(name.to_owned(), nobody.clone());
                        }
                    }),
                    1 => push(tenant, "/conditionalAccess/policies", block_policy.clone()),
                    2 => {
                        let revocation = json!({"tenant": tenant["tenantId"], "user": null, "notBefore": "2100-01-01T00:00:00Z"});
                        push(tenant, "/revocations", revocation);
                    }
                    _ => push(
                        tenant,
                        "/b2bManagementPolicy/InvitationsAllowedAndBlockedDomainsPolicy/BlockedDomains",
                        json!("blocked.example"),
                    ),
                }
            }
            let after = engine::decide(&case);
            prop_assert!(
                after.effect != "allow",
                "way {harder}: {before:?} became {after:?}\n{}",
                case.bundle
            );
        }
        Ok(())
    });
}

#[test]
fn order_and_case_never_matter() {
    law(|case| {
        let plain = engine::decide(&case);
        let mut turned = case.clone();
        turned.bundle = turn(&case.bundle);
        turned.claims = case.claims.as_ref().map(turn_members);
        prop_assert_eq!(&plain, &engine::decide(&turned), "{}", turned.bundle);
        Ok(())
    });
}

#[test]
fn an_explanation_stops_where_the_decision_does() {
    law(|case| {
        let (decision, steps) = engine::explain(&case);
        let stopping: Vec<_> =
            steps.iter().filter(|step| step.outcome == tenantgate::engine::Outcome::Stop).collect();
        let only_reported = decision.report_only.iter().any(|outcome| !outcome.starts_with("policy:"));
        let stopped = decision.effect != "allow" || only_reported;
        // What comes before the route is known needs no step.
        let silent = decision.reason == "request_malformed" || decision.reason == "policy_unavailable";
        prop_assert_eq!(stopping.len(), usize::from(stopped && !silent), "{:?}: {:?}", decision, steps);
        if let [stop] = stopping[..] {
            prop_assert_eq!(Some(stop), steps.last(), "{:?}", steps);
        }
        Ok(())
    });
}

#[test]
fn whatever_a_bundle_holds_loading_it_ends_with_a_policy_or_an_error() {
    let anything = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!(-1)),
        Just(json!(1e300)),
        Just(json!("")),
        Just(json!("x")),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[null]])),
        Just(json!({"a": {"b": []}})),
    ];
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(case in generate::case(), strange in anything, place in any::<prop::sample::Index>())| {
        let mut bundle = case.bundle;
        let places = count(&bundle);
        replace(&mut bundle, &mut place.index(places), &strange);
        let text = bundle.to_string();
        let compiled = compile([text.as_bytes()], Revision("1".into()), &Options::default());
        prop_assert_eq!(compiled.snapshot.is_none(), compiled.findings.refused());
        // A document cut anywhere is no document.
        let cut = place.index(text.len());
        prop_assert!(compile([&text.as_bytes()[..cut]], Revision("1".into()), &Options::default()).snapshot.is_none());
    });
}

fn each_settings(tenant: &mut Value, mut change: impl FnMut(&mut Map<String, Value>)) {
    let policy = &mut tenant["crossTenantAccessPolicy"];
    if !policy["default"].is_object() {
        policy["default"] = json!({});
    }
    change(policy["default"].as_object_mut().unwrap());
    for partner in policy["partners"].as_array_mut().into_iter().flatten() {
        change(partner.as_object_mut().unwrap());
    }
}

/// Appends to the array at `pointer`, making what is missing on the way.
fn push(value: &mut Value, pointer: &str, item: Value) {
    let place = pointer.split('/').skip(1).fold(value, |place, name| {
        if !place.is_object() {
            *place = json!({});
        }
        &mut place[name]
    });
    match place {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    }
}

/// The same policy: members and targets in reverse, GUIDs in upper case.
fn turn(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .rev()
            .map(|(name, value)| {
                let ordered = ["policies", "tenants"].contains(&name.as_str());
                let turned = if ordered { same_order(value) } else { turn(value) };
                (name.clone(), turned)
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().rev().map(turn).collect(),
        Value::String(text) if text.parse::<tenantgate::id::AppId>().is_ok() => text.to_uppercase().into(),
        other => other.clone(),
    }
}

/// The order of policies decides which of several failures is named; their ids are names.
fn same_order(value: &Value) -> Value {
    let items = value.as_array().unwrap().iter();
    items
        .map(|item| {
            let mut turned = turn(item);
            if let Some(id) = item.get("id") {
                turned["id"] = id.clone();
            }
            turned
        })
        .collect()
}

fn turn_members(claims: &Value) -> Value {
    match claims {
        Value::Object(members) => members
            .iter()
            .rev()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

fn replace(value: &mut Value, place: &mut usize, strange: &Value) {
    if *place == 0 {
        *value = strange.clone();
    }
    let Some(rest) = place.checked_sub(1) else {
        *place = usize::MAX;
        return;
    };
    *place = rest;
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, place, strange)),
        Value::Object(members) => members.values_mut().for_each(|value| replace(value, place, strange)),
        _ => {}
    }
}
