//! Laws that hold for every policy, whoever wrote it.

mod harder;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tenantgate::policy::{Options, Revision, compile};

use crate::engine;
use crate::reference::generate::{self, Case};

const CASES: u32 = 10_000;

/// Of whatever comes in, and of whatever goes out.
fn law(holds: impl Fn(Case) -> Result<(), TestCaseError>) {
    run(&generate::case(), &holds);
    run(&generate::egress(), &holds);
}

fn run(cases: &impl Strategy<Value = Case>, holds: impl Fn(Case) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    runner.run(cases, holds).unwrap();
}

#[test]
fn more_blocking_never_turns_a_denial_into_an_allow() {
    law(|case| {
        let before = engine::decide(&case);
        if before.effect == "allow" {
            return Ok(());
        }
        for (way, harden) in harder::WAYS {
            let mut case = case.clone();
            harden(&mut case);
            let after = engine::decide(&case);
            prop_assert!(after.effect != "allow", "{way}: {before:?} became {after:?}\n{}", case.bundle);
        }
        Ok(())
    });
}

/// §6 names the one place where allowing less permits somebody: with no other cloud allowed, a tenant that is neither
/// listed nor of a known cloud is taken for one of ours.
#[test]
fn the_last_cloud_that_is_taken_back_lets_tenants_of_unknown_cloud_in() {
    use crate::reference::samples::TENANTS;
    let endpoints = |clouds: &[&str]| {
        let mut case = harder::plain();
        case.bundle["tenants"][0]["crossTenantAccessPolicy"]["allowedCloudEndpoints"] = json!(clouds);
        let home = format!("https://sts.windows.net/{}/", TENANTS[4]);
        case.claims.as_mut().unwrap()["idp"] = home.into();
        let decision = engine::decide(&case);
        (decision.effect, decision.reason)
    };
    let (denied, allowed) = (("deny", "cloud_unresolved"), ("allow", "permitted"));
    let told = |(effect, reason): (&str, &str)| (effect.to_owned(), reason.to_owned());
    assert_eq!(endpoints(&["microsoftonline.us", "partner.microsoftonline.cn"]), told(denied));
    assert_eq!(endpoints(&["microsoftonline.us"]), told(denied));
    assert_eq!(endpoints(&[]), told(allowed));
}

#[test]
fn order_and_case_never_matter() {
    law(|case| {
        let plain = engine::decide(&case);
        let mut turned = case.clone();
        turned.bundle = turn(&case.bundle);
        turned.principal_map = turn(&case.principal_map);
        turned.claims = case.claims.as_ref().map(turn_claims);
        turned.route.values_mut().for_each(|value| *value = turn_text(value));
        turned.host = case.host.to_uppercase();
        prop_assert_eq!(&plain, &engine::decide(&turned), "{:?}", turned);
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
        Value::String(text) => turn_text(text).into(),
        other => other.clone(),
    }
}

/// A GUID, or those among the parts of a path, in upper case.
fn turn_text(text: &str) -> String {
    let is_id = |part: &str| part.parse::<tenantgate::id::AppId>().is_ok();
    let parts = text.split('/').map(|part| if is_id(part) { part.to_uppercase() } else { part.to_owned() });
    parts.collect::<Vec<_>>().join("/")
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

/// The same token: members and what they list in reverse, GUIDs in upper case.
fn turn_claims(claims: &Value) -> Value {
    match claims {
        Value::Object(members) => members
            .iter()
            .rev()
            .map(|(name, value)| (name.clone(), turn(value)))
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
