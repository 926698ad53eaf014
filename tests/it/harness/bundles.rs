//! Bundles that must be refused, and what they are made of.

use serde_json::{Value, json};

use crate::harness::{L, pointer_set};

pub(crate) const P: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";
pub(crate) const MSA: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
pub(crate) const ID: &str = "0a3e6c1e-0d5f-4b54-9c5c-7d1f1d3b5a01";

pub(crate) fn base() -> Value {
    json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {"default": {}, "partners": [{"tenantId": P}]}}]})
}

pub(crate) fn half(access: &str, targets: &[(&str, &str)]) -> Value {
    let targets: Vec<_> =
        targets.iter().map(|(target, kind)| json!({"target": target, "targetType": kind})).collect();
    json!({"accessType": access, "targets": targets})
}

pub(crate) fn setting(users: (&str, &[(&str, &str)]), applications: (&str, &[(&str, &str)])) -> Value {
    json!({"usersAndGroups": half(users.0, users.1), "applications": half(applications.0, applications.1)})
}

pub(crate) const ALL_USERS: &[(&str, &str)] = &[("AllUsers", "user")];
pub(crate) const ALL_APPS: &[(&str, &str)] = &[("AllApplications", "application")];
pub(crate) const A_USER: &[(&str, &str)] = &[(ID, "user")];
pub(crate) const AN_APP: &[(&str, &str)] = &[(ID, "application")];

pub(crate) fn mfa_policy() -> Value {
    json!({"policies": [{
        "id": ID, "displayName": "MFA for all", "state": "enabled",
        "conditions": {"applications": {"includeApplications": ["All"]}, "users": {"includeUsers": ["All"]}},
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    }]})
}

pub(crate) const TENANT: &str = "/tenants/0";
pub(crate) const POLICY: &str = "/tenants/0/crossTenantAccessPolicy";
pub(crate) const DEFAULT: &str = "/tenants/0/crossTenantAccessPolicy/default";
pub(crate) const PARTNER: &str = "/tenants/0/crossTenantAccessPolicy/partners/0";

/// What is put where in [`base`], the finding's code and its place.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn errors() -> Vec<(String, Value, &'static str, String)> {
    let inbound = "b2bCollaborationInbound";
    vec![
        (format!("{TENANT}/tenantId"), json!("x"), "value_malformed", format!("{TENANT}/tenantId")),
        (format!("{TENANT}/cloud"), json!("elsewhere"), "value_malformed", format!("{TENANT}/cloud")),
        ("/tenants".to_owned(), json!([]), "no_tenants", "/tenants".to_owned()),
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
            format!("{DEFAULT}/automaticUserConsentSettings"),
            json!({"outboundAllowed": true}),
            "default_consent",
            format!("{DEFAULT}/automaticUserConsentSettings"),
        ),
        (
            format!("{TENANT}/partnerClouds"),
            json!({"fabrikam.com": "microsoftonline.us"}),
            "value_malformed",
            format!("{TENANT}/partnerClouds/fabrikam.com"),
        ),
        (
            format!("{POLICY}/partners/-"),
            json!({"tenantId": MSA, "tenantRestrictions": setting(("allowed", A_USER), ("allowed", ALL_APPS))}),
            "msa_lists_users",
            format!("{POLICY}/partners/1/tenantRestrictions/usersAndGroups"),
        ),
        (
            format!("{TENANT}/revocations"),
            json!([{"tenant": P, "notBefore": "yesterday"}]),
            "value_malformed",
            format!("{TENANT}/revocations/0/notBefore"),
        ),
        (
            format!("{TENANT}/revocations"),
            json!([{"tenant": "fabrikam.com", "notBefore": "2026-01-01T00:00:00Z"}]),
            "value_malformed",
            format!("{TENANT}/revocations/0/tenant"),
        ),
        (
            format!("{TENANT}/revocations"),
            json!([{"tenant": P, "user": "kim@fabrikam.com", "notBefore": "2026-01-01T00:00:00Z"}]),
            "value_malformed",
            format!("{TENANT}/revocations/0/user"),
        ),
        (
            format!("{POLICY}/allowedCloudEndpoints"),
            json!(["elsewhere"]),
            "value_malformed",
            format!("{POLICY}/allowedCloudEndpoints/0"),
        ),
    ]
}

/// What is put where in [`base`], where below it is the mistake, and what was meant.
pub(crate) fn misspelt() -> Vec<(String, Value, String, &'static str)> {
    let lists = |name: &str| json!({"InvitationsAllowedAndBlockedDomainsPolicy": {name: ["evil.com"]}});
    vec![
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
    ]
}

/// Some guests of these tenants, as Conditional Access has them.
pub(crate) fn guests(tenants: &Value) -> Value {
    json!({"guestOrExternalUserTypes": "b2bCollaborationGuest", "externalTenants": tenants})
}

/// `conditionalAccess` with a policy that cannot be enforced, by what makes it so.
pub(crate) fn unsupported() -> Vec<(String, Value)> {
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
        (
            "/conditions/users/excludeGuestsOrExternalUsers",
            json!({"guestOrExternalUserTypes": "internalGuest,somebodyElse", "externalTenants": {"membershipKind": "all"}}),
        ),
        ("/conditions/users/excludeGuestsOrExternalUsers", guests(&json!({"membershipKind": "some"}))),
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
    let policies = cases.into_iter().map(|(pointer, value)| {
        let mut policies = mfa_policy();
        if pointer == "/grantControls/operator" {
            policies["policies"][0]["grantControls"]["builtInControls"] = json!(["mfa", "compliantDevice"]);
        }
        let name = format!("{pointer} = {value}");
        pointer_set(&mut policies["policies"][0], pointer, value);
        (name, policies)
    });
    policies.collect()
}
