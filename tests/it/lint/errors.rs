//! What refuses a policy.

use serde_json::{Value, json};

use super::{
    A_USER, ALL_APPS, ALL_USERS, AN_APP, DEFAULT, MSA, P, PARTNER, POLICY, TENANT, base, findings, lint,
    lint_text, mfa_policy, setting,
};
use crate::harness::L;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_error_is_found_at_its_place() {
    let inbound = "b2bCollaborationInbound";
    let cases = [
        (format!("{TENANT}/tenantId"), json!("x"), "value_malformed", format!("{TENANT}/tenantId")),
        (format!("{TENANT}/cloud"), json!("elsewhere"), "value_malformed", format!("{TENANT}/cloud")),
        ("/tenants/-".to_owned(), base()["tenants"][0].clone(), "tenant_duplicate", "/tenants/1".to_owned()),
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
            format!("{DEFAULT}/b2bDirectConnectInbound"),
            setting(("allowed", A_USER), ("allowed", ALL_APPS)),
            "default_lists_users",
            format!("{DEFAULT}/b2bDirectConnectInbound/usersAndGroups"),
        ),
        (
            format!("{TENANT}/partnerClouds"),
            json!({P: "microsoftonline.us", P.to_uppercase(): "microsoftonline.us"}),
            "key_duplicate",
            format!("{TENANT}/partnerClouds/{}", P.to_uppercase()),
        ),
        (
            format!("{TENANT}/domains"),
            json!({"fabrikam.com": P, "Fabrikam.COM": L}),
            "key_duplicate",
            format!("{TENANT}/domains/Fabrikam.COM"),
        ),
        (
            format!("{POLICY}/partners@odata.nextLink"),
            json!("https://graph.microsoft.com/v1.0/policies/crossTenantAccessPolicy/partners?$skiptoken=2"),
            "list_incomplete",
            format!("{POLICY}/partners@odata.nextLink"),
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
fn a_misspelt_member_of_the_bundles_own_never_loads_as_if_it_were_absent() {
    let lists = |name: &str| json!({"InvitationsAllowedAndBlockedDomainsPolicy": {name: ["evil.com"]}});
    let cases = [
        ("/tenant".to_owned(), json!([]), String::new(), "tenants"),
        (format!("{TENANT}/conditionalAcess"), mfa_policy(), String::new(), "conditionalAccess"),
        (format!("{TENANT}/conditionalAccessPolicies"), json!([]), String::new(), "conditionalAccess"),
        (format!("{TENANT}/revocation"), json!([]), String::new(), "revocations"),
        (format!("{TENANT}/partnerCloud"), json!({}), String::new(), "partnerClouds"),
        (format!("{TENANT}/conditionalAccess"), json!({"policy": []}), "/policy".to_owned(), "policies"),
        (format!("{TENANT}/conditionalAccess"), json!({"value": []}), "/value".to_owned(), "policies"),
        (
            format!("{TENANT}/b2bManagementPolicy"),
            json!({"InvitationsAllowedAndBlockedDomainPolicy": {}}),
            "/InvitationsAllowedAndBlockedDomainPolicy".to_owned(),
            "InvitationsAllowedAndBlockedDomainsPolicy",
        ),
        (
            format!("{TENANT}/b2bManagementPolicy"),
            lists("BlockedDomain"),
            "/InvitationsAllowedAndBlockedDomainsPolicy/BlockedDomain".to_owned(),
            "BlockedDomains",
        ),
        (
            format!("{TENANT}/revocations"),
            json!([{"tenant": P, "userId": P, "notBefore": "2026-01-01T00:00:00Z"}]),
            "/0/userId".to_owned(),
            "user",
        ),
        (
            format!("{TENANT}/authenticationContexts"),
            json!({"compliantDevices": "c2"}),
            "/compliantDevices".to_owned(),
            "compliantDevice",
        ),
    ];
    for (pointer, value, below, nearest) in cases {
        let found = findings(&pointer, value);
        let at = format!("{pointer}{below}");
        let unknown =
            found.iter().find(|finding| finding["code"] == "member_unknown" && finding["pointer"] == *at);
        let unknown = unknown.unwrap_or_else(|| panic!("{at}: {found:?}"));
        assert_eq!(unknown["level"], "error", "{at}");
        assert!(unknown["remedy"].as_str().unwrap().contains(&format!("`{nearest}`")), "{at}: {unknown}");
    }
}

#[test]
fn what_graph_adds_to_its_resources_is_kept_and_its_metadata_passed_over() {
    let mut policies = mfa_policy();
    policies["@odata.context"] =
        json!("https://graph.microsoft.com/v1.0/$metadata#identity/conditionalAccess/policies");
    policies["policies"][0]["createdDateTime"] = json!("2026-01-01T00:00:00Z");
    let found = lint(&format!("{TENANT}/conditionalAccess"), policies);
    assert!(found.iter().all(|(_, level, _)| level != "error"), "{found:?}");
    let found = lint(&format!("{POLICY}/newFeature"), json!({}));
    assert_eq!(
        found,
        [("property_unknown".to_owned(), "warning".to_owned(), format!("{POLICY}/newFeature"))]
    );
}

#[test]
fn an_unknown_property_of_graphs_is_held_against_the_known_ones() {
    let half = json!({"usersAndGroup": {}, "applications": {}});
    for (pointer, value, at, nearest) in [
        (format!("{PARTNER}/b2bCollaborationInbond"), json!({}), "", "`b2bCollaborationInbound`"),
        (format!("{PARTNER}/b2bCollaborationInbound"), half, "/usersAndGroup", "`usersAndGroups`"),
        (format!("{POLICY}/partner"), json!([]), "", "`partners`"),
    ] {
        let found = findings(&pointer, value);
        let at = format!("{pointer}{at}");
        let unknown = found.iter().find(|finding| finding["pointer"] == *at).unwrap();
        assert_eq!((&unknown["code"], &unknown["level"]), (&json!("property_unknown"), &json!("warning")));
        assert!(unknown["remedy"].as_str().unwrap().contains(nearest), "{unknown}");
    }
}

#[test]
fn a_domain_list_as_graph_packs_it_never_loads_as_if_it_were_empty() {
    let packed = r#"{"B2BManagementPolicy":{"InvitationsAllowedAndBlockedDomainsPolicy":{"BlockedDomains":["evil.com"]}}}"#;
    let raw = json!({
        "id": P, "displayName": "B2BManagementPolicy", "type": "B2BManagementPolicy", "isOrganizationDefault": true,
        "definition": [packed],
    });
    let unpacked_half_way: Value = serde_json::from_str(packed).unwrap();
    for (value, at) in [(raw, "definition"), (unpacked_half_way, "B2BManagementPolicy")] {
        let found = findings(&format!("{TENANT}/b2bManagementPolicy"), value);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((&found[0]["code"], &found[0]["level"]), (&json!("policy_packed"), &json!("error")));
        assert_eq!(found[0]["pointer"], format!("{TENANT}/b2bManagementPolicy/{at}"));
        assert!(
            found[0]["remedy"]
                .as_str()
                .unwrap()
                .contains(r#""InvitationsAllowedAndBlockedDomainsPolicy": {"#)
        );
    }
    let nothing_but_a_type =
        lint(&format!("{TENANT}/b2bManagementPolicy"), json!({"type": "B2BManagementPolicy"}));
    assert!(nothing_but_a_type.iter().any(|(_, level, _)| level == "error"), "{nothing_but_a_type:?}");
}

#[test]
fn a_domain_that_could_never_match_is_refused() {
    for name in ["AllowedDomains", "BlockedDomains"] {
        let lists = |domain: &str| json!({"InvitationsAllowedAndBlockedDomainsPolicy": {name: ["fabrikam.com", domain]}});
        let pointer = format!("{TENANT}/b2bManagementPolicy");
        for domain in [
            "@evil.com",
            "*.evil.com",
            " evil.com",
            "",
            "evil.com.",
            ".evil.com",
            "evil..com",
            "https://evil.com",
        ] {
            let at = format!("{pointer}/InvitationsAllowedAndBlockedDomainsPolicy/{name}/1");
            let expected = ("value_malformed".to_owned(), "error".to_owned(), at);
            assert_eq!(lint(&pointer, lists(domain)), [expected], "{domain:?}");
        }
        for domain in ["evil.com", "EVIL.com", "xn--mnchen-3ya.example", "münchen.example", "a-b.c1"] {
            assert!(lint(&pointer, lists(domain)).is_empty(), "{domain:?}");
        }
    }
    let keyed = lint(&format!("{TENANT}/domains"), json!({"@fabrikam.com": P}));
    assert!(keyed.iter().any(|(code, level, _)| code == "value_malformed" && level == "error"), "{keyed:?}");
}

#[test]
fn a_member_that_is_there_twice_is_malformed() {
    let bundle = base().to_string().replace(r#""partners":"#, r#""partners":[],"partners":"#);
    let report = lint_text(&bundle, "--json").unwrap();
    assert_eq!(report["errors"], 1, "{report}");
    assert_eq!(report["findings"][0]["code"], "json_malformed");
    assert!(report["findings"][0]["message"].as_str().unwrap().contains("duplicate member `partners`"));
    assert!(report["findings"][0]["pointer"].as_str().unwrap().starts_with(POLICY), "{report}");
}

#[test]
fn a_conflict_is_an_error_to_lint_and_a_warning_to_the_load() {
    use tenantgate::policy::{Level, Options, Revision, compile};
    for (users, applications) in [
        (("allowed", ALL_USERS), ("blocked", ALL_APPS)),
        (("blocked", ALL_USERS), ("blocked", AN_APP)),
        (("blocked", ALL_USERS), ("allowed", ALL_APPS)),
    ] {
        let conflicting = setting(users, applications);
        let mut bundle = base();
        bundle["tenants"][0]["crossTenantAccessPolicy"]["partners"][0]["b2bCollaborationInbound"] =
            conflicting.clone();
        let loaded = compile([bundle.to_string().as_bytes()], Revision("1".into()), &Options::default());
        assert!(loaded.snapshot.is_some(), "a real export with an old conflict must load");
        let conflict = loaded.findings.of(Level::Conflict).next().unwrap();
        let linted = lint(&format!("{PARTNER}/b2bCollaborationInbound"), conflicting);
        let at = format!("{PARTNER}/b2bCollaborationInbound");
        assert!(linted.contains(&(conflict.code.to_owned(), "error".to_owned(), at)), "{linted:?}");
    }
}
