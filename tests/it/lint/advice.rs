//! What loads, and is probably not what was meant.

use serde_json::{Value, json};

use super::{findings, lint, lint_text};
use crate::harness::bundles::{
    A_USER, ALL_APPS, ALL_USERS, AN_APP, DEFAULT, ID, P, PARTNER, POLICY, TENANT, base, half, mfa_policy,
    setting,
};
use crate::harness::{L, pointer_set};

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
    let mut with_devices = open();
    with_devices["devices"] = json!(null);
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
        (format!("{DEFAULT}/id"), json!("default"), "default_id", "warning", format!("{DEFAULT}/id")),
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
            format!("{PARTNER}/{inbound}"),
            with_devices.clone(),
            "property_unknown",
            "warning",
            format!("{PARTNER}/{inbound}/devices"),
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
        (
            format!("{PARTNER}/{outbound}"),
            setting(("allowed", A_USER), ("allowed", ALL_APPS)),
            "licence_p1",
            "advice",
            POLICY.to_owned(),
        ),
        (
            format!("{PARTNER}/{outbound}"),
            setting(("allowed", ALL_USERS), ("allowed", AN_APP)),
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

/// The other side of each condition above.
#[test]
fn what_only_resembles_it_is_not_found() {
    let (inbound, outbound) = ("b2bCollaborationInbound", "b2bCollaborationOutbound");
    let (open, shut) = (
        setting(("allowed", ALL_USERS), ("allowed", ALL_APPS)),
        setting(("blocked", ALL_USERS), ("blocked", ALL_APPS)),
    );
    let mut with_devices = open.clone();
    with_devices["devices"] = json!({});
    let sync =
        |inbound: Value| (format!("{PARTNER}/identitySynchronization"), json!({"userSyncInbound": inbound}));
    let (never_synchronised, not_synchronised) = (sync(json!({})), sync(json!({"isSyncAllowed": false})));
    let cases = [
        (format!("{PARTNER}/{inbound}"), open.clone(), "all_users_beside_ids"),
        (
            format!("{PARTNER}/{inbound}"),
            setting(("allowed", A_USER), ("allowed", ALL_APPS)),
            "all_users_beside_ids",
        ),
        (format!("{PARTNER}/{inbound}"), shut.clone(), "listed_users_all_applications"),
        (
            format!("{PARTNER}/{inbound}"),
            setting(("blocked", A_USER), ("allowed", ALL_APPS)),
            "listed_users_all_applications",
        ),
        (
            format!("{PARTNER}/{inbound}"),
            setting(("blocked", A_USER), ("blocked", AN_APP)),
            "listed_users_all_applications",
        ),
        (format!("{PARTNER}/{inbound}"), shut, "rights_management_blocked"),
        (format!("{PARTNER}/{outbound}"), open.clone(), "rights_management_blocked"),
        (format!("{PARTNER}/{outbound}"), open, "licence_p1"),
        (never_synchronised.0, never_synchronised.1, "sync_without_redemption"),
        (not_synchronised.0, not_synchronised.1, "sync_without_redemption"),
        (format!("{PARTNER}/tenantRestrictions"), with_devices, "property_unknown"),
    ];
    for (pointer, value, code) in cases {
        let found = lint(&pointer, value);
        assert!(found.iter().all(|(known, _, _)| known != code), "{pointer}: {code} in {found:?}");
    }
}

#[test]
fn a_policy_that_blocks_or_only_reports_requires_no_control() {
    let found = |policy: &Value| {
        let mut tenant = base()["tenants"][0].clone();
        tenant["conditionalAccess"] = json!({"policies": [policy]});
        let open = setting(("allowed", ALL_USERS), ("allowed", ALL_APPS));
        pointer_set(&mut tenant, "/crossTenantAccessPolicy/partners/0/b2bDirectConnectInbound", open);
        let codes = ["context_unmapped", "direct_connect_mfa_untrusted"];
        let found = lint("/tenants/0", tenant);
        found.iter().filter(|(code, _, _)| codes.contains(&&**code)).count()
    };
    let mut policy = mfa_policy()["policies"][0].clone();
    assert_eq!(found(&policy), 2);
    policy["state"] = json!("enabledForReportingButNotEnforced");
    assert_eq!(found(&policy), 0);
    policy["state"] = json!("enabled");
    policy["grantControls"]["builtInControls"] = json!(["block"]);
    assert_eq!(found(&policy), 0);
}

#[test]
fn direct_connect_that_blocks_everybody_or_everything_needs_no_warning() {
    let found = |direct: &Value| {
        let mut tenant = base()["tenants"][0].clone();
        tenant["conditionalAccess"] = mfa_policy();
        tenant["partnerClouds"] = json!({P: "microsoftonline.us"});
        pointer_set(
            &mut tenant,
            "/crossTenantAccessPolicy/partners/0/b2bDirectConnectInbound",
            direct.clone(),
        );
        let codes = ["direct_connect_mfa_untrusted", "direct_connect_other_cloud"];
        let found = lint("/tenants/0", tenant);
        found.iter().filter(|(code, _, _)| codes.contains(&&**code)).count()
    };
    assert_eq!(found(&setting(("blocked", A_USER), ("allowed", ALL_APPS))), 2);
    assert_eq!(found(&setting(("blocked", ALL_USERS), ("allowed", ALL_APPS))), 0);
    assert_eq!(found(&setting(("blocked", A_USER), ("blocked", ALL_APPS))), 0);
}

/// The base bundle, in which the partner is hosted too.
fn hosting(of_us: &Value, more: &Value) -> Value {
    let mut other = json!({"tenantId": P, "crossTenantAccessPolicy": {"partners": [of_us]}});
    other.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut bundle = base();
    bundle["tenants"].as_array_mut().unwrap().push(other);
    bundle
}

fn codes(bundle: &Value) -> Vec<(String, String)> {
    let report = lint_text(&bundle.to_string(), "--json").unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|finding| (text(&finding["code"]), text(&finding["pointer"]))).collect()
}

