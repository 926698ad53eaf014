//! A decision allocates nothing, and a check next to nothing: this program counts what its allocator is asked for, by
//! thread.

#![expect(clippy::expect_used, reason = "without its fixtures there is nothing to test")]

#[path = "../benches/fixtures/mod.rs"]
mod fixtures;
#[path = "../benches/gate/mod.rs"]
mod gate;
#[path = "../benches/world/mod.rs"]
mod world;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use bytes::Bytes;
use fixtures::id::{APPLICATION, OTHER_APPLICATION, TENANT, partner};
use fixtures::{Caller, Stance, guests_for_mfa};
use prost::Message as _;
use serde_json::{Value, json};
use tenantgate::app::App;
use tenantgate::engine::{
    Access, Action, Basis, Effect, HostClass, Hosts, Mode, Patterns, Reason, Required, Resident,
    RestrictionsHeader, Route, Suites, Version, decide,
};
use tenantgate::id::{AppId, ObjectId, TenantId};
use tenantgate::policy::{Control, Options, Principal, Revision, Snapshot, compile};
use tenantgate::telemetry::unix_now;
use tenantgate::token::{Audience, DevelopmentIssuer, Home, Identity};
use world::{World, access};

/// Enough for every stance.
const PARTNERS: u32 = 8;

#[test]
fn an_allocation_is_counted() {
    assert_eq!(allocations(|| drop(black_box(Box::new(1)))), 1);
    assert_eq!(allocations(|| drop(black_box(vec![0_u8; 10]))), 1, "zeroed memory counts");
    let mut grows = Vec::with_capacity(1);
    assert_eq!(allocations(|| grows.extend(black_box([1, 2]))), 1, "growing counts");
    assert_eq!(allocations(|| ()), 0);
}

/// From the message to the frame that answers it: the route and the answer are lists of unknown length, and the answer
/// is handed on by reference.
#[test]
fn a_check_of_a_warm_token_costs_three() {
    let directory = tempfile::tempdir().expect("a directory");
    let issuer = DevelopmentIssuer::keygen(directory.path()).expect("a key");
    let config = gate::set(directory.path(), &fixtures::bundle(PARTNERS, &[guests_for_mfa()]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (gate, _keys) = App::gate_alone(&config).await.expect("a gate");
        for (caller, effect) in [(Caller::Member(1), "allow"), (Caller::Guest(0), "allow")] {
            let token = issuer.mint(&fixtures::claims(caller).to_string(), unix_now(), 60).expect("a token");
            let message = Bytes::from(gate::check(&token).encode_to_vec());
            // Each check is moved to where it waits: what it may need is kept apart until it does.
            assert!(size_of_val(&gate.check(message.clone())) <= 1200, "a check grew");
            for cost in [None, Some(3)] {
                let before = COUNT.get();
                let answer = gate.check(message.clone()).await;
                let spent = COUNT.get() - before;
                assert!(String::from_utf8_lossy(&answer).contains(effect));
                assert!(cost.is_none_or(|cost| cost == spent), "{caller:?} cost {spent}");
            }
        }
    });
}

#[test]
fn an_allowed_member_costs_none() {
    let world = World::new(PARTNERS, &[]);
    assert_eq!(decided(&world, &world.identity(Caller::Member(1))), Reason::Internal);
}

#[test]
fn guests_by_the_partners_setting_cost_none() {
    let world = World::new(PARTNERS, &[]);
    assert_eq!(decided(&world, &guest(&world, Stance::Welcome)), Reason::Permitted);
    assert_eq!(decided(&world, &guest(&world, Stance::Refused)), Reason::UsersAndApplicationsBlocked);
    let stranger = Identity { home_object: None, ..guest(&world, Stance::Welcome) };
    assert_eq!(decided(&world, &stranger), Reason::PrincipalUnresolved);
}

#[test]
fn guests_by_an_inherited_setting_cost_none() {
    let world = World::new(PARTNERS, &[]);
    assert_eq!(decided(&world, &guest(&world, Stance::Silent)), Reason::Permitted);
    let unlisted = Identity { home: Home::Tenant(partner(PARTNERS)), ..guest(&world, Stance::Silent) };
    assert_eq!(decided(&world, &unlisted), Reason::Permitted);
    // Direct connect is in no setting of the bundle: what Microsoft ships counts.
    let foreign = Identity { tenant: partner(PARTNERS), ..unlisted };
    assert_eq!(decided(&world, &foreign), Reason::UsersAndApplicationsBlocked);
}

