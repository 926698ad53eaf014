//! The parts from which `generate` puts a case together: small pools, so that things match
//! often, and strategies that shrink towards the plain.

use proptest::prelude::*;
use serde_json::{Map, Value};

pub(crate) use maybe::maybe;

pub(crate) mod claims;
pub(crate) mod egress;
pub(crate) mod invitations;
pub(crate) mod maybe;
pub(crate) mod partners;
pub(crate) mod requirements;
pub(crate) mod settings;
pub(crate) mod surroundings;
pub(crate) mod tenants;

/// 2027-01-15T08:00:00Z.
pub(crate) const NOW: i64 = 1_800_000_000;

/// The first three may be hosted; the first is the config's.
pub(crate) const TENANTS: [&str; 5] = [
    "a0a0a0a0-0000-4000-8000-00000000000a",
    "b0b0b0b0-0000-4000-8000-00000000000b",
    "c0c0c0c0-0000-4000-8000-00000000000c",
    "d0d0d0d0-0000-4000-8000-00000000000d",
    "e0e0e0e0-0000-4000-8000-00000000000e",
];
pub(crate) const MSA: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
/// Object ids, at home and away alike: whoever looks in the wrong tenant finds the wrong one.
pub(crate) const USERS: [&str; 3] = [
    "11111111-aaaa-4000-8000-000000000001",
    "11111111-bbbb-4000-8000-000000000002",
    "11111111-cccc-4000-8000-000000000003",
];
pub(crate) const GROUPS: [&str; 3] = [
    "22222222-aaaa-4000-8000-000000000001",
    "22222222-bbbb-4000-8000-000000000002",
    "22222222-cccc-4000-8000-000000000003",
];
pub(crate) const ORDERS: &str = "33333333-aaaa-4000-8000-000000000001";
pub(crate) const BILLING: &str = "33333333-bbbb-4000-8000-000000000002";
/// In no map and in no suite.
pub(crate) const STRANGE: &str = "33333333-cccc-4000-8000-000000000003";
pub(crate) const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";
pub(crate) const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
pub(crate) const APPLICATIONS: [&str; 5] = [ORDERS, BILLING, STRANGE, EXCHANGE, GRAPH];
pub(crate) const CLOUDS: [&str; 3] =
    ["microsoftonline.com", "microsoftonline.us", "partner.microsoftonline.cn"];
pub(crate) const POLICIES: [&str; 2] =
    ["44444444-aaaa-4000-8000-000000000001", "44444444-bbbb-4000-8000-000000000002"];
pub(crate) const CONTROLS: [&str; 3] = ["mfa", "compliantDevice", "domainJoinedDevice"];

/// One of a few values by weight; shrinks towards the first. (`prop_oneof` clones a random
/// number generator for every arm that it does not take, which costs more than a whole case.)
pub(crate) fn one_of<T: Clone + std::fmt::Debug + 'static>(
    choices: &'static [(u32, T)],
) -> impl Strategy<Value = T> + use<T> {
    let total: u32 = choices.iter().map(|(weight, _)| weight).sum();
    (0..total).prop_map(move |ticket| {
        let mut rest = ticket;
        let mut chosen = choices.first();
        for choice in choices {
            chosen = Some(choice);
            if rest < choice.0 {
                break;
            }
            rest -= choice.0;
        }
        chosen.unwrap().1.clone()
    })
}

pub(crate) fn pick(pool: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(pool)
}

/// A GUID of the pool, rarely spelled in capitals.
pub(crate) fn guid(pool: &'static [&'static str]) -> impl Strategy<Value = String> {
    (pick(pool), prop::bool::weighted(0.05)).prop_map(|(id, capitals)| spelled(id, capitals))
}

pub(crate) fn spelled(id: &str, capitals: bool) -> String {
    if capitals { id.to_ascii_uppercase() } else { id.to_owned() }
}

/// The names of a pool for which a coin fell right, in the pool's order.
pub(crate) fn some_of<const N: usize>(
    probability: f64,
    pool: &'static [&'static str; N],
) -> impl Strategy<Value = Vec<&'static str>> {
    prop::array::uniform::<_, N>(prop::bool::weighted(probability)).prop_map(move |chosen| {
        pool.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(name, _)| *name).collect()
    })
}

/// An object, its members moved in: `json!` copies what it is given, level by level.
pub(crate) fn record<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// An object of the members that are there.
pub(crate) fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect::<Map<String, Value>>())
}
