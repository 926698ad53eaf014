//! The model in mode `inbound` on cases worked out by hand, each test one sentence of
//! semantics.md.

use serde_json::{Value, json};

use super::samples::{BILLING, GROUPS, MSA, NOW, ORDERS, POLICIES, STRANGE, TENANTS, USERS};
use super::scene::{CONTOSO, FABRIKAM, everything, guest, half, member, requiring, setting};

#[test]
fn a_partner_without_a_setting_inherits_the_service_default() {
    let decision = guest().decide();
    assert_eq!((decision.effect.as_str(), decision.reason.as_str()), ("allow", "permitted"));
    assert_eq!(decision.relation.as_deref(), Some("b2b_collaboration"));
    assert_eq!(decision.partner.as_deref(), Some(FABRIKAM));
    assert_eq!(decision.setting.as_deref(), Some("b2bCollaborationInbound"));
    assert_eq!(decision.origin.as_deref(), Some("service_default"));
}

#[test]
fn direct_connect_is_blocked_by_default() {
    guest().from(FABRIKAM).denied("users_and_applications_blocked");
    guest().from(FABRIKAM).partner("b2bDirectConnectInbound", everything("allowed")).permitted();
}

#[test]
fn two_blocks_block_only_where_both_match() {
    let both = |user: &str, application: &str| {
        setting(half("blocked", "user", &[user]), half("blocked", "application", &[application]))
    };
    let at = |user: &str, application: &str| {
        guest()
            .claim("home_oid", Some(json!(USERS[1])))
            .partner("b2bCollaborationInbound", both(user, application))
    };
    at(USERS[1], ORDERS).denied("users_and_applications_blocked");
    at(USERS[1], STRANGE).permitted();
    at(USERS[2], ORDERS).permitted();
    at(USERS[1], STRANGE).config("blocked_blocked", json!("strict")).denied("users_blocked");
    // A conflict: nobody is permitted, though the application is not blocked.
    at("AllUsers", STRANGE).denied("users_blocked");
    // A block is wide: the client counts.
    at(USERS[1], BILLING).denied("users_and_applications_blocked");
}

#[test]
fn a_listed_user_is_looked_for_at_home() {
    let listed =
        setting(half("allowed", "user", &[USERS[0]]), half("allowed", "application", &["AllApplications"]));
    let scene = || guest().partner("b2bCollaborationInbound", listed.clone());
    // `oid` is that user's id, but in another tenant.
    scene().denied("principal_unresolved");
    scene().claim("home_oid", Some(json!(USERS[1]))).denied("users_blocked");
    scene().claim("home_oid", Some(json!(USERS[0]))).permitted();

    let mut mapped = scene();
    mapped.map = json!([{
        "tenant": CONTOSO, "oid": USERS[0], "homeTenant": FABRIKAM,
        "homeOid": USERS[0], "homeGroups": [],
    }]);
    mapped.permitted();
    mapped.claim("home_oid", Some(json!(USERS[1]))).denied("principal_unresolved");
}

#[test]
fn a_group_that_is_not_among_all_groups_is_false() {
    let group =
        setting(half("blocked", "group", &[GROUPS[0]]), half("allowed", "application", &["AllApplications"]));
    let scene = || guest().from(FABRIKAM).partner("b2bDirectConnectInbound", group.clone());
    scene().denied("principal_unresolved");
    scene().claim("groups", Some(json!([GROUPS[1]]))).permitted();
    scene().claim("groups", Some(json!([GROUPS[0]]))).denied("users_blocked");
    scene()
        .claim("groups", Some(json!([GROUPS[1]])))
        .claim("_claim_names", Some(json!({"groups": "src1"})))
        .denied("principal_unresolved");
}