#[test]
fn both_sides_of_a_hosted_home_cost_none() {
    let world = World::new(PARTNERS, &[]);
    let guest = guest(&world, Stance::Hosted);
    assert_eq!(decided(&world, &guest), Reason::Permitted);
    let audience = Audience { application: Some(OTHER_APPLICATION), ..guest.audience };
    assert_eq!(decided(&world, &Identity { audience, ..guest }), Reason::HomeOutboundBlocked);
}

#[test]
fn conditional_access_costs_none() {
    let world = World::new(PARTNERS, &[guests_for_mfa()]);
    let proven = guest(&world, Stance::Welcome);
    assert_eq!(decided(&world, &proven), Reason::Permitted);
    let unproven = Identity { amr_mfa: false, ..proven };
    assert_eq!(decided(&world, &unproven), Reason::MfaRequired);
    let challenged = Identity { understands_challenges: true, ..unproven };
    assert_eq!(decided(&world, &challenged), Reason::MfaRequired);
}

#[test]
fn callers_from_outside_entra_cost_none() {
    let world = World::new(PARTNERS, &[]);
    let outsider = Identity { home: Home::NonEntra, ..guest(&world, Stance::Silent) };
    assert_eq!(decided(&world, &outsider), Reason::Permitted);
}

#[test]
fn the_principal_map_costs_none() {
    let world = everything();
    let (welcome, refused) = (mapped(&GROUPS[..1]), mapped(&GROUPS[1..]));
    let guest = caller(&world, &json!({"idp": home()}));
    let by = |principal| Access { principal: Some(principal), ..access(&guest) };
    assert_eq!(free(&world, &by(&welcome)), Reason::Permitted);
    assert_eq!(free(&world, &by(&refused)), Reason::UsersBlocked);
    let silent = Principal { home_groups: None, ..welcome };
    assert_eq!(free(&world, &by(&silent)), Reason::PrincipalUnresolved);
}

#[test]
fn a_token_called_back_costs_none() {
    let mut world = everything();
    world.snapshot =
        snapshot(&json!([{"tenant": HOME, "user": null, "notBefore": "2026-01-01T00:00:00Z"}]), &[]);
    let guest = caller(&world, &json!({"idp": home(), "iat": 1, "xms_cc": ["cp1"]}));
    assert_eq!(free(&world, &access(&guest)), Reason::SessionRevoked);
}

#[test]
fn a_restrictions_header_costs_none() {
    let world = everything();
    let header = format!("{}:{}", partner(5), partner(6));
    let restrictions = RestrictionsHeader::parse(header.as_bytes()).ok();
    let reason = |claims: Value| {
        let member = caller(&world, &claims);
        free(&world, &Access { restrictions, ..access(&member) })
    };
    assert_eq!(reason(json!({"xms_cc": ["cp1"]})), Reason::RestrictionsClaimMissing);
    assert_eq!(reason(json!({"xms_trpid": partner(7)})), Reason::RestrictionsPolicyMismatch);
    assert_eq!(reason(json!({"xms_trpid": partner(6)})), Reason::Internal);
}

#[test]
fn suites_cost_none() {
    let world = everything();
    let principal = mapped(&GROUPS[..1]);
    let guest = caller(&world, &json!({"idp": home()}));
    let reason = |application| {
        let audience = Audience { application, ..guest.audience };
        let of_suite = Identity { audience, ..caller(&world, &json!({"idp": home()})) };
        free(&world, &Access { principal: Some(&principal), ..access(&of_suite) })
    };
    let exchange = AppId::from_u128(0x0000_0002_0000_0ff1_ce00_0000_0000_0000);
    assert_eq!(reason(Some(exchange)), Reason::Permitted);
    assert_eq!(reason(Some(OTHER_APPLICATION)), Reason::ApplicationUnresolved);
}

#[test]
fn service_providers_cost_none() {
    let world = everything();
    let provider = |tenant| {
        let idp = format!("https://sts.windows.net/{tenant}/");
        free(&world, &access(&caller(&world, &json!({"idp": idp, "xms_idrel": "11"}))))
    };
    assert_eq!(provider(HOME), Reason::Permitted);
    assert_eq!(provider(partner(8)), Reason::ServiceProviderUnlisted);
}

