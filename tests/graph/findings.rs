//! What import finds some hundred partners at a time is what the policy's reader finds in the whole.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use tenantgate::policy::{Options, Revision, compile};
use tenantgate::source::GraphError;

use crate::harness::{export, import};

const TENANTS: [&str; 3] = [
    "6babcaad-604b-40ac-a9d7-9fd97c0b779f",
    "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21",
    "8b1f6d3a-2c4e-4d0b-a1f7-5e9c0d7b6a42",
];

/// Settings of every kind that is worth a finding, by the number of the partner.
fn partner(id: &str, number: usize) -> Value {
    let all = |access: &str| {
        json!({
            "usersAndGroups": {"accessType": access, "targets": [{"target": "AllUsers", "targetType": "user"}]},
            "applications": {"accessType": "allowed", "targets": [{"target": "AllApplications", "targetType": "application"}]},
        })
    };
    let mut partner = json!({"tenantId": id});
    let (name, value) = match number % 11 {
        0 => ("b2bCollaborationInbound", json!({"usersAndGroups": null, "applications": null})),
        1 => ("b2bCollaborationInbound", all("blocked")),
        2 => ("b2bDirectConnectInbound", all("allowed")),
        3 => ("inboundTrust", json!({"isMfaAccepted": true})),
        4 => ("identitySynchronization", json!({"userSyncInbound": {"isSyncAllowed": true}})),
        5 => (
            "automaticUserConsentSettings",
            json!({"inboundAllowed": true, "outboundAllowed": number.is_multiple_of(2)}),
        ),
        6 => ("newInGraph", json!({"x": 1})),
        7 => ("tenantRestrictions", all("somehow")),
        _ => return partner,
    };
    partner[name] = value;
    partner
}

/// Tenants that know each other, the first with so many more partners that several parts are checked.
fn bundle(change: impl Fn(usize, &mut Value)) -> Value {
    let mut tenants = Vec::new();
    for (index, id) in TENANTS.iter().enumerate() {
        let others = TENANTS.iter().filter(|other| *other != id).map(|other| (*other).to_owned());
        let more = (0..if index == 0 { 1300 } else { 7 })
            .map(|number| format!("{number:08x}-0000-4000-8000-000000000000"));
        // Now here, now there, what the others say stands behind the first part.
        let ids: Vec<_> =
            if index == 0 { more.chain(others).collect() } else { others.chain(more).collect() };
        let partners = ids.iter().enumerate().map(|(number, id)| {
            let mut partner = partner(id, number + index);
            change(number, &mut partner);
            partner
        });
        tenants.push(json!({
            "tenantId": id,
            "authenticationContexts": {},
            "partnerClouds": {"00000002-0000-4000-8000-000000000000": "microsoftonline.us"},
            "conditionalAccess": {"policies": [{
                "id": "a", "displayName": "MFA", "state": "enabled",
                "conditions": {"applications": {"includeApplications": ["All"]}, "users": {"includeUsers": ["All"]}},
                "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
            }]},
            "b2bManagementPolicy": {"resource": {"zzNew": 1, "id": "x"}},
            "crossTenantAccessPolicy": {
                "allowedCloudEndpoints": ["microsoftonline.us"], "zzNew": {},
                "default": {"b2bDirectConnectInbound": {"usersAndGroups": null}},
                "partners": partners.collect::<Vec<_>>(),
            },
        }));
    }
    json!({"tenants": tenants})
}

type Counts = BTreeMap<(String, String), usize>;

/// Of the whole, and of its parts.
fn both(bundle: &Value) -> (Counts, Counts, Result<(), GraphError>) {
    let root = tempfile::tempdir().unwrap();
    let text = bundle.to_string();
    fs::write(root.path().join("a.json"), &text).unwrap();
    let whole = compile([text.as_bytes()], Revision("1".into()), &Options::default()).findings;
    let mut expected = Counts::new();
    for finding in &whole {
        *expected.entry((finding.code.to_owned(), finding.message.clone())).or_default() += 1;
    }
    let there = root.path().join("answers");
    export(&root.path().join("a.json"), &there).unwrap();
    let (outcome, heard) = import(&there, &root.path().join("b.json"));
    let mut found = Counts::new();
    for found_here in heard.found {
        let finding = &found_here.finding;
        // Of a partner that is there twice it also tells where the other is.
        let message = finding.message.split(", first in").next().unwrap();
        *found.entry((finding.code.to_owned(), message.to_owned())).or_default() += 1;
        let file: Value = serde_json::from_str(&fs::read_to_string(&found_here.path).unwrap()).unwrap();
        let pointer = finding.pointer.as_str();
        // What is missing is reported where it would be.
        let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        assert!(
            file.pointer(pointer).or_else(|| file.pointer(parent)).is_some(),
            "{}: {pointer}",
            found_here.path.display()
        );
    }
    (expected, found, outcome)
}

#[test]
fn the_parts_have_the_findings_of_the_whole() {
    let (expected, found, outcome) = both(&bundle(|_, _| {}));
    outcome.unwrap();
    assert_eq!(found, expected);
    let codes: std::collections::BTreeSet<_> = expected.keys().map(|(code, _)| code.as_str()).collect();
    for code in [
        "access_type_unknown",
        "clouds_stop_unknown_tenants",
        "context_unmapped",
        "direct_connect_mfa_untrusted",
        "direct_connect_other_cloud",
        "half_missing",
        "licence_p1",
        "licence_p1_both",
        "mfa_trusted",
        "property_unknown",
        "sync_without_redemption",
        "users_blocked_applications_not",
    ] {
        assert!(codes.contains(code), "the bundle is to have {code}: {codes:?}");
    }
}

#[test]
fn errors_of_any_part_refuse_the_whole() {
    let (expected, found, outcome) = both(&bundle(|number, partner| match number {
        3 | 700 | 1299 => partner["B2BCollaborationInbound"] = json!({}),
        1204 => partner["tenantId"] = json!("00000005-0000-4000-8000-000000000000"),
        900 => partner["inboundTrust"] = json!(1),
        901 => drop(partner.as_object_mut().unwrap().remove("tenantId")),
        _ => {}
    }));
    let errors = 3 + 2 + 1 + 1 + 1;
    assert!(matches!(outcome, Err(GraphError::Errors(count)) if count == errors), "{outcome:?}");
    assert_eq!(found, expected);
}
