//! What is unwise rather than wrong, and only shows when a tenant's parts are seen together.

use std::collections::HashMap;

use super::Options;
use crate::id::{Cloud, TenantId};
use crate::policy::conditional::{ConditionalPolicy, Control, Controls, PolicyState};
use crate::policy::finding::{Findings, Level};
use crate::policy::partner::{Partner, Settings, TrustFlag};
use crate::policy::pointer::Pointer;
use crate::policy::setting::{Effective, SettingKind};
use crate::policy::snapshot::Tenant;
use crate::policy::target::Access;

/// One tenant, with where its partners stand in the bundle.
pub(super) struct Advice<'t> {
    pub(super) tenant: &'t Tenant,
    pub(super) partners: &'t [(TenantId, usize)],
    /// Every tenant of the bundle.
    pub(super) hosted: &'t HashMap<TenantId, &'t Tenant>,
    pub(super) options: &'t Options,
}

impl Advice<'_> {
    pub(super) fn give(&self, at: &Pointer<'_>, findings: &mut Findings) {
        self.contexts(at, findings);
        let policy = at.member("crossTenantAccessPolicy");
        self.clouds(&policy, findings);
        let default = policy.member("default");
        settings(&self.tenant.default, &default, findings);
        self.direct_connect(None, &default, findings);
        let partners = policy.member("partners");
        for (id, index) in self.partners {
            let at = partners.item(*index);
            if let Some(partner) = self.tenant.partners.get(*id) {
                self.of_partner(*id, partner, &at, findings);
            }
        }
        self.licences(&policy, findings);
    }

    /// What is to be said of one partner alone.
    pub(super) fn of_partner(
        &self,
        id: TenantId,
        partner: &Partner,
        at: &Pointer<'_>,
        findings: &mut Findings,
    ) {
        settings(&partner.settings, at, findings);
        self.direct_connect(Some(partner), at, findings);
        let other_cloud = self.cloud(id).is_some_and(|cloud| cloud != self.tenant.cloud);
        if other_cloud && DIRECT_CONNECT.iter().any(|kind| self.allows(*kind, Some(partner))) {
            findings.warn(
                "direct_connect_other_cloud",
                at,
                "direct connect is allowed for a partner in another Microsoft cloud, where it never works",
                "use B2B collaboration with this partner",
            );
        }
        for kind in [SettingKind::CollaborationInbound, SettingKind::DirectConnectInbound] {
            let listed = partner.settings.get(kind).and_then(|setting| setting.users.as_ref());
            if !self.options.principal_map && listed.is_some_and(|users| users.targets.lists()) {
                findings.warn(
                    "listed_users_unresolved",
                    &at.member(kind.property()).member("usersAndGroups"),
                    "users or groups of the partner are listed, but guests' tokens do not tell their ids at home",
                    "unless the config has a principal_map, give it one or emit the claim home_oid: without, such callers are denied",
                );
            }
        }
        if partner.user_sync_allowed && !self.redeems(id, partner) {
            findings.warn(
                "sync_without_redemption",
                &at.member("identitySynchronization"),
                "users may be synchronised, but invitations are not redeemed automatically on both sides",
                "set automaticUserConsentSettings.inboundAllowed here, and outboundAllowed at the source tenant",
            );
        }
    }

    /// Where a partner lives, as far as the bundle tells.
    fn cloud(&self, id: TenantId) -> Option<Cloud> {
        let hosted = self.hosted.get(&id).map(|hosted| hosted.cloud);
        hosted.or_else(|| self.tenant.partner_clouds.get(&id).copied())
    }

    /// Whether invitations of the partner's users redeem themselves; a side that is not hosted may well say so.
    fn redeems(&self, id: TenantId, partner: &Partner) -> bool {
        let there = self.hosted.get(&id).is_none_or(|source| {
            let of_us = source.partners.get(self.tenant.id);
            of_us.is_some_and(|of_us| of_us.settings.consent.outbound == Some(true))
        });
        partner.settings.consent.inbound == Some(true) && there
    }

    /// Direct connect that a policy will always stop ("Authentication and Conditional Access for External ID").
    fn direct_connect(&self, partner: Option<&Partner>, at: &Pointer<'_>, findings: &mut Findings) {
        let says = partner.map_or(&self.tenant.default, |partner| &partner.settings);
        let allows_here = says.get(SettingKind::DirectConnectInbound).is_some();
        let distrusts_here = says.trust(TrustFlag::Mfa) == Some(false);
        let trusted = partner
            .and_then(|partner| partner.settings.trust(TrustFlag::Mfa))
            .or_else(|| self.tenant.default.trust(TrustFlag::Mfa))
            .unwrap_or(false);
        let required = self.tenant.conditional.iter().any(|policy| requires(policy, Control::Mfa));
        let allowed = self.allows(SettingKind::DirectConnectInbound, partner);
        if (allows_here || distrusts_here) && required && !trusted && allowed {
            let by = if allows_here { SettingKind::DirectConnectInbound.property() } else { "inboundTrust" };
            findings.warn(
                "direct_connect_mfa_untrusted",
                &at.member(by),
                "direct connect is allowed, but a policy requires MFA and that of the other tenant is not trusted",
                "set inboundTrust.isMfaAccepted, or exclude these users from the policy",
            );
        }
    }

    /// Whether the setting allows anybody anything, as far as its halves' access types tell.
    fn allows(&self, kind: SettingKind, partner: Option<&Partner>) -> bool {
        let settings = partner.map(|partner| &partner.settings);
        let Some(effective) = Effective::of(kind, settings, &self.tenant.default) else { return false };
        let blocks_all = effective.users.access == Access::Blocked && effective.users.targets.all
            || effective.applications.access == Access::Blocked && effective.applications.targets.all;
        !blocks_all
    }

    fn contexts(&self, at: &Pointer<'_>, findings: &mut Findings) {
        let contexts = self.tenant.contexts.as_ref().unwrap_or(&self.options.contexts);
        for control in Control::ALL {
            let required = self.tenant.conditional.iter().any(|policy| requires(policy, control));
            if required && contexts.of(control).is_none() {
                findings.warn(
                    "context_unmapped",
                    &at.member("authenticationContexts"),
                    format!("a policy requires {}, and no authentication context proves it", control.word()),
                    "unless the config maps one, map a context to it: without, untrusted guests can never satisfy the policy",
                );
            }
        }
    }

    fn clouds(&self, at: &Pointer<'_>, findings: &mut Findings) {
        if !self.tenant.allowed_clouds.is_empty() {
            findings.add(
                Level::Advice,
                "clouds_stop_unknown_tenants",
                &at.member("allowedCloudEndpoints"),
                "once another cloud is allowed, tenants that are neither listed nor of a known cloud are stopped",
                "list such tenants as partners, or tell their clouds in partnerClouds",
            );
        }
    }

    /// Said once for a tenant, not for each partner.
    fn licences(&self, at: &Pointer<'_>, findings: &mut Findings) {
        let all = || {
            let partners = self.partners.iter().filter_map(|(id, _)| self.tenant.partners.get(*id));
            partners.map(|partner| &partner.settings).chain([&self.tenant.default])
        };
        if all().any(|settings| settings.trust(TrustFlag::Mfa) == Some(true)) {
            findings.add(
                Level::Advice,
                "mfa_trusted",
                at,
                "MFA of another tenant is trusted",
                "exclude external users from the Identity Protection MFA registration policy: they cannot satisfy both",
            );
        }
        if all().any(needs_premium) {
            findings.add(
                Level::Advice,
                "licence_p1",
                at,
                "trust settings, or settings for listed users, groups or applications, are in use",
                "these need a Microsoft Entra ID P1 licence",
            );
        }
        let direct = |settings: &Settings| DIRECT_CONNECT.iter().any(|kind| settings.get(*kind).is_some());
        if all().any(direct) {
            findings.add(
                Level::Advice,
                "licence_p1_both",
                at,
                "B2B direct connect is configured",
                "it needs a Microsoft Entra ID P1 licence in both tenants",
            );
        }
    }
}