#[test]
fn guest_types_groups_and_controls_cost_none() {
    let types = json!({"includeGuestsOrExternalUsers": {
        "guestOrExternalUserTypes": "b2bCollaborationGuest,serviceProvider",
        "externalTenants": {"membershipKind": "enumerated", "members": [HOME]},
    }});
    let groups = json!({"includeUsers": ["All"], "excludeGroups": [GROUPS[0]]});
    let devices = ["compliantDevice", "domainJoinedDevice"];
    let provider = json!({"idp": home(), "xms_idrel": "11"});
    for (users, claims, operator, reason) in [
        (&types, provider.clone(), "AND", Reason::DeviceNotTrusted),
        (&types, provider, "OR", Reason::DeviceNotTrusted),
        (&types, json!({}), "AND", Reason::Internal),
        (&groups, json!({"groups": [GROUPS[0]]}), "AND", Reason::Internal),
        (&groups, json!({"groups": [GROUPS[1]]}), "AND", Reason::CompliantDeviceRequired),
        (&groups, json!({"signin_state": ["dvc_dmjd"]}), "OR", Reason::Internal),
        (
            &groups,
            json!({"signin_state": ["dvc_cmp"], "xms_cc": ["cp1"]}),
            "AND",
            Reason::HybridDeviceRequired,
        ),
    ] {
        for state in ["enabled", "enabledForReportingButNotEnforced"] {
            let mut world = everything();
            world.snapshot = snapshot(&json!([]), &[policy(state, users, operator, &devices)]);
            let decided = free(&world, &access(&caller(&world, &claims)));
            let permits = [Reason::Internal, Reason::Permitted];
            // A policy that only reports stops nobody.
            assert!(
                decided == reason || state != "enabled" && permits.contains(&decided),
                "{claims}: {decided}"
            );
        }
    }
}

#[test]
fn what_a_route_requires_costs_none() {
    let world = everything();
    let member = caller(&world, &json!({"signin_state": ["dvc_cmp"]}));
    let require = |control| {
        let plain = access(&member);
        let route = Route { require: Required::default().with(control), ..plain.route };
        free(&world, &Access { route, ..plain })
    };
    assert_eq!(require(Control::CompliantDevice), Reason::Internal);
    assert_eq!(require(Control::Mfa), Reason::MfaRequired);
}

#[test]
fn invitations_cost_none() {
    let mut world = everything();
    world.snapshot = external_collaboration();
    let invite = |claims: Value, domain: &str| {
        let member = caller(&world, &claims);
        let plain = access(&member);
        let domain = domain.parse().expect("a domain");
        let route = Route { action: Action::Invite, ..plain.route };
        free(&world, &Access { route, invitee: Ok(&domain), ..plain })
    };
    let inviter = || json!({"wids": ["95e79109-95c0-4d8e-aee3-d01accf2d47b"]});
    assert_eq!(invite(json!({}), "northwind.example"), Reason::InviterNotAllowed);
    assert_eq!(invite(inviter(), "northwind.example"), Reason::Internal);
    assert_eq!(invite(inviter(), "evil.example"), Reason::DomainBlocked);
    assert_eq!(invite(inviter(), "fabrikam.example"), Reason::UsersAndApplicationsBlocked);
    let member = caller(&world, &inviter());
    let plain = access(&member);
    let route = Route { action: Action::Invite, ..plain.route };
    assert_eq!(free(&world, &Access { route, ..plain }), Reason::InviteeUnresolved);
}

#[test]
fn redemption_and_synchronisation_cost_none() {
    let mut world = everything();
    world.snapshot = external_collaboration();
    let does = |action, claims: Value| {
        let caller = caller(&world, &claims);
        let plain = access(&caller);
        let route = Route { action, source_tenant: Some(partner(5)), ..plain.route };
        free(&world, &Access { route, ..plain })
    };
    let guest = json!({"idp": format!("https://sts.windows.net/{}/", partner(5))});
    assert_eq!(does(Action::Redeem, guest), Reason::Permitted);
    assert_eq!(does(Action::UserSync, json!({"idtyp": "app"})), Reason::Permitted);
    assert_eq!(does(Action::UserSync, json!({})), Reason::SyncCallerNotWorkload);
}