#[test]
fn a_null_half_makes_both_permit() {
    let users = json!({"usersAndGroups": half("blocked", "group", &[GROUPS[0]])});
    let mut scene = guest().partner("b2bCollaborationInbound", users);
    scene.bundle["tenants"][0]["crossTenantAccessPolicy"]["default"] = json!({
        "b2bCollaborationInbound": {"applications": half("blocked", "application", &[ORDERS])},
    });
    // Whatever the group: the other half says no.
    scene.denied("applications_blocked");
    assert_eq!(scene.decide().origin.as_deref(), Some("partner"));
}

#[test]
fn an_application_in_no_suite_is_told_by_the_map() {
    let suite =
        setting(half("allowed", "user", &["AllUsers"]), half("allowed", "application", &["Office365"]));
    let scene = guest().partner("b2bCollaborationInbound", suite);
    scene.denied("applications_blocked");
    let mut scene = scene.claim("aud", Some(json!(STRANGE)));
    scene.config["tokens"]["audiences"] = json!([STRANGE]);
    scene.denied("application_unresolved");
}

#[test]
fn the_home_tenant_has_its_say() {
    let blocking = json!({"default": {"b2bCollaborationOutbound": everything("blocked")}});
    guest().hosting(json!({"default": null})).permitted();
    guest().hosting(blocking).denied("home_outbound_blocked");
}

#[test]
fn a_service_provider_has_to_be_listed() {
    let scene = || guest().claim("xms_idrel", Some(json!("5 11")));
    scene().denied("service_provider_unlisted");
    scene().partner("isServiceProvider", json!(true)).permitted();
}

#[test]
fn another_cloud_needs_an_endpoint_and_a_listed_partner() {
    let tenant = |partners: Value, endpoints: Value| {
        let idp = format!("https://login.microsoftonline.us/{FABRIKAM}/v2.0");
        guest().claim("idp", Some(json!(idp))).local(
            "crossTenantAccessPolicy",
            json!({"allowedCloudEndpoints": endpoints, "partners": partners}),
        )
    };
    let listed = || json!([{"tenantId": FABRIKAM}]);
    tenant(json!([]), json!([])).denied("cloud_not_allowed");
    tenant(json!([]), json!(["microsoftonline.us"])).denied("cloud_partner_unlisted");
    tenant(listed(), json!(["microsoftonline.us"])).permitted();
    tenant(listed(), json!(["microsoftonline.us"]))
        .claim("xms_idrel", Some(json!("19")))
        .denied("cloud_direct_connect");
    tenant(listed(), json!([]))
        .local("cloud", json!("partner.microsoftonline.cn"))
        .denied("cloud_pair_unsupported");
    // `sts.windows.net` tells nothing.
    guest()
        .local("crossTenantAccessPolicy", json!({"allowedCloudEndpoints": ["microsoftonline.us"]}))
        .denied("cloud_unresolved");
}

#[test]
fn evidence_counts_by_whose_word_it_is() {
    let scene = || guest().local("conditionalAccess", requiring("mfa"));
    scene().denied("mfa_required");
    scene().claim("xms_cc", Some(json!(["CP1"]))).is("challenge", "mfa_required");
    // The home tenant's word, which nobody trusts.
    scene().claim("amr", Some(json!(["mfa"]))).denied("mfa_required");
    scene()
        .claim("amr", Some(json!(["mfa"])))
        .partner("inboundTrust", json!({"isMfaAccepted": true}))
        .permitted();
    // L's own.
    scene().claim("acrs", Some(json!(["c1"]))).permitted();
    member().local("conditionalAccess", requiring("mfa")).denied("mfa_required");
    member()
        .local("conditionalAccess", requiring("mfa"))
        .claim("amr", Some(json!(["ngcmfa"])))
        .is("allow", "internal");
}

#[test]
fn direct_connect_without_trust_is_denied() {
    let open = everything("allowed");
    let scene = || {
        guest()
            .from(FABRIKAM)
            .partner("b2bDirectConnectInbound", open.clone())
            .local("conditionalAccess", requiring("mfa"))
            .claim("amr", Some(json!(["mfa"])))
    };
    scene().denied("mfa_not_trusted");
    scene().partner("inboundTrust", json!({"isMfaAccepted": true})).permitted();
    guest().local("conditionalAccess", requiring("compliantDevice")).denied("device_not_trusted");
}

