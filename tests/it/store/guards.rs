//! What is not done unless it is acknowledged.

use serde_json::{Value, json};

use super::{apply, bundle, get, partner, world};
use crate::harness::bundles::{ALL_APPS, ALL_USERS, mfa_policy, setting};
use crate::harness::{L, pointer_set};

const OTHER: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";

#[test]
fn to_remove_more_than_half_of_the_partners_is_to_be_acknowledged() {
    let world = world(&json!({}));
    let partners: Vec<_> = (0..10).map(|number| partner(number, 1)).collect();
    let with = |count: usize| bundle("blocked", &partners[..count]);
    assert_eq!(apply(&world, &with(10), &[]).code, 0);
    let asked = apply(&world, &with(4), &[]);
    assert_eq!(asked.code, 3);
    assert!(asked.err.contains("6 of 10 partners are removed, more than 50 %"), "{}", asked.err);
    assert_eq!(get(&world).1, "revision 1");
    // A new one in the place of each does not make it less.
    let replaced: Vec<_> = (0..10).map(|number| partner(number + 6, 1)).collect();
    assert_eq!(apply(&world, &bundle("blocked", &replaced), &[]).code, 3);
    assert_eq!(apply(&world, &with(5), &[]).code, 0, "half is not more than half");
    assert_eq!(apply(&world, &with(4), &["--max-removed", "19%"]).code, 3);
    assert_eq!(apply(&world, &with(4), &["--max-removed", "20"]).code, 0);
    assert_eq!(apply(&world, &with(0), &["--max-removed", "100%"]).code, 0);
    for nonsense in ["101%", "half", "-1", "%"] {
        let refused = apply(&world, &with(4), &[&format!("--max-removed={nonsense}")]);
        assert_eq!(refused.code, 2, "{nonsense}");
    }
    let told = apply(&world, &json!({"tenants": []}), &["--acknowledge"]);
    assert_eq!(told.code, 1, "and nobody's policy is never one: {}", told.out);
}

#[test]
fn each_tenant_counts_by_itself_and_none_goes_unnoticed() {
    let world = world(&json!({}));
    let two = |few: usize, many: usize| {
        let partners = |count: usize| (0..count).map(|number| partner(number, 1)).collect::<Vec<_>>();
        let mut both = bundle("blocked", &partners(many));
        let mut other = bundle("blocked", &partners(few))["tenants"][0].clone();
        other["tenantId"] = OTHER.into();
        both["tenants"].as_array_mut().unwrap().push(other);
        both
    };
    assert_eq!(apply(&world, &two(2, 100), &[]).code, 0);
    let asked = apply(&world, &two(0, 100), &["--json"]);
    let told: Value = serde_json::from_str(&asked.out).unwrap();
    assert_eq!((asked.code, &told["to_acknowledge"][0]["tenant"]), (3, &json!(OTHER)));
    let mut alone = two(2, 100);
    alone["tenants"].as_array_mut().unwrap().pop();
    let asked = apply(&world, &alone, &["--max-removed", "100%"]);
    assert_eq!(asked.code, 3);
    assert!(asked.err.contains(&format!("tenant {OTHER}: the tenant is removed, with 2 partner(s)")));
    assert_eq!(apply(&world, &alone, &["--acknowledge"]).code, 0);
}

/// From these members of the tenant to those, and what is to be acknowledged.
fn loosened(before: &[(&str, Value)], after: &[(&str, Value)]) -> Vec<String> {
    let world = world(&json!({}));
    let with = |members: &[(&str, Value)]| {
        let mut tenant = json!({"tenantId": L, "crossTenantAccessPolicy": {"default": {}}});
        for (pointer, value) in members {
            pointer_set(&mut tenant, pointer, value.clone());
        }
        json!({"tenants": [tenant]})
    };
    let first = apply(&world, &with(before), &["--acknowledge"]);
    assert_eq!(first.code, 0, "{}{}", first.out, first.err);
    let second = apply(&world, &with(after), &["--json"]);
    let told: Value = serde_json::from_str(&second.out).unwrap();
    let concerns = told["to_acknowledge"].as_array().cloned().unwrap_or_default();
    assert_eq!(second.code, if concerns.is_empty() { 0 } else { 3 }, "{}", second.out);
    concerns.iter().map(|concern| concern["pointer"].as_str().unwrap().to_owned()).collect()
}

fn of(users: (&str, &[(&str, &str)]), applications: (&str, &[(&str, &str)])) -> Value {
    setting(users, applications)
}

#[test]
fn to_open_a_default_is_to_be_acknowledged() {
    const APP: &[(&str, &str)] = &[("11111111-2222-3333-4444-555555555555", "application")];
    let blocked = || of(("blocked", ALL_USERS), ("blocked", ALL_APPS));
    let allowed = || of(("allowed", ALL_USERS), ("allowed", ALL_APPS));
    let some = || of(("allowed", ALL_USERS), ("allowed", APP));
    let all_but = || of(("allowed", ALL_USERS), ("blocked", APP));
    let at = |kind: &str| format!("/crossTenantAccessPolicy/default/{kind}");
    let halves =
        |kind: &str| ["usersAndGroups", "applications"].map(|half| format!("{}/{half}", at(kind))).to_vec();
    for kind in [
        "b2bCollaborationInbound",
        "b2bCollaborationOutbound",
        "b2bDirectConnectInbound",
        "b2bDirectConnectOutbound",
        "tenantRestrictions",
    ] {
        let from_to = |before, after| loosened(&[(&at(kind), before)], &[(&at(kind), after)]);
        assert_eq!(from_to(blocked(), allowed()), halves(kind));
        assert!(from_to(allowed(), blocked()).is_empty());
    }
    let kind = "b2bCollaborationInbound";
    let from_to = |before, after| loosened(&[(&at(kind), before)], &[(&at(kind), after)]);
    let applications = [format!("{}/applications", at(kind))];
    assert_eq!(from_to(blocked(), some()), halves(kind));
    assert_eq!(from_to(some(), allowed()), applications);
    assert_eq!(from_to(some(), all_but()), applications, "blocked in name alone");
    assert_eq!(from_to(all_but(), some()), applications, "the one that was blocked may be the one");
    assert!(from_to(allowed(), some()).is_empty());
    // To write nothing is to write what Microsoft ships.
    assert_eq!(loosened(&[(&at(kind), blocked())], &[]), halves(kind));
    assert!(loosened(&[(&at("b2bDirectConnectInbound"), blocked())], &[]).is_empty());
    assert_eq!(
        loosened(&[], &[(&at("b2bDirectConnectInbound"), allowed())]),
        halves("b2bDirectConnectInbound")
    );
}

