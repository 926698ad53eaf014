//! Random bundles into a store and out of it: the records change their order, and nothing else.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::value::RawValue;
use tenantgate::source::{Embedded, Plan, Store as _, records_as_of, records_of, write_bundle};

use crate::harness::tokens;
use crate::random;

/// Pairs of random bundles.
const CASES: u32 = 300;

type Members = BTreeMap<String, Box<RawValue>>;

/// Every value in its own spelling, tenants and partners by their ids.
fn content(bundle: &str) -> BTreeMap<String, String> {
    let members = |text: &str| serde_json::from_str::<Members>(text).unwrap();
    let id = |value: &RawValue| {
        let id: String = serde_json::from_str(members(value.get())["tenantId"].get()).unwrap();
        id.to_lowercase()
    };
    let mut content = BTreeMap::new();
    let tenants: Vec<Box<RawValue>> = serde_json::from_str(members(bundle)["tenants"].get()).unwrap();
    for tenant in &tenants {
        let of = id(tenant);
        for (name, value) in members(tenant.get()) {
            if name != "crossTenantAccessPolicy" {
                content.insert(format!("{of} {name}"), tokens(value.get()));
                continue;
            }
            for (name, value) in members(value.get()) {
                if name != "partners" {
                    content.insert(format!("{of} policy {name}"), tokens(value.get()));
                    continue;
                }
                let partners: Option<Vec<Box<RawValue>>> = serde_json::from_str(value.get()).unwrap();
                for partner in partners.unwrap_or_default() {
                    content.insert(format!("{of} partner {}", id(&partner)), tokens(partner.get()));
                }
            }
        }
    }
    content
}

fn put(store: &mut Embedded, bundle: &str, what: &str) -> u64 {
    let records = records_of(&[bundle.as_bytes().to_vec()]).unwrap();
    let plan = Plan::of(store, records, what).unwrap();
    if plan.change.edits.is_empty() {
        plan.on
    } else {
        store.apply(&plan.change, plan.on, &mut |_| {}).unwrap()
    }
}

fn get(store: &mut Embedded) -> String {
    let mut bundle = Vec::new();
    write_bundle(store, &mut bundle).unwrap();
    String::from_utf8(bundle).unwrap()
}

#[test]
fn a_random_bundle_is_the_same_after_apply_and_get_and_after_apply_and_rollback() {
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(random::bundle(), random::bundle()), |(one, two)| {
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let mut store = Embedded::new(directory.path().join("policy.db"));
        prop_assert_eq!(put(&mut store, &one, "one"), 1);
        let first = get(&mut store);
        prop_assert_eq!(content(&one), content(&first));
        // What get prints is in the store's order, and no change.
        prop_assert_eq!(put(&mut store, &first, "again"), 1);
        let second = put(&mut store, &two, "two");
        prop_assert_eq!(content(&two), content(&get(&mut store)));
        let former = records_as_of(&mut store, 1).unwrap();
        let plan = Plan::of(&mut store, former, "back").unwrap();
        prop_assert_eq!(plan.change.edits.is_empty(), second == 1);
        if second > 1 {
            store.apply(&plan.change, plan.on, &mut |_| {}).unwrap();
        }
        prop_assert_eq!(first, get(&mut store));
        Ok(())
    });
    outcome.unwrap();
}
