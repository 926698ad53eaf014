//! Every finding of semantics §12: its code, its level, its place.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{L, World, pointer_set};

const P: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";
const MSA: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const ID: &str = "0a3e6c1e-0d5f-4b54-9c5c-7d1f1d3b5a01";

fn base() -> Value {
    json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {"default": {}, "partners": [{"tenantId": P}]}}]})
}

fn half(access: &str, targets: &[(&str, &str)]) -> Value {
    let targets: Vec<_> =
        targets.iter().map(|(target, kind)| json!({"target": target, "targetType": kind})).collect();
    json!({"accessType": access, "targets": targets})
}

fn setting(users: (&str, &[(&str, &str)]), applications: (&str, &[(&str, &str)])) -> Value {
    json!({"usersAndGroups": half(users.0, users.1), "applications": half(applications.0, applications.1)})
}

const ALL_USERS: &[(&str, &str)] = &[("AllUsers", "user")];
const ALL_APPS: &[(&str, &str)] = &[("AllApplications", "application")];
const A_USER: &[(&str, &str)] = &[(ID, "user")];
const AN_APP: &[(&str, &str)] = &[(ID, "application")];

fn mfa_policy() -> Value {
    json!({"policies": [{
        "id": ID, "displayName": "MFA for all", "state": "enabled",
        "conditions": {"applications": {"includeApplications": ["All"]}, "users": {"includeUsers": ["All"]}},
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    }]})
}

/// Lints the base bundle with one value put at `pointer`.
fn lint(pointer: &str, value: Value) -> Vec<(String, String, String)> {
    let mut bundle = base();
    pointer_set(&mut bundle, pointer, value);
    lint_text(&bundle.to_string(), "--json").map_or_else(Vec::new, |report| {
        let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
        let findings = report["findings"].as_array().unwrap().iter();
        findings.map(|found| (text(found, "code"), text(found, "level"), text(found, "pointer"))).collect()
    })
}

fn lint_text(bundle: &str, format: &str) -> Option<Value> {
    let world = World::new(&json!({}), &json!({}));
    world.write("policy.json", bundle);
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenantgate"));
    let output = command.env_clear().args(["lint", format]).arg(world.path("policy.json")).output().unwrap();
    serde_json::from_slice(&output.stdout).ok()
}

const TENANT: &str = "/tenants/0";
const POLICY: &str = "/tenants/0/crossTenantAccessPolicy";
const DEFAULT: &str = "/tenants/0/crossTenantAccessPolicy/default";
const PARTNER: &str = "/tenants/0/crossTenantAccessPolicy/partners/0";

#[test]
fn every_error_is_found_at_its_place() {
    let inbound = "b2bCollaborationInbound";
    let cases = [
        (format!("{TENANT}/tenantId"), json!("x"), "value_malformed", format!("{TENANT}/tenantId")),
        (format!("{TENANT}/cloud"), json!("elsewhere"), "value_malformed", format!("{TENANT}/cloud")),
        ("/tenants/-".to_owned(), base()["tenants"][0].clone(), "tenant_duplicate", "/tenants".to_owned()),
        (
            format!("{POLICY}/partners/-"),
            json!({"tenantId": P}),
            "partner_duplicate",
            format!("{POLICY}/partners/1"),
        ),
        (format!("{POLICY}/partners/-"), json!({}), "property_missing", format!("{POLICY}/partners/1")),
        (format!("{POLICY}/partners"), json!({}), "type_mismatch", format!("{POLICY}/partners")),
        (
            format!("{PARTNER}/b2bcollaborationInbound"),
            json!({}),
            "property_case",
            format!("{PARTNER}/b2bcollaborationInbound"),
        ),
        (
            format!("{PARTNER}/{inbound}"),
            setting(("allowed", AN_APP), ("allowed", ALL_APPS)),
            "target_type_misplaced",
            format!("{PARTNER}/{inbound}/usersAndGroups/targets/0"),
        ),
        (
            format!("{PARTNER}/{inbound}"),
            setting(("allowed", &[("alice", "user")]), ("allowed", ALL_APPS)),
            "target_malformed",
            format!("{PARTNER}/{inbound}/usersAndGroups/targets/0"),
        ),
        (
            format!("{PARTNER}/{inbound}"),
            setting(("blocked", &[]), ("blocked", ALL_APPS)),
            "blocked_nothing",
            format!("{PARTNER}/{inbound}/usersAndGroups"),
        ),
        (
            format!("{DEFAULT}/{inbound}"),
            setting(("allowed", A_USER), ("allowed", ALL_APPS)),
            "default_lists_users",
            format!("{DEFAULT}/{inbound}/usersAndGroups"),
        ),
        (
            format!("{DEFAULT}/tenantRestrictions"),
            setting(("allowed", A_USER), ("allowed", ALL_APPS)),
            "default_lists_users",
            format!("{DEFAULT}/tenantRestrictions/usersAndGroups"),
        ),
        (
            format!("{DEFAULT}/automaticUserConsentSettings"),
            json!({"inboundAllowed": true}),
            "default_consent",
            format!("{DEFAULT}/automaticUserConsentSettings"),
        ),
        (
            format!("{POLICY}/partners/-"),
            json!({"tenantId": MSA, "tenantRestrictions": setting(("allowed", A_USER), ("allowed", ALL_APPS))}),
            "msa_lists_users",
            format!("{POLICY}/partners/1/tenantRestrictions/usersAndGroups"),
        ),
        (
            format!("{PARTNER}/{inbound}"),
            setting(("allowed", ALL_USERS), ("blocked", ALL_APPS)),
            "users_allowed_applications_blocked",
            format!("{PARTNER}/{inbound}"),
        ),
        (
            format!("{PARTNER}/{inbound}"),
            setting(("blocked", ALL_USERS), ("blocked", AN_APP)),
            "users_blocked_applications_not",
            format!("{PARTNER}/{inbound}"),
        ),
        (
            format!("{TENANT}/revocations"),
            json!([{"tenant": P, "notBefore": "yesterday"}]),
            "value_malformed",
            format!("{TENANT}/revocations/0/notBefore"),
        ),
    ];
    for (pointer, value, code, at) in cases {
        let found = lint(&pointer, value);
        let expected = (code.to_owned(), "error".to_owned(), at);
        assert!(found.contains(&expected), "{pointer}: expected {expected:?}, found {found:?}");
    }
}