#[test]
fn the_way_out_costs_none() {
    let world = everything();
    let abroad = |tenant: TenantId, more: Value| {
        let mut claims =
            json!({"tid": tenant, "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0")});
        if let (Value::Object(claims), Value::Object(more)) = (&mut claims, more) {
            claims.extend(more);
        }
        caller(&world, &claims)
    };
    let ours = format!("https://sts.windows.net/{TENANT}/");
    for (mode, identity, resource_tenant, reason) in [
        (Mode::Outbound, caller(&world, &json!({})), None, Reason::Internal),
        (Mode::Outbound, caller(&world, &json!({})), Some(HOME), Reason::UsersAndApplicationsBlocked),
        (Mode::Outbound, abroad(HOME, json!({"idp": ours})), None, Reason::Permitted),
        (Mode::Outbound, abroad(HOME, json!({"idp": ours, "xms_idrel": "11"})), None, Reason::Permitted),
        (Mode::Outbound, abroad(HOME, json!({})), None, Reason::UsersAndApplicationsBlocked),
        (Mode::Outbound, abroad(HOME, json!({})), Some(partner(1)), Reason::ResourceTenantMismatch),
        (Mode::TenantRestrictions, abroad(HOME, json!({"idp": ours})), None, Reason::Permitted),
        (
            Mode::TenantRestrictions,
            caller(&world, &json!({"idp": home()})),
            None,
            Reason::RestrictionsNotApplicable,
        ),
        (
            Mode::TenantRestrictions,
            abroad(HOME, json!({"idp": "live.com"})),
            None,
            Reason::UsersAndApplicationsBlocked,
        ),
    ] {
        let plain = access(&identity);
        let route = Route { mode, resource_tenant, ..plain.route };
        assert_eq!(free(&world, &Access { route, ..plain }), reason, "{mode:?}");
    }
}

#[test]
fn the_class_of_a_host_and_what_follows_cost_none() {
    let world = everything();
    let resources = Patterns::new([("*.Example", APPLICATION)]).expect("a pattern");
    let hosts = Hosts::new(Patterns::new([]).expect("none"), resources);
    let route = Route { mode: Mode::TenantRestrictions, ..access(&caller(&world, &json!({}))).route };
    for (host, reason) in [
        ("Login.Live.com.:443", Reason::RestrictionsPolicyMissing),
        ("www.elsewhere.test", Reason::UnrestrictedHost),
        ("api.EXAMPLE:443", Reason::UnrestrictedHost),
    ] {
        let mut found = None;
        let count = allocations(|| {
            let verdict = match hosts.class(host.as_bytes()) {
                HostClass::SignIn(host) => host.verdict(&world.snapshot, route, Version::V2),
                HostClass::Unrestricted(host) => host.verdict(Basis::of_route(route)),
                class @ HostClass::Resource(_) => class.tunnel(Basis::of_route(route)),
            };
            found = Some(verdict.reason());
        });
        assert_eq!((count, found), (0, Some(reason)), "{host}");
    }
}

/// The outcome that is only reported is written down by who observes; here nobody does.
#[test]
fn a_denial_that_is_only_reported_costs_none() {
    let mut world = everything();
    let stranger = caller(&world, &json!({"idp": home()}));
    let by_route = access(&stranger);
    let by_route = Access { route: Route { report_only: Some(true), ..by_route.route }, ..by_route };
    assert_eq!(free(&world, &by_route), Reason::PrincipalUnresolved);
    world.rules.report_only = true;
    let access = access(&stranger);
    assert_eq!(free(&world, &access), Reason::PrincipalUnresolved);
    assert_eq!(decide(&world.snapshot, &Resident, &world.rules, &access, &mut ()).effect(), Effect::Allow);
}

/// Where the callers of [`everything`] are at home.
const HOME: TenantId = TenantId::from_u128(0x3d2f_5b0e_5f0c_4a44_9f0b_8f9a_3f1e_7c21);
const GROUPS: [ObjectId; 2] = [
    ObjectId::from_u128(0x6e00_0000_0000_4000_8000_0000_0000_00a1),
    ObjectId::from_u128(0x6e00_0000_0000_4000_8000_0000_0000_00b2),
];

fn home() -> String {
    format!("https://sts.windows.net/{HOME}/")
}

/// Contoso, which lets one group of one partner use Microsoft's suite and the application.
fn everything() -> World {
    let mut world = World::new(0, &[]);
    world.snapshot = snapshot(&json!([]), &[]);
    world.rules.suites = Suites::new(&[], &[]);
    world
}

