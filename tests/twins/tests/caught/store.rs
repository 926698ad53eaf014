//! What a store must not take, or give, and what must not be written to it unasked.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenantgate::id::TenantId;
use tenantgate::policy::Options;
use tenantgate::source::{
    Change, Edit, Embedded, Key, Plan, PolicySource, Store as _, StoreError, records_as_of, records_of,
};

use crate::Rule;
use crate::harness::L;
use crate::harness::bundles::{ALL_APPS, ALL_USERS, AN_APP, P, setting};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "a change on another revision",
        holds: |_| {
            let (_directory, mut store) = store(&[bundle(&json!({}), &[P])]);
            let edits =
                [(Key::partner(id(L), id(OTHER)), Edit { before: None, after: Some(partner(OTHER)) })];
            let change = Change { what: "late".to_owned(), edits: edits.into() };
            store.apply(&change, 0, &mut |_| {}).is_err()
        },
    },
    Rule {
        name: "a change of what is not there",
        holds: |_| {
            let (_directory, mut store) = store(&[bundle(&json!({}), &[P])]);
            let edits =
                [(Key::partner(id(L), id(OTHER)), Edit { before: Some(partner(OTHER)), after: None })];
            let change = Change { what: "amiss".to_owned(), edits: edits.into() };
            store.apply(&change, 1, &mut |_| {}).is_err()
        },
    },
    Rule {
        name: "a record that nobody changed",
        holds: |_| {
            let (directory, store) = store(&[bundle(&json!({}), &[P])]);
            let file = rusqlite::Connection::open(directory.path().join("policy.db")).unwrap();
            file.execute("UPDATE records SET value = replace(value, '}', ' }')", ()).unwrap();
            !loads(&store)
        },
    },
    Rule {
        name: "a partner without its tenant",
        holds: |_| {
            let (_directory, mut store) = store(&[bundle(&json!({}), &[])]);
            let edit = Edit { before: None, after: Some(partner(OTHER)) };
            write(&mut store, [(Key::partner(TenantId::from_u128(u128::MAX), id(OTHER)), edit)].into());
            !loads(&store)
        },
    },
    Rule {
        name: "a revision that never was",
        holds: |_| {
            let (_directory, mut store) = store(&[bundle(&json!({}), &[P])]);
            matches!(records_as_of(&mut store, 0), Err(StoreError::NotKept(0)))
        },
    },
    Rule {
        name: "a record under another name",
        holds: |_| {
            let (_directory, mut store) = store(&[bundle(&json!({}), &[])]);
            let edit = Edit { before: None, after: Some(partner(OTHER)) };
            write(&mut store, [(Key::partner(id(L), id(P)), edit)].into());
            !loads(&store)
        },
    },
    Rule {
        name: "a partner within the settings",
        holds: |_| {
            let (_directory, mut store) = store(&[]);
            let whole = bundle(&json!({}), &[P])["tenants"][0].to_string();
            let edit = Edit { before: None, after: Some(whole.into()) };
            write(&mut store, [(Key::settings(id(L)), edit)].into());
            !loads(&store)
        },
    },
    Rule {
        name: "most partners removed",
        holds: |_| asks(&bundle(&json!({}), &[P, OTHER]), &bundle(&json!({}), &[])),
    },
    Rule {
        name: "a tenant removed",
        holds: |_| {
            let mut two = bundle(&json!({}), &[]);
            two["tenants"]
                .as_array_mut()
                .unwrap()
                .push(json!({"tenantId": P, "crossTenantAccessPolicy": {}}));
            asks(&two, &bundle(&json!({}), &[]))
        },
    },
    Rule {
        name: "settings that were unreadable",
        holds: |_| {
            let (_directory, mut store) = store(&[]);
            let edit = Edit { before: None, after: Some("{}".into()) };
            write(&mut store, [(Key::settings(id(L)), edit)].into());
            !plan(&mut store, &bundle(&json!({}), &[])).concerns(50).is_empty()
        },
    },
    Rule { name: "a default opened", holds: |_| asks(&of(&blocked()), &of(&open())) },
    Rule {
        name: "a default opened for one",
        holds: |_| {
            asks(
                &of(&setting(("allowed", ALL_USERS), ("blocked", AN_APP))),
                &of(&setting(("allowed", ALL_USERS), ("allowed", AN_APP))),
            )
        },
    },
    Rule {
        name: "a default that blocks one",
        holds: |_| {
            asks(
                &of(&setting(("allowed", ALL_USERS), ("allowed", AN_APP))),
                &of(&setting(("allowed", ALL_USERS), ("blocked", AN_APP))),
            )
        },
    },
    Rule {
        name: "trust for everyone",
        holds: |_| {
            let trust = |mfa| bundle(&json!({"inboundTrust": {"isMfaAccepted": mfa}}), &[]);
            asks(&trust(false), &trust(true))
        },
    },
    Rule {
        name: "a revocation lifted",
        holds: |_| {
            let since = |time: &str| {
                let mut bundle = bundle(&json!({}), &[]);
                bundle["tenants"][0]["revocations"] = json!([{"tenant": P, "notBefore": time}]);
                bundle
            };
            asks(&since("2026-02-01T00:00:00Z"), &since("2026-01-01T00:00:00Z"))
        },
    },
];

const OTHER: &str = "8b1f6d3a-2c4e-4d0b-a1f7-5e9c0d7b6a42";

fn id(text: &str) -> TenantId {
    text.parse().unwrap()
}

fn partner(id: &str) -> Box<str> {
    json!({"tenantId": id}).to_string().into()
}

fn bundle(default: &Value, partners: &[&str]) -> Value {
    let partners: Vec<_> = partners.iter().map(|id| json!({"tenantId": id})).collect();
    json!({"tenants": [
        {"tenantId": L, "crossTenantAccessPolicy": {"default": default, "partners": partners}},
    ]})
}

fn of(inbound: &Value) -> Value {
    bundle(&json!({"b2bCollaborationInbound": inbound}), &[])
}

fn blocked() -> Value {
    setting(("blocked", ALL_USERS), ("blocked", ALL_APPS))
}

fn open() -> Value {
    setting(("allowed", ALL_USERS), ("allowed", ALL_APPS))
}

/// One to which these bundles were applied.
fn store(bundles: &[Value]) -> (tempfile::TempDir, Embedded) {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Embedded::new(directory.path().join("policy.db"));
    for bundle in bundles {
        let plan = plan(&mut store, bundle);
        store.apply(&plan.change, plan.on, &mut |_| {}).unwrap();
    }
    (directory, store)
}

fn plan(store: &mut Embedded, bundle: &Value) -> Plan {
    let records = records_of(&[bundle.to_string().into_bytes()]).unwrap();
    Plan::of(store, records, "test").unwrap()
}

/// What no command would.
fn write(store: &mut Embedded, edits: BTreeMap<Key, Edit>) {
    let on = store.mark().map_or(0, |mark| mark.revision);
    store.apply(&Change { what: "by hand".to_owned(), edits }, on, &mut |_| {}).unwrap();
}

fn loads(store: &Embedded) -> bool {
    let loaded = PolicySource::Embedded(store.clone()).load(&Options::default());
    loaded.is_ok_and(|loaded| loaded.compiled.snapshot.is_some())
}

/// Whether going from one to the other is to be acknowledged.
fn asks(one: &Value, other: &Value) -> bool {
    let (_directory, mut store) = store(std::slice::from_ref(one));
    let allowed = plan(&mut store, one).concerns(50).is_empty();
    allowed && !plan(&mut store, other).concerns(50).is_empty()
}