#[test]
fn an_unsupported_conditional_access_policy_is_refused_by_name_unless_ignored_or_disabled() {
    let cases = [
        ("/conditions/locations", json!({"includeLocations": ["All"]})),
        ("/conditions/userRiskLevels", json!(["high"])),
        ("/conditions/platforms", json!({"includePlatforms": ["all"]})),
        ("/conditions/clientAppTypes", json!(["browser"])),
        ("/conditions/users/includeRoles", json!([ID])),
        ("/conditions/users/includeUsers", json!(["somebody"])),
        ("/conditions/applications/includeUserActions", json!(["urn:user:registerdevice"])),
        ("/conditions/applications/includeApplications", json!(["MicrosoftAdminPortals"])),
        ("/grantControls/builtInControls", json!(["mfa", "block"])),
        ("/grantControls/builtInControls", json!(["approvedApplication"])),
        ("/grantControls/builtInControls", json!([])),
        ("/grantControls/operator", json!("XOR")),
        ("/grantControls/termsOfUse", json!([ID])),
        ("/grantControls", json!(null)),
        ("/conditions", json!(null)),
        ("/sessionControls", json!({"signInFrequency": {"value": 4}})),
        ("/state", json!("sometimes")),
    ];
    for (pointer, value) in cases {
        let mut policies = mfa_policy();
        if pointer == "/grantControls/operator" {
            policies["policies"][0]["grantControls"]["builtInControls"] = json!(["mfa", "compliantDevice"]);
        }
        pointer_set(&mut policies["policies"][0], pointer, value.clone());
        let found = lint("/tenants/0/conditionalAccess", policies.clone());
        assert!(
            found.iter().any(|(code, level, _)| code == "conditional_access_unsupported" && level == "error"),
            "{pointer} = {value}: {found:?}"
        );
        policies["ignore"] = json!([ID]);
        let ignored = lint("/tenants/0/conditionalAccess", policies.clone());
        assert!(ignored.iter().all(|(_, level, _)| level != "error"), "ignored: {ignored:?}");
        policies["ignore"] = json!([]);
        policies["policies"][0]["state"] = json!("disabled");
        let disabled = lint("/tenants/0/conditionalAccess", policies);
        assert!(disabled.iter().all(|(_, level, _)| level != "error"), "disabled: {disabled:?}");
    }
    let mut neutral = mfa_policy();
    neutral["policies"][0]["sessionControls"] = json!({"signInFrequency": null, "@odata.type": "x"});
    neutral["policies"][0]["conditions"]["clientAppTypes"] = json!(["all"]);
    neutral["policies"][0]["conditions"]["userRiskLevels"] = json!([]);
    assert!(lint("/tenants/0/conditionalAccess", neutral).iter().all(|(_, level, _)| level != "error"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_warning_and_advice_is_found_at_its_place() {
    let (inbound, outbound, direct) =
        ("b2bCollaborationInbound", "b2bCollaborationOutbound", "b2bDirectConnectInbound");
    let open = || setting(("allowed", ALL_USERS), ("allowed", ALL_APPS));
    let with_policy = |value: &Value| {
        let mut tenant = base()["tenants"][0].clone();
        tenant["conditionalAccess"] = mfa_policy();
        pointer_set(
            &mut tenant,
            "/crossTenantAccessPolicy/partners/0/b2bDirectConnectInbound",
            value.clone(),
        );
        tenant
    };
    let mut other_cloud = with_policy(&open());
    other_cloud["partnerClouds"] = json!({P: "microsoftonline.us"});
    let cases = [
        (
            format!("{PARTNER}/{inbound}"),
            setting(("blocked", A_USER), ("blocked", ALL_APPS)),
            "listed_users_all_applications",
            "warning",
            format!("{PARTNER}/{inbound}"),
        ),
        (
            format!("{PARTNER}/{inbound}"),
            setting(("allowed", &[("AllUsers", "user"), (ID, "group")]), ("allowed", ALL_APPS)),
            "all_users_beside_ids",
            "warning",
            format!("{PARTNER}/{inbound}/usersAndGroups"),
        ),
        (
            format!("{PARTNER}/{inbound}"),
            setting(("unknownFutureValue", ALL_USERS), ("allowed", ALL_APPS)),
            "access_type_unknown",
            "warning",
            format!("{PARTNER}/{inbound}/usersAndGroups/accessType"),
        ),
        (
            format!("{PARTNER}/{inbound}"),
            setting(("allowed", &[(ID, "device")]), ("allowed", ALL_APPS)),
            "target_type_unknown",
            "warning",
            format!("{PARTNER}/{inbound}/usersAndGroups/targets/0"),
        ),
        (
            format!("{PARTNER}/{inbound}"),
            json!({"usersAndGroups": half("allowed", ALL_USERS)}),
            "half_missing",
            "warning",
            format!("{PARTNER}/{inbound}"),
        ),
        (
            format!("{PARTNER}/{outbound}"),
            setting(("blocked", ALL_USERS), ("blocked", ALL_APPS)),
            "rights_management_blocked",
            "warning",
            format!("{PARTNER}/{outbound}/applications"),
        ),
        (
            "/tenants/0".to_owned(),
            with_policy(&open()),
            "direct_connect_mfa_untrusted",
            "warning",
            format!("{PARTNER}/{direct}"),
        ),
        (
            "/tenants/0".to_owned(),
            with_policy(&open()),
            "context_unmapped",
            "warning",
            format!("{TENANT}/authenticationContexts"),
        ),
        ("/tenants/0".to_owned(), other_cloud, "direct_connect_other_cloud", "warning", PARTNER.to_owned()),
        (
            format!("{PARTNER}/newFeature"),
            json!(1),
            "property_unknown",
            "warning",
            format!("{PARTNER}/newFeature"),
        ),
        (
            format!("{PARTNER}/{inbound}"),
            setting(("allowed", A_USER), ("allowed", ALL_APPS)),
            "listed_users_unresolved",
            "warning",
            format!("{PARTNER}/{inbound}/usersAndGroups"),
        ),
        (
            format!("{PARTNER}/identitySynchronization"),
            json!({"userSyncInbound": {"isSyncAllowed": true}}),
            "sync_without_redemption",
            "warning",
            format!("{PARTNER}/identitySynchronization"),
        ),
        (
            format!("{TENANT}/authorizationPolicy"),
            json!({"allowInvitesFrom": "friends"}),
            "invites_from_unknown",
            "warning",
            format!("{TENANT}/authorizationPolicy"),
        ),
        (
            format!("{POLICY}/allowedCloudEndpoints"),
            json!(["microsoftonline.us"]),
            "clouds_stop_unknown_tenants",
            "advice",
            format!("{POLICY}/allowedCloudEndpoints"),
        ),
        (
            format!("{PARTNER}/inboundTrust"),
            json!({"isMfaAccepted": true}),
            "mfa_trusted",
            "advice",
            POLICY.to_owned(),
        ),
        (
            format!("{PARTNER}/inboundTrust"),
            json!({"isMfaAccepted": true}),
            "licence_p1",
            "advice",
            POLICY.to_owned(),
        ),
        (format!("{PARTNER}/{direct}"), open(), "licence_p1_both", "advice", POLICY.to_owned()),
    ];
    for (pointer, value, code, level, at) in cases {
        let found = lint(&pointer, value);
        let expected = (code.to_owned(), level.to_owned(), at);
        assert!(found.contains(&expected), "{pointer}: expected {expected:?}, found {found:?}");
        assert!(found.iter().all(|(_, level, _)| level != "error"), "{code}: {found:?}");
    }
    assert!(
        lint(&format!("{TENANT}/displayName"), json!("Contoso")).is_empty(),
        "nothing to say is nothing said"
    );
}

#[test]
fn findings_are_valid_sarif() {
    let mut bundle = base();
    bundle["tenants"][0]["cloud"] = json!("x");
    bundle["tenants"][0]["strange"] = json!(1);
    let log = lint_text(&bundle.to_string(), "--sarif").unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "tenantgate");
    let rules: Vec<_> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        assert!(rules.contains(&&result["ruleId"]));
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0];
        assert!(
            place["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap().starts_with("file:///")
        );
        assert!(
            place["logicalLocations"][0]["fullyQualifiedName"].as_str().unwrap().starts_with("/tenants/0/")
        );
    }
}
