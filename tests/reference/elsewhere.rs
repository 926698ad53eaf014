//! The model on hand-made cases of the egress modes (§8) and of the other actions (§9).

use serde_json::json;

use super::samples::{POLICIES, TENANTS};
use super::scene::{CONTOSO, FABRIKAM, Scene, everything, guest, member};

const GRAPH_HOST: &str = "graph.microsoft.com";

#[test]
fn our_users_go_out_by_the_outbound_settings() {
    let scene = || member().route("mode", "outbound").route("resource_tenant", FABRIKAM);
    scene().denied("users_and_applications_blocked");
    scene().partner("b2bDirectConnectOutbound", everything("allowed")).permitted();
    let abroad = || {
        member()
            .from(FABRIKAM)
            .claim("idp", Some(json!(format!("https://sts.windows.net/{CONTOSO}/"))))
            .route("mode", "outbound")
    };
    abroad().permitted();
    let blocking = json!({"default": {"b2bCollaborationInbound": everything("blocked")}});
    abroad().hosting(blocking).denied("resource_inbound_blocked");
    abroad().route("resource_tenant", TENANTS[3]).denied("resource_tenant_mismatch");
    // Somebody else altogether.
    abroad().claim("idp", None).denied("users_and_applications_blocked");
}

#[test]
fn restrictions_begin_with_the_host() {
    let scene = |host| member().route("mode", "tenant_restrictions").at(host);
    scene("example.test").is("allow", "unrestricted_host");
    scene("LOGIN.live.com.:443").denied("restrictions_policy_missing");
    // The longest pattern tells the application, and the token is for that one.
    scene("teams.microsoft.com").denied("token_audience");
    scene(GRAPH_HOST).is("allow", "internal");

    let external = || scene(GRAPH_HOST).from(FABRIKAM).claim("idp", None);
    external().denied("users_and_applications_blocked");
    let opened = || external().partner("tenantRestrictions", everything("allowed"));
    opened().permitted();
    // A home that is none is MSA's, which no partner opens.
    opened().claim("idp", Some(json!("live.com"))).denied("users_and_applications_blocked");
    let mut anonymous = scene(GRAPH_HOST);
    anonymous.claims = None;
    anonymous.denied("anonymous_blocked");
}

#[test]
fn sign_in_hosts_are_told_of_the_policy() {
    let scene = |host| member().route("mode", "tenant_restrictions").at(host);
    let told = |scene: Scene| scene.decide().marks;
    let mut named = scene("login.microsoftonline.com");
    named.bundle["tenants"][0]["crossTenantAccessPolicy"]["default"] = json!({"id": POLICIES[0]});
    assert_eq!(told(named), Some(format!("policy {CONTOSO}:{}", POLICIES[0])));

    let v1 = |host| scene(host).config("restrictions", json!({"version": "v1"}));
    assert_eq!(told(v1("login.windows.net")), Some(format!("tenants {CONTOSO}")));
    let opened = v1("login.windows.net").partner("tenantRestrictions", everything("allowed"));
    assert_eq!(told(opened), Some(format!("tenants {CONTOSO},{FABRIKAM}")));
    assert_eq!(told(v1("login.live.com")), Some("restrict-msa".to_owned()));
    assert_eq!(told(v1("login.microsoftonline.us")), Some("nothing".to_owned()));
    assert_eq!(told(scene("example.test")), Some("untouched".to_owned()));
}

#[test]
fn invitations_are_for_those_who_may() {
    let scene = || member().route("action", "invite").invitee("kim@fabrikam.test");
    scene().denied("inviter_not_allowed");
    let members = json!({"allowInvitesFrom": "adminsGuestInvitersAndAllMembers"});
    let scene = || scene().local("authorizationPolicy", members.clone());
    scene().is("allow", "internal");
    for address in
        ["", "kim", "kim@", "@fabrikam.test", "a@evil.test,kim@fabrikam.test", " kim@fabrikam.test"]
    {
        scene().invitee(address).denied("invitee_unresolved");
    }
    let mut cut = scene();
    cut.headers.push(("x-envoy-auth-partial-body".to_owned(), "true".to_owned()));
    cut.denied("invitee_unresolved");
    let blocked = scene()
        .local("domains", json!({"Fabrikam.test": FABRIKAM}))
        .partner("b2bCollaborationInbound", everything("blocked"));
    blocked.denied("users_and_applications_blocked");
    assert_eq!(blocked.decide().partner.as_deref(), Some(FABRIKAM));
}

#[test]
fn a_prompt_is_suppressed_by_both_sides_together() {
    let inbound = json!({"inboundAllowed": true});
    let scene = || guest().route("action", "redeem").partner("automaticUserConsentSettings", inbound.clone());
    scene().permitted();
    assert_eq!(scene().decide().consent.as_deref(), Some("required"));
    let outbound = json!({"partners": [{
        "tenantId": CONTOSO, "automaticUserConsentSettings": {"outboundAllowed": true},
    }]});
    let suppressed = scene().hosting(outbound).decide();
    assert_eq!(suppressed.consent.as_deref(), Some("suppressed"));
    let told = [suppressed.invitation_email, suppressed.consent_prompt, suppressed.notification_email];
    assert_eq!(told, [Some(false), Some(false), Some(true)]);
}

#[test]
fn users_are_synchronized_by_workloads_of_the_source() {
    let scene = || guest().from(FABRIKAM).claim("idp", None).route("action", "user_sync");
    scene().denied("sync_caller_not_workload");
    let workload = || scene().claim("idtyp", Some(json!("app")));
    workload().denied("sync_not_allowed");
    let allowed = json!({"userSyncInbound": {"isSyncAllowed": true}});
    let allowed = workload().partner("identitySynchronization", allowed);
    allowed.permitted();
    assert_eq!(allowed.decide().consent.as_deref(), Some("required"));
    assert_eq!(allowed.decide().invitation_email, None);
}