#[test]
fn a_tenant_that_is_new_is_held_against_what_microsoft_ships() {
    let world = world(&json!({}));
    let direct = setting(("allowed", ALL_USERS), ("allowed", ALL_APPS));
    let mut new = bundle("allowed", &[]);
    assert_eq!(apply(&world, &new, &[]).code, 0);
    new["tenants"][0]["tenantId"] = OTHER.into();
    new["tenants"][0]["crossTenantAccessPolicy"]["default"]["b2bDirectConnectInbound"] = direct;
    let mut both = bundle("allowed", &[]);
    both["tenants"].as_array_mut().unwrap().push(new["tenants"][0].clone());
    let asked = apply(&world, &both, &[]);
    assert_eq!(asked.code, 3);
    assert!(asked.err.contains(OTHER) && asked.err.contains("b2bDirectConnectInbound"), "{}", asked.err);
}

#[test]
fn what_else_lets_in_many_is_to_be_acknowledged() {
    let trust = "/crossTenantAccessPolicy/default/inboundTrust";
    let providers = "/crossTenantAccessPolicy/default/blockServiceProviderOutboundAccess";
    let clouds = "/crossTenantAccessPolicy/allowedCloudEndpoints";
    let lists = "/b2bManagementPolicy";
    let of_domains =
        |name: &str, domains: Value| json!({"InvitationsAllowedAndBlockedDomainsPolicy": {name: domains}});
    let invites = |from: &str| json!({"allowInvitesFrom": from});
    let revoked = |time: &str| json!([{"tenant": OTHER, "notBefore": time}]);
    let mut disabled = mfa_policy();
    disabled["policies"][0]["state"] = "enabledForReportingButNotEnforced".into();
    let whole = |pointer: &str, rest: &str| vec![format!("{pointer}{rest}")];
    let inner = "/InvitationsAllowedAndBlockedDomainsPolicy";
    let cases = [
        (trust, json!({}), json!({"isMfaAccepted": true}), whole(trust, "/isMfaAccepted")),
        (
            trust,
            json!({"isMfaAccepted": true}),
            json!({"isMfaAccepted": true, "isCompliantDeviceAccepted": true}),
            whole(trust, "/isCompliantDeviceAccepted"),
        ),
        (
            trust,
            json!({"isHybridAzureADJoinedDeviceAccepted": false}),
            json!({"isHybridAzureADJoinedDeviceAccepted": true}),
            whole(trust, "/isHybridAzureADJoinedDeviceAccepted"),
        ),
        (trust, json!({"isMfaAccepted": true}), json!({}), vec![]),
        (providers, json!(true), json!(null), whole(providers, "")),
        (providers, json!(false), json!(true), vec![]),
        (clouds, json!([]), json!(["microsoftonline.us"]), whole(clouds, "")),
        (clouds, json!(["microsoftonline.us"]), json!([]), vec![]),
        (
            "/authorizationPolicy",
            invites("none"),
            invites("everyone"),
            whole("/authorizationPolicy", "/allowInvitesFrom"),
        ),
        ("/authorizationPolicy", invites("everyone"), invites("none"), vec![]),
        (
            lists,
            of_domains("AllowedDomains", json!(["a.example"])),
            json!(null),
            whole(lists, &format!("{inner}/AllowedDomains")),
        ),
        (
            lists,
            of_domains("BlockedDomains", json!(["a.example", "b.example"])),
            of_domains("BlockedDomains", json!(["b.example"])),
            whole(lists, &format!("{inner}/BlockedDomains")),
        ),
        (
            lists,
            of_domains("BlockedDomains", json!(["a.example"])),
            of_domains("AllowedDomains", json!(["b.example"])),
            vec![],
        ),
        ("/conditionalAccess", mfa_policy(), disabled, whole("/conditionalAccess", "/policies")),
        ("/conditionalAccess", mfa_policy(), json!(null), whole("/conditionalAccess", "/policies")),
        ("/conditionalAccess", json!(null), mfa_policy(), vec![]),
        (
            "/revocations",
            revoked("2026-02-01T00:00:00Z"),
            revoked("2026-01-01T00:00:00Z"),
            whole("/revocations", ""),
        ),
        ("/revocations", revoked("2026-02-01T00:00:00Z"), json!([]), whole("/revocations", "")),
        ("/revocations", revoked("2026-02-01T00:00:00Z"), revoked("2026-03-01T00:00:00Z"), vec![]),
    ];
    for (pointer, before, after, expected) in cases {
        let told = loosened(&[(pointer, before.clone())], &[(pointer, after.clone())]);
        assert_eq!(told, expected, "{pointer}: {before} to {after}");
    }
}