const DIRECT_CONNECT: [SettingKind; 2] =
    [SettingKind::DirectConnectInbound, SettingKind::DirectConnectOutbound];

fn requires(policy: &ConditionalPolicy, control: Control) -> bool {
    let asks = match &policy.controls {
        Controls::Block => false,
        Controls::Require(_, required) => required.contains(&control),
    };
    asks && policy.state == PolicyState::Enabled
}

fn needs_premium(settings: &Settings) -> bool {
    let trusts = [TrustFlag::Mfa, TrustFlag::CompliantDevice, TrustFlag::HybridJoinedDevice]
        .into_iter()
        .any(|flag| settings.trust(flag) == Some(true));
    let lists = SettingKind::ALL.into_iter().filter_map(|kind| settings.get(kind)).any(|setting| {
        setting.users.as_ref().is_some_and(|users| users.targets.lists())
            || setting.applications.as_ref().is_some_and(|applications| !applications.targets.ids.is_empty())
    });
    trusts || lists
}

/// What one object's settings tell by themselves.
fn settings(settings: &Settings, at: &Pointer<'_>, findings: &mut Findings) {
    for kind in SettingKind::ALL {
        let Some(setting) = settings.get(kind) else { continue };
        let at = at.member(kind.property());
        if setting.users.is_none() || setting.applications.is_none() {
            let message = "one half is null: it is inherited, and then both halves must permit by themselves";
            findings.warn("half_missing", &at, message, "write both halves");
        }
        let (users, applications) = (setting.users.as_ref(), setting.applications.as_ref());
        if users.is_some_and(|users| users.targets.all && users.targets.lists()) {
            let message = "AllUsers beside ids: the ids mean nothing";
            findings.warn(
                "all_users_beside_ids",
                &at.member("usersAndGroups"),
                message,
                "keep one of the two",
            );
        }
        let blocks_all = applications.is_some_and(|half| half.access == Access::Blocked && half.targets.all);
        if blocks_all && users.is_some_and(|half| half.access == Access::Blocked && !half.targets.all) {
            let message = "all applications are blocked for listed users: the portal refuses such a setting";
            findings.warn(
                "listed_users_all_applications",
                &at,
                message,
                "block AllUsers, or list applications",
            );
        }
        if kind == SettingKind::CollaborationOutbound && blocks_all {
            // Rights Management and Office Message Encryption ("Cross-tenant access overview").
            findings.warn(
                "rights_management_blocked",
                &at.member("applications"),
                "all applications are blocked outbound: protected mail from other organisations cannot be read",
                "allow Rights Management, application 00000012-0000-0000-c000-000000000000",
            );
        }
    }
}
