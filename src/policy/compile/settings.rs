//! The default configuration, the partners, and their settings
//! (Graph `crossTenantAccessPolicyConfigurationDefault` and `…Partner`).

use std::str::FromStr;
use std::sync::Arc;

use super::values::sorted;
use crate::id::{AppId, MSA, ObjectId, PolicyId, TenantId};
use crate::policy::fields::{Field, Fields};
use crate::policy::finding::{Findings, Level};
use crate::policy::listed::Listed;
use crate::policy::partner::{Consent, Partner, Settings};
use crate::policy::pointer::Pointer;
use crate::policy::setting::{Conflict, Setting, SettingKind};
use crate::policy::target::{Access, AppTargets, Half, Suite, UserTargets};

/// Whose settings are being read; some may list less than others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Default,
    Partner(TenantId),
}

/// The default configuration, and its id.
pub(super) fn default(field: Field<'_, '_>, findings: &mut Findings) -> Option<(Settings, Option<PolicyId>)> {
    let fields = field.object(findings)?;
    let id = fields.take("id").and_then(|id| restrictions_policy(id, findings));
    let settings = settings(&fields, Owner::Default, findings);
    if settings.consent.inbound == Some(true) || settings.consent.outbound == Some(true) {
        let at = fields.at.member("automaticUserConsentSettings");
        findings.error(
            "default_consent",
            &at,
            "the default configuration cannot redeem invitations automatically",
            "set both fields to false here, and to true in the partners that are meant",
        );
    }
    fields.pass_over(&[
        "isServiceDefault",
        "invitationRedemptionIdentityProviderConfiguration",
        "m365Capabilities",
    ]);
    fields.finish(findings);
    Some((settings, id))
}

/// The id by which sign-in hosts are told of the tenant restrictions. Nothing else hangs on it, so that a strange one
/// does not refuse the bundle; but no header will carry it.
fn restrictions_policy(field: Field<'_, '_>, findings: &mut Findings) -> Option<PolicyId> {
    let text = field.text(findings)?;
    let id = text.parse().ok();
    if id.is_none() {
        let message =
            format!("`{text}` is no GUID: tenant restrictions (v2) will deny sign-ins for want of one");
        findings.warn("default_id", &field.at, message, "give the id that Graph shows");
    }
    id
}

/// One partner and its tenant.
pub(super) fn partner(field: Field<'_, '_>, findings: &mut Findings) -> Option<(TenantId, Partner)> {
    let fields = field.object(findings)?;
    let tenant = fields.require("tenantId", findings).and_then(|id| id.parse(findings));
    let settings = settings(&fields, tenant.map_or(Owner::Default, Owner::Partner), findings);
    let is_service_provider =
        fields.take("isServiceProvider").and_then(|is| is.bool(findings)).unwrap_or(false);
    let user_sync_allowed = fields
        .take("identitySynchronization")
        .and_then(|sync| user_sync_allowed(sync, findings))
        .unwrap_or(false);
    fields.pass_over(&[
        "isInMultiTenantOrganization",
        "serviceProviderConstraints",
        "m365Capabilities",
        "deletedDateTime",
        "displayName",
        "crossCloudMeetingConfiguration",
        "protectedContentSharing",
        "invitationRedemptionIdentityProviderConfiguration",
    ]);
    fields.finish(findings);
    Some((tenant?, Partner { settings, is_service_provider, user_sync_allowed }))
}

fn user_sync_allowed(field: Field<'_, '_>, findings: &mut Findings) -> Option<bool> {
    let fields = field.object(findings)?;
    let allowed = fields.take("userSyncInbound").and_then(|inbound| {
        let fields = inbound.object(findings)?;
        let allowed = fields.take("isSyncAllowed").and_then(|allowed| allowed.bool(findings));
        fields.finish(findings);
        allowed
    });
    fields.pass_over(&[
        "tenantId",
        "displayName",
        "groupSyncInbound",
        "externalCloudAuthorizedApplicationId",
    ]);
    fields.finish(findings);
    allowed
}