fn snapshot(revocations: &Value, policies: &[Value]) -> Snapshot {
    let allowed = |targets: Value| json!({"accessType": "allowed", "targets": targets});
    let application = |id: &str| json!({"target": id, "targetType": "application"});
    let bundle = json!({"tenants": [{
        "tenantId": TENANT,
        "crossTenantAccessPolicy": {"partners": [{
            "tenantId": HOME, "isServiceProvider": true,
            "b2bCollaborationInbound": {
                "usersAndGroups": allowed(json!([{"target": GROUPS[0], "targetType": "group"}])),
                "applications": allowed(json!([application("Office365"), application(&APPLICATION.to_string())])),
            },
        }]},
        "conditionalAccess": {"policies": policies},
        "revocations": revocations,
    }]});
    let compiled = compile([bundle.to_string().as_bytes()], Revision("1".into()), &Options::default());
    compiled.snapshot.expect("the bundle compiles")
}

/// Contoso, which lets guest inviters invite but not from everywhere, and two hosted tenants that redeem automatically.
fn external_collaboration() -> Snapshot {
    let blocked = |target: &str, kind: &str| json!({"accessType": "blocked", "targets": [{"target": target, "targetType": kind}]});
    let both = json!({"inboundAllowed": true, "outboundAllowed": true});
    let bundle = json!({"tenants": [
        {
            "tenantId": TENANT,
            "crossTenantAccessPolicy": {"partners": [
                {
                    "tenantId": HOME,
                    "b2bCollaborationInbound": {
                        "usersAndGroups": blocked("AllUsers", "user"),
                        "applications": blocked("AllApplications", "application"),
                    },
                },
                {
                    "tenantId": partner(5),
                    "identitySynchronization": {"userSyncInbound": {"isSyncAllowed": true}},
                    "automaticUserConsentSettings": both,
                },
            ]},
            "domains": {"fabrikam.example": HOME},
            "b2bManagementPolicy": {"InvitationsAllowedAndBlockedDomainsPolicy": {"BlockedDomains": ["evil.example"]}},
        },
        {
            "tenantId": partner(5),
            "crossTenantAccessPolicy": {"partners": [
                {"tenantId": TENANT, "automaticUserConsentSettings": both},
            ]},
        },
    ]});
    let compiled = compile([bundle.to_string().as_bytes()], Revision("1".into()), &Options::default());
    compiled.snapshot.expect("the bundle compiles")
}

fn policy(state: &str, users: &Value, operator: &str, controls: &[&str]) -> Value {
    json!({
        "id": "devices", "state": state,
        "conditions": {"applications": {"includeApplications": ["All"]}, "users": users},
        "grantControls": {"operator": operator, "builtInControls": controls},
    })
}

/// A caller of Contoso's by these claims beside the usual ones.
fn caller(world: &World, more: &Value) -> Identity {
    let mut claims = json!({
        "tid": TENANT, "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "aud": fixtures::AUDIENCE,
        "oid": "0a1b2c3d-0000-4000-8000-00000000000a", "azp": "c11e0000-0000-4000-8000-0000000000aa",
        "acct": 0, "iat": 1_800_000_000,
    });
    if let (Value::Object(claims), Value::Object(more)) = (&mut claims, more) {
        claims.extend(more.clone());
    }
    world.identity_of(&claims)
}

fn mapped(groups: &[ObjectId]) -> Principal {
    let home_oid = ObjectId::from_u128(1);
    Principal { home_tenant: HOME, home_oid, home_groups: Some(groups.into()) }
}

fn guest(world: &World, stance: Stance) -> Identity {
    let number =
        (0..PARTNERS).find(|number| Stance::of(*number) == stance).expect("a partner of each stance");
    world.identity(Caller::Guest(number))
}

/// With the development issuer's keys.
/// What is decided, which must not allocate.
fn decided(world: &World, identity: &Identity) -> Reason {
    free(world, &access(identity))
}

/// The same of a whole request.
fn free(world: &World, access: &Access<'_>) -> Reason {
    let decide = || decide(&world.snapshot, &Resident, &world.rules, black_box(access), &mut ()).reason();
    // Microsoft's defaults are made once for the process, by the first decision that needs them.
    let first = decide();
    let mut again = first;
    assert_eq!(allocations(|| again = decide()), 0, "{first}");
    assert_eq!(again, first);
    first
}

/// How often `work` asks the allocator for memory.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The system's allocator, and a count of what it is asked for.
struct Counting;

impl Counting {
    fn count() {
        // A thread that ends frees and allocates after its locals are gone; it measures nothing any more.
        let _counted = COUNT.try_with(|count| count.set(count.get() + 1));
    }
}

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; every call goes to the system's as it came"
)]
// SAFETY: memory is handled by `System` alone, and counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}