#[test]
fn a_route_requires_beside_the_policies() {
    member().route("require", "domainJoinedDevice").denied("hybrid_device_required");
    member()
        .route("require", "compliantDevice")
        .claim("xms_cc", Some(json!(["cp1"])))
        .is("challenge", "compliant_device_required");
    member().route("require", "device").denied("route_invalid");
}

#[test]
fn report_only_allows_and_says_so() {
    let blocked = guest().partner("b2bCollaborationInbound", everything("blocked"));
    let reported = blocked.route("report_only", "true");
    reported.is("allow", "users_and_applications_blocked");
    assert_eq!(reported.decide().report_only, ["route:deny:users_and_applications_blocked".to_owned()]);
    reported.claim("exp", Some(json!(NOW - 60))).denied("token_expired");
}

#[test]
fn a_revoked_token_is_stopped_even_where_denials_are_reported() {
    let revoked = json!([{
        "tenant": FABRIKAM, "user": null, "notBefore": "2027-01-15T08:00:00Z", "reason": "",
    }]);
    let scene = || guest().local("revocations", revoked.clone()).config("report_only", json!(true));
    scene().denied("session_revoked");
    scene().claim("iat", Some(json!(NOW))).permitted();
}

#[test]
fn the_restrictions_header_is_compared() {
    let scene = |value: &str| {
        let mut scene = guest()
            .config("ingress", json!({"honor_tenant_restrictions_header": true}))
            .claim("xms_trpid", Some(json!(POLICIES[0])));
        scene.headers = vec![("SEC-restrict-tenant-access-policy".to_owned(), value.to_owned())];
        scene
    };
    let (elsewhere, [right, wrong]) = (TENANTS[3], POLICIES);
    scene(&format!("{elsewhere}:{right}")).permitted();
    scene(&format!("{elsewhere}:{wrong}")).denied("restrictions_policy_mismatch");
    scene(&format!("{FABRIKAM}:{wrong}")).permitted();
    scene(&format!("{elsewhere}:{wrong}")).claim("xms_trpid", None).denied("restrictions_claim_missing");
    scene("fabrikam").denied("restrictions_header_invalid");
    let mut anonymous = scene("restrict-msa");
    anonymous.claims = None;
    anonymous.denied("anonymous_blocked");
}

#[test]
fn non_entra_callers_are_judged_by_domain() {
    let scene = || {
        guest().claim("idp", Some(json!("google.com"))).local(
            "b2bManagementPolicy",
            json!({"InvitationsAllowedAndBlockedDomainsPolicy": {
                "AllowedDomains": ["fabrikam.test"], "BlockedDomains": [],
            }}),
        )
    };
    scene().denied("domain_unresolved");
    scene().claim("email", Some(json!("kim@FABRIKAM.test"))).permitted();
    scene().claim("email", Some(json!("kim@mail.fabrikam.test"))).denied("domain_not_allowed");
    scene().config("non_entra", json!("deny")).denied("non_entra_blocked");
}

#[test]
fn what_idp_says_decides_the_relation() {
    let scene = |idp: &str| guest().claim("idp", Some(json!(idp)));
    scene("https://sts.windows.net/common/").denied("token_malformed");
    scene("").denied("token_malformed");
    scene(&format!("https://login.unknown.test/{FABRIKAM}/v2.0")).denied("relation_unknown");
    scene(&format!("https://login.microsoftonline.com:443/{FABRIKAM}")).denied("relation_unknown");
    let msa = scene(&format!("https://login.live.com/{MSA}/"));
    msa.denied("relation_unknown");
    let msa = scene(&format!("https://sts.windows.net/{MSA}/")).decide();
    assert_eq!(msa.relation.as_deref(), Some("non_entra"));
    guest().from(TENANTS[3]).denied("foreign_guest_token");
    member().claim("xms_idrel", Some(json!("5"))).denied("relation_unknown");
}
