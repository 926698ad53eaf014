//! What refuses a policy.

use serde_json::{Value, json};

use super::{findings, lint, lint_text};
use crate::harness::bundles::{
    A_USER, ALL_APPS, ALL_USERS, AN_APP, P, PARTNER, POLICY, TENANT, base, errors, mfa_policy, misspelt,
    setting,
};

#[test]
fn every_error_is_found_at_its_place() {
    let inbound = "b2bCollaborationInbound";
    let conflicts = [
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
    ];
    for (pointer, value, code, at) in errors().into_iter().chain(conflicts) {
        let found = lint(&pointer, value);
        let expected = (code.to_owned(), "error".to_owned(), at);
        assert!(found.contains(&expected), "{pointer}: expected {expected:?}, found {found:?}");
    }
}

/// What is found stands in the log and in `/readyz`.
#[test]
fn an_address_where_an_id_belongs_is_not_repeated() {
    const ADDRESS: &str = "kim@fabrikam.com";
    let mut inbound = setting(("allowed", A_USER), ("allowed", ALL_APPS));
    inbound["usersAndGroups"]["targets"][0]["target"] = json!(ADDRESS);
    for (pointer, value) in [
        (
            format!("{TENANT}/revocations"),
            json!([{"tenant": P, "user": ADDRESS, "notBefore": "2026-01-01T00:00:00Z"}]),
        ),
        (format!("{PARTNER}/b2bCollaborationInbound"), inbound),
    ] {
        let found = findings(&pointer, value);
        assert!(found.iter().any(|finding| finding["level"] == "error"), "{pointer}");
        assert!(!format!("{found:?}").contains("kim"), "{pointer}");
    }
}

#[test]
fn a_misspelt_member_of_the_bundles_own_never_loads_as_if_it_were_absent() {
    for (pointer, value, below, nearest) in misspelt() {
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
    let resource = |definition: Value| json!({"resource": {"id": P, "definition": definition, "zzNew": 1}});
    let found = findings(&format!("{TENANT}/b2bManagementPolicy"), resource(json!([packed])));
    assert_eq!((&found[0]["code"], &found[0]["level"]), (&json!("policy_packed"), &json!("error")));
    assert_eq!(found[0]["pointer"], format!("{TENANT}/b2bManagementPolicy/resource/definition"));
    for unpacked in [json!([null]), json!([]), json!(null)] {
        let found = lint(&format!("{TENANT}/b2bManagementPolicy"), resource(unpacked));
        let at = format!("{TENANT}/b2bManagementPolicy/resource/zzNew");
        assert_eq!(found, [("property_unknown".to_owned(), "warning".to_owned(), at)]);
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