#[test]
fn distrust_of_a_partner_whom_the_default_lets_in_is_found_where_it_is_said() {
    let mut tenant = base()["tenants"][0].clone();
    tenant["conditionalAccess"] = mfa_policy();
    let open = setting(("allowed", ALL_USERS), ("allowed", ALL_APPS));
    tenant["crossTenantAccessPolicy"]["default"] =
        json!({"b2bDirectConnectInbound": open, "inboundTrust": {"isMfaAccepted": true}});
    let partner = "/crossTenantAccessPolicy/partners/0/inboundTrust";
    let untrusted = |tenant: &Value| {
        let found = lint("/tenants/0", tenant.clone());
        let codes = found.into_iter().filter(|(code, _, _)| code == "direct_connect_mfa_untrusted");
        codes.map(|(_, _, at)| at).collect::<Vec<_>>()
    };
    assert!(untrusted(&tenant).is_empty());
    pointer_set(&mut tenant, partner, json!({"isMfaAccepted": false}));
    assert_eq!(untrusted(&tenant), [format!("{PARTNER}/inboundTrust")]);
    let policies = tenant.as_object_mut().unwrap().remove("conditionalAccess");
    assert!(policies.is_some() && untrusted(&tenant).is_empty(), "nothing requires MFA");
}

#[test]
fn a_hosted_partners_own_cloud_counts_for_direct_connect() {
    let found = |cloud: &str| {
        let mut bundle = hosting(&json!({"tenantId": L}), &json!({"cloud": cloud}));
        let open = setting(("allowed", ALL_USERS), ("allowed", ALL_APPS));
        pointer_set(&mut bundle, &format!("{PARTNER}/b2bDirectConnectInbound"), open);
        codes(&bundle).contains(&("direct_connect_other_cloud".to_owned(), PARTNER.to_owned()))
    };
    assert!(found("microsoftonline.us"));
    assert!(!found("microsoftonline.com"));
}

#[test]
fn synchronisation_needs_redemption_on_both_sides_where_both_are_hosted() {
    let found = |of_us: Value| {
        let mut bundle = hosting(&of_us, &json!({}));
        let sync = json!({"userSyncInbound": {"isSyncAllowed": true}});
        pointer_set(&mut bundle, &format!("{PARTNER}/identitySynchronization"), sync);
        pointer_set(
            &mut bundle,
            &format!("{PARTNER}/automaticUserConsentSettings"),
            json!({"inboundAllowed": true}),
        );
        let at = format!("{PARTNER}/identitySynchronization");
        codes(&bundle).contains(&("sync_without_redemption".to_owned(), at))
    };
    assert!(found(json!({"tenantId": L})));
    assert!(found(json!({"tenantId": L, "automaticUserConsentSettings": {"outboundAllowed": false}})));
    assert!(!found(json!({"tenantId": L, "automaticUserConsentSettings": {"outboundAllowed": true}})));
}

#[test]
fn what_the_config_may_supply_is_said_to_be_missing_only_unless_it_does() {
    let listed = setting(("allowed", A_USER), ("allowed", ALL_APPS));
    for (code, pointer, value) in [
        ("context_unmapped", format!("{TENANT}/conditionalAccess"), mfa_policy()),
        ("listed_users_unresolved", format!("{PARTNER}/b2bCollaborationInbound"), listed),
    ] {
        let found = findings(&pointer, value);
        let found = found.iter().find(|finding| finding["code"] == code).unwrap();
        assert!(found["remedy"].as_str().unwrap().starts_with("unless the config "), "{found}");
    }
}
