//! Conditional Access policies that cannot be enforced are refused by name.

use serde_json::{Value, json};

use super::{ID, lint, mfa_policy};
use crate::harness::pointer_set;

#[test]
fn an_unsupported_conditional_access_policy_is_refused_by_name_unless_ignored_or_disabled() {
    let guests = |tenants: &Value| json!({"guestOrExternalUserTypes": "b2bCollaborationGuest", "externalTenants": tenants});
    let cases = [
        ("/conditions/locations", json!({"includeLocations": ["All"]})),
        ("/conditions/userRiskLevels", json!(["high"])),
        ("/conditions/platforms", json!({"includePlatforms": ["all"]})),
        ("/conditions/clientAppTypes", json!(["browser"])),
        ("/conditions/users/includeRoles", json!([ID])),
        ("/conditions/users/includeUsers", json!(["somebody"])),
        ("/conditions/applications/includeUserActions", json!(["urn:user:registerdevice"])),
        ("/conditions/applications/includeApplications", json!(["MicrosoftAdminPortals"])),
        ("/conditions/users/includeGuestsOrExternalUsers", json!({})),
        ("/conditions/users/includeGuestsOrExternalUsers", json!({"guestOrExternalUserTypes": null})),
        ("/conditions/users/includeGuestsOrExternalUsers", json!({"guestOrExternalUserTypes": ""})),
        ("/conditions/users/includeGuestsOrExternalUsers", json!({"guestOrExternalUserTypes": "none"})),
        ("/conditions/users/includeGuestsOrExternalUsers", guests(&json!({"membershipKind": "enumerated"}))),
        (
            "/conditions/users/includeGuestsOrExternalUsers",
            guests(&json!({"membershipKind": "enumerated", "members": []})),
        ),
        ("/conditions/users/includeGuestsOrExternalUsers", guests(&json!({"membershipKind": "some"}))),
        ("/conditions/users/excludeGuestsOrExternalUsers", json!({})),
        ("/conditions/users/excludeGuestsOrExternalUsers", guests(&json!(null))),
        (
            "/conditions/users/excludeGuestsOrExternalUsers",
            json!({"guestOrExternalUserTypes": "b2bCollaborationGuest"}),
        ),
        ("/conditions/users/excludeGuestsOrExternalUsers", guests(&json!({"membershipKind": "enumerated"}))),
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
    // Graph's null for "all", where it can only include.
    neutral["policies"][0]["conditions"]["users"]["includeGuestsOrExternalUsers"] = guests(&json!(null));
    neutral["policies"][0]["conditions"]["users"]["excludeGuestsOrExternalUsers"] =
        guests(&json!({"membershipKind": "all"}));
    assert!(lint("/tenants/0/conditionalAccess", neutral).iter().all(|(_, level, _)| level != "error"));
}