/// What default and partner have in common.
fn settings(fields: &Fields<'_, '_>, owner: Owner, findings: &mut Findings) -> Settings {
    let kinds = SettingKind::ALL.map(|kind| {
        let field = fields.take(kind.property())?;
        setting(field, kind, owner, findings)
    });
    let trust = fields.take("inboundTrust").and_then(|trust| {
        let fields = trust.object(findings)?;
        let flags = ["isMfaAccepted", "isCompliantDeviceAccepted", "isHybridAzureADJoinedDeviceAccepted"]
            .map(|name| fields.take(name).and_then(|flag| flag.bool(findings)));
        fields.finish(findings);
        Some(flags)
    });
    let consent = fields.take("automaticUserConsentSettings").and_then(|consent| {
        let fields = consent.object(findings)?;
        let inbound = fields.take("inboundAllowed").and_then(|allowed| allowed.bool(findings));
        let outbound = fields.take("outboundAllowed").and_then(|allowed| allowed.bool(findings));
        fields.finish(findings);
        Some(Consent { inbound, outbound })
    });
    let block = fields.take("blockServiceProviderOutboundAccess").and_then(|block| block.bool(findings));
    // Other products' settings: kept, and nothing here is granted by them.
    fields.pass_over(&["appServiceConnectInbound", "m365CollaborationInbound", "m365CollaborationOutbound"]);
    Settings::new(kinds, trust.unwrap_or_default(), consent.unwrap_or_default(), block)
}

fn setting(
    field: Field<'_, '_>,
    kind: SettingKind,
    owner: Owner,
    findings: &mut Findings,
) -> Option<Setting> {
    let fields = field.object(findings)?;
    let users = fields.take("usersAndGroups").and_then(|half| users(half, findings));
    let applications = fields.take("applications").and_then(|half| applications(half, findings));
    if kind == SettingKind::TenantRestrictions {
        // Documented as not evaluated by the service yet.
        fields.pass_over(&["devices"]);
    }
    let at = fields.at;
    let setting = Setting { users, applications: applications.map(Arc::new) };
    if setting.users.as_ref().is_some_and(|users| users.targets.lists()) {
        check_listed_users(kind, owner, &at.member("usersAndGroups"), findings);
    }
    report_conflict(&setting, &at, findings);
    fields.finish(findings);
    Some(setting)
}

fn check_listed_users(kind: SettingKind, owner: Owner, at: &Pointer<'_>, findings: &mut Findings) {
    let for_others = match kind {
        SettingKind::CollaborationInbound
        | SettingKind::DirectConnectInbound
        | SettingKind::TenantRestrictions => true,
        SettingKind::CollaborationOutbound | SettingKind::DirectConnectOutbound => false,
    };
    if owner == Owner::Default && for_others {
        findings.error(
            "default_lists_users",
            at,
            "a default that is about other tenants' users cannot list users or groups: ids mean nothing there",
            "use AllUsers here, and list users in the partners that they belong to",
        );
    }
    if owner == Owner::Partner(MSA) {
        findings.error(
            "msa_lists_users",
            at,
            "personal accounts cannot be told apart by user or group",
            "use AllUsers for the tenant of personal accounts",
        );
    }
}

fn report_conflict(setting: &Setting, at: &Pointer<'_>, findings: &mut Findings) {
    let (code, message, remedy) = match setting.conflict() {
        None => return,
        Some(Conflict::UsersAllowedApplicationsBlocked) => (
            "users_allowed_applications_blocked",
            "users are allowed, but all applications are blocked: nobody is permitted",
            "allow at least one application, or block AllUsers too",
        ),
        Some(Conflict::UsersBlockedApplicationsNot) => (
            "users_blocked_applications_not",
            "all users are blocked, but not all applications: nobody is permitted",
            "block AllApplications too, or allow users",
        ),
    };
    findings.add(Level::Conflict, code, at, message, remedy);
}

