//! What a new version of a tenant's settings permits that the former one did not: what a slip of the hand, or somebody
//! else's hand, would look like. Whoever writes a policy is asked whether that is meant.
//!
//! This looks at what holds for everyone: the default configuration first, then what else lets in many at once. What a
//! partner's record permits is what partners' records are for.

use crate::policy::domains::InvitesFrom;
use crate::policy::partner::{Settings, TrustFlag, service_default};
use crate::policy::setting::{Effective, SettingKind};
use crate::policy::snapshot::Tenant;
use crate::policy::target::{Access, AppTargets, Half, UserTargets};
use crate::policy::{ConditionalPolicy, PolicyState, Revocation};

/// Something that is permitted from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loosening {
    /// Where in the tenant: a JSON pointer.
    pub pointer: String,
    /// What.
    pub message: String,
}

/// What `after` permits and `before` did not. A tenant that is new is held against what Microsoft ships.
pub fn loosenings(before: Option<&Tenant>, after: &Tenant) -> Vec<Loosening> {
    let mut found = Found(Vec::new());
    let former = match before {
        Some(before) => &before.default,
        None => service_default(),
    };
    found.settings(former, &after.default);
    if let Some(before) = before {
        found.beyond_default(before, after);
    }
    found.0
}

struct Found(Vec<Loosening>);

impl Found {
    fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(Loosening { pointer: pointer.into(), message: message.into() });
    }

    fn settings(&mut self, before: &Settings, after: &Settings) {
        for kind in SettingKind::ALL {
            let (Some(before), Some(after)) =
                (Effective::of(kind, None, before), Effective::of(kind, None, after))
            else {
                continue;
            };
            let at = format!("/crossTenantAccessPolicy/default/{}", kind.property());
            let halves = [
                ("usersAndGroups", Reach::of_users(before.users), Reach::of_users(after.users)),
                (
                    "applications",
                    Reach::of_applications(before.applications),
                    Reach::of_applications(after.applications),
                ),
            ];
            for (half, before, after) in halves {
                if after.exceeds(before) {
                    let message =
                        format!("the default was {}, and is to be {}", before.words(), after.words());
                    self.add(format!("{at}/{half}"), message);
                }
            }
        }
        for (flag, name) in [
            (TrustFlag::Mfa, "isMfaAccepted"),
            (TrustFlag::CompliantDevice, "isCompliantDeviceAccepted"),
            (TrustFlag::HybridJoinedDevice, "isHybridAzureADJoinedDeviceAccepted"),
        ] {
            if before.trust(flag) != Some(true) && after.trust(flag) == Some(true) {
                let at = format!("/crossTenantAccessPolicy/default/inboundTrust/{name}");
                self.add(at, "every other tenant's word is to count");
            }
        }
        let blocks = |settings: &Settings| settings.block_service_provider_outbound == Some(true);
        if blocks(before) && !blocks(after) {
            let at = "/crossTenantAccessPolicy/default/blockServiceProviderOutboundAccess";
            self.add(at, "service providers' access is blocked no more");
        }
    }

    fn beyond_default(&mut self, before: &Tenant, after: &Tenant) {
        for cloud in after.allowed_clouds.iter().filter(|cloud| !before.allowed_clouds.contains(cloud)) {
            let at = "/crossTenantAccessPolicy/allowedCloudEndpoints";
            self.add(at, format!("the cloud {cloud} is to be reached"));
        }
        if invited_by(after.invites_from) > invited_by(before.invites_from) {
            let (before, after) = (before.invites_from.word(), after.invites_from.word());
            let message = format!("inviting was for `{before}`, and is to be for `{after}`");
            self.add("/authorizationPolicy/allowInvitesFrom", message);
        }
        let lists = "/b2bManagementPolicy/InvitationsAllowedAndBlockedDomainsPolicy";
        if before.domains.allowed.is_some() && after.domains.allowed.is_none() {
            self.add(format!("{lists}/AllowedDomains"), "any domain may come that is not blocked");
        }
        let blocked = &after.domains.blocked;
        let freed = before.domains.blocked.iter().filter(|domain| !blocked.contains(domain)).count();
        if freed > 0 && after.domains.allowed.is_none() {
            let message = format!("{freed} domain(s) are blocked no more");
            self.add(format!("{lists}/BlockedDomains"), message);
        }
        let enforced = |policy: &&ConditionalPolicy| policy.state == PolicyState::Enabled;
        for policy in before.conditional.iter().filter(enforced) {
            if !after.conditional.iter().filter(enforced).any(|other| other.id == policy.id) {
                let message = format!("the policy `{}` is enforced no more", policy.id);
                self.add("/conditionalAccess/policies", message);
            }
        }
        for revocation in &before.revocations {
            if !after.revocations.iter().any(|other| covers(other, revocation)) {
                let message =
                    format!("tokens of tenant {} that were called back count again", revocation.tenant);
                self.add("/revocations", message);
            }
        }
    }
}

/// The more people, the higher.
const fn invited_by(from: InvitesFrom) -> u8 {
    match from {
        InvitesFrom::Nobody => 0,
        InvitesFrom::AdminsAndGuestInviters => 1,
        InvitesFrom::AdminsGuestInvitersAndAllMembers => 2,
        InvitesFrom::Everyone => 3,
    }
}

/// Whether whatever `narrow` refuses is refused by `wide`.
fn covers(wide: &Revocation, narrow: &Revocation) -> bool {
    let same_users = wide.user.is_none() || wide.user == narrow.user;
    wide.tenant == narrow.tenant && same_users && wide.not_before >= narrow.not_before
}

/// How far half of a setting lets anybody.
#[derive(Clone, Copy)]
struct Reach {
    access: Access,
    all: bool,
    some: bool,
}

impl Reach {
    fn of_users(half: &Half<UserTargets>) -> Self {
        let targets = &half.targets;
        Self { access: half.access, all: targets.all, some: targets.lists() || targets.unknown }
    }

    fn of_applications(half: &Half<AppTargets>) -> Self {
        let AppTargets { all, suites, ids, unknown } = &half.targets;
        Self { access: half.access, all: *all, some: !suites.is_empty() || !ids.is_empty() || *unknown }
    }

    /// Nobody, those listed, all but those listed, everybody.
    const fn rank(self) -> u8 {
        match (self.access, self.all, self.some) {
            (Access::Unknown, _, _) | (Access::Allowed, false, false) | (Access::Blocked, true, _) => 0,
            (Access::Allowed, false, true) => 1,
            (Access::Blocked, false, true) => 2,
            (Access::Allowed, true, _) | (Access::Blocked, false, false) => 3,
        }
    }

    fn exceeds(self, before: Self) -> bool {
        // From `blocked` to `allowed` even where fewer are meant: others than before may be among them.
        let turned = before.access == Access::Blocked && self.access == Access::Allowed && self.rank() > 0;
        let turned = turned && !(before.rank() == 3 && self.rank() == 3);
        turned || self.rank() > before.rank()
    }

    const fn words(self) -> &'static str {
        match (self.access, self.all, self.some) {
            (Access::Unknown, _, _) => "unreadable, for nobody",
            (Access::Allowed, true, _) => "allowed for all",
            (Access::Allowed, false, true) => "allowed for those listed",
            (Access::Allowed, false, false) => "allowed for nobody",
            (Access::Blocked, true, _) => "blocked for all",
            (Access::Blocked, false, true) => "blocked for those listed",
            (Access::Blocked, false, false) => "blocked for nobody",
        }
    }
}
