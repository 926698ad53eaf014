//! Conditional Access policies that cannot be enforced are refused by name.

use serde_json::json;

use super::lint;
use crate::harness::bundles::{ID, guests, mfa_policy, unsupported};

#[test]
fn an_unsupported_conditional_access_policy_is_refused_by_name_unless_ignored_or_disabled() {
    for (name, mut policies) in unsupported() {
        let found = lint("/tenants/0/conditionalAccess", policies.clone());
        assert!(
            found.iter().any(|(code, level, _)| code == "conditional_access_unsupported" && level == "error"),
            "{name}: {found:?}"
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