/// `accessType` and `targets` of a half, each target with its type.
fn half(
    fields: &Fields<'_, '_>,
    expected: &[&str],
    findings: &mut Findings,
    mut listed: impl FnMut(Named<'_>, &mut Findings),
) -> Option<Access> {
    let access = fields.take("accessType");
    let access = match access.map(|access| (access.at, access.text(findings))) {
        Some((_, Some("allowed"))) => Access::Allowed,
        Some((_, Some("blocked"))) => Access::Blocked,
        Some((at, Some(other))) => {
            let message = format!("`{other}` is an accessType that we do not know: permits nobody");
            findings.warn("access_type_unknown", &at, message, "use `allowed` or `blocked`");
            Access::Unknown
        }
        Some((_, None)) => return None,
        None => {
            findings.warn(
                "access_type_unknown",
                &fields.at,
                "no accessType: permits nobody",
                "add `accessType`",
            );
            Access::Unknown
        }
    };
    let at = fields.at;
    let mut empty = true;
    if let Some(targets) = fields.take("targets") {
        for (index, node) in targets.array(findings).iter().enumerate() {
            empty = false;
            let at = targets.at.item(index);
            let Some(fields) = (Field { node, at }).object(findings) else { continue };
            let kind = fields.require("targetType", findings).and_then(|kind| kind.text(findings));
            let target = fields.require("target", findings).and_then(|target| target.text(findings));
            if let (Some(kind), Some(target)) = (kind, target) {
                match kind {
                    known if expected.contains(&known) => {
                        listed(Named::Target(known, target, &at), findings);
                    }
                    "user" | "group" | "application" => findings.error(
                        "target_type_misplaced",
                        &at,
                        format!("a target of type `{kind}` does not belong in this half"),
                        "users and groups go under usersAndGroups, applications under applications",
                    ),
                    _ => {
                        let message = format!(
                            "`{kind}` is a targetType that we do not know: may match anybody or nobody"
                        );
                        findings.warn("target_type_unknown", &at, message, "use user, group or application");
                        listed(Named::Unknown, findings);
                    }
                }
            }
            fields.finish(findings);
        }
    }
    if empty && access == Access::Blocked {
        let remedy = "list whom or what to block, or remove the half to inherit it";
        findings.error("blocked_nothing", &at, "`blocked` with empty targets", remedy);
    }
    Some(access)
}

enum Named<'t> {
    /// Its targetType, itself, and where.
    Target(&'t str, &'t str, &'t Pointer<'t>),
    /// Something of a newer targetType.
    Unknown,
}

fn users(field: Field<'_, '_>, findings: &mut Findings) -> Option<Half<UserTargets>> {
    let fields = field.object(findings)?;
    let (mut all, mut unknown, mut users, mut groups) = (false, false, Vec::<ObjectId>::new(), Vec::new());
    let access = half(&fields, &["user", "group"], findings, |target, findings| match target {
        Named::Target(_, "AllUsers" | "AllGroups", _) => all = true,
        Named::Target("group", id, at) => groups.extend(guid::<ObjectId>(id, at, findings)),
        Named::Target(_, id, at) => users.extend(guid::<ObjectId>(id, at, findings)),
        Named::Unknown => unknown = true,
    });
    fields.finish(findings);
    let targets = UserTargets { all, listed: Listed::new(sorted(users), sorted(groups)), unknown };
    Some(Half { access: access?, targets })
}

fn applications(field: Field<'_, '_>, findings: &mut Findings) -> Option<Half<AppTargets>> {
    let fields = field.object(findings)?;
    let (mut all, mut unknown, mut ids, mut suites) = (false, false, Vec::<AppId>::new(), Vec::new());
    let access = half(&fields, &["application"], findings, |target, findings| match target {
        Named::Target(_, "AllApplications", _) => all = true,
        Named::Target(_, "Office365", _) => suites.push(Suite::Office365),
        Named::Target(_, "AllMicrosoftApps", _) => suites.push(Suite::AllMicrosoftApps),
        Named::Target(_, id, at) => ids.extend(guid::<AppId>(id, at, findings)),
        Named::Unknown => unknown = true,
    });
    fields.finish(findings);
    suites.dedup();
    Some(Half {
        access: access?,
        targets: AppTargets { all, suites: suites.into(), ids: sorted(ids), unknown },
    })
}

fn guid<T: FromStr>(id: &str, at: &Pointer<'_>, findings: &mut Findings) -> Option<T> {
    let read = id.parse().ok();
    if read.is_none() {
        // Not quoted: it may be somebody's address.
        let message = "neither a GUID nor a keyword that Graph documents";
        findings.error("target_malformed", at, message, "give the object or application id as a GUID");
    }
    read
}
