//! External collaboration settings: who may invite, what guests may see, and which mail domains may come.

use super::values::list;
use crate::id::Domain;
use crate::policy::domains::{DomainLists, InvitesFrom};
use crate::policy::fields::{Field, Fields};
use crate::policy::finding::Findings;
use crate::policy::json::Node;
use crate::policy::snapshot::GuestAccess;

/// Graph `authorizationPolicy`.
pub(super) fn authorization(
    field: Field<'_, '_>,
    findings: &mut Findings,
) -> Option<(InvitesFrom, Option<GuestAccess>)> {
    let fields = field.object(findings)?;
    let invites = fields.take("allowInvitesFrom").map(|from| (from.at.to_string(), from.text(findings)));
    let invites = match invites {
        None => InvitesFrom::default(),
        Some((_, Some("none") | None)) => InvitesFrom::Nobody,
        Some((_, Some("adminsAndGuestInviters"))) => InvitesFrom::AdminsAndGuestInviters,
        Some((_, Some("adminsGuestInvitersAndAllMembers"))) => InvitesFrom::AdminsGuestInvitersAndAllMembers,
        Some((_, Some("everyone"))) => InvitesFrom::Everyone,
        Some((_, Some(other))) => {
            let message = format!("`{other}` is an allowInvitesFrom that we do not know: nobody may invite");
            let remedy = "use none, adminsAndGuestInviters, adminsGuestInvitersAndAllMembers or everyone";
            findings.warn("invites_from_unknown", &fields.at, message, remedy);
            InvitesFrom::Nobody
        }
    };
    let guests = fields.take("guestUserRoleId").and_then(|role| role.text(findings)).map(|role| match &*role
        .to_ascii_lowercase()
    {
        "a0b1b346-4d3e-4e8b-98f8-753987be4970" => GuestAccess::Member,
        "10dae51f-b6af-4016-8d66-8c2a99b929b3" => GuestAccess::Limited,
        _ => GuestAccess::Restricted,
    });
    fields.pass_over(&[
        "id",
        "displayName",
        "description",
        "deletedDateTime",
        "allowEmailVerifiedUsersToJoinOrganization",
        "allowUserConsentForRiskyApps",
        "allowedToSignUpEmailBasedSubscriptions",
        "allowedToUseSSPR",
        "blockMsolPowerShell",
        "defaultUserRolePermissions",
    ]);
    fields.finish(findings);
    Some((invites, guests))
}

/// The legacy `B2BManagementPolicy`, unpacked from its string. What Graph has around it may stand under `resource`.
pub(super) fn domain_lists(field: Field<'_, '_>, findings: &mut Findings) -> Option<DomainLists> {
    let fields = field.object(findings)?;
    let lists = fields.take("InvitationsAllowedAndBlockedDomainsPolicy").and_then(|lists| {
        let fields = lists.object(findings)?;
        let allowed: Vec<Domain> = list(fields.take("AllowedDomains"), findings);
        let blocked: Vec<Domain> = list(fields.take("BlockedDomains"), findings);
        fields.finish_exact(findings);
        Some(DomainLists { allowed: (!allowed.is_empty()).then(|| allowed.into()), blocked: blocked.into() })
    });
    refuse_packed(&fields, findings);
    if let Some(resource) = fields.take("resource") {
        check_resource(resource, findings);
    }
    fields.pass_over(&["AutoRedeemPolicy", "PreviewPolicy", "Version"]);
    fields.finish_exact(findings);
    lists
}

/// As Graph returns the policy, its content is a string within an array: it must not load as if it had none.
fn refuse_packed(fields: &Fields<'_, '_>, findings: &mut Findings) {
    let packed = ["definition", "B2BManagementPolicy"].into_iter().find(|name| fields.take(name).is_some());
    let Some(name) = packed else { return };
    findings.error(
        "policy_packed",
        &fields.at.member(name),
        "the policy is still packed as Graph returns it: its domain lists would have no effect",
        "`tenantgate import` unpacks it; or write what is inside B2BManagementPolicy: `\"b2bManagementPolicy\": {\"InvitationsAllowedAndBlockedDomainsPolicy\": {\"AllowedDomains\": [], \"BlockedDomains\": []}}`",
    );
    // Said once; what stands around it is Graph's.
    fields.pass_over(&OF_GRAPHS);
}

/// The resource without its content, for which `[null]` holds the place. Content that is there all the same would
/// be taken for lists that count.
fn check_resource(field: Field<'_, '_>, findings: &mut Findings) {
    let Some(fields) = field.object(findings) else { return };
    if let Some(definition) = fields.take("definition")
        && definition.array(findings).iter().any(|packed| *packed != Node::Null)
    {
        findings.error(
            "policy_packed",
            &definition.at,
            "the lists are packed as Graph returns them: here they would have no effect",
            "write [null] here, and what is inside B2BManagementPolicy beside `resource`",
        );
    }
    fields.pass_over(&OF_GRAPHS);
    fields.finish(findings);
}

/// Graph's properties of the resource.
const OF_GRAPHS: [&str; 9] = [
    "id",
    "type",
    "displayName",
    "description",
    "alternativeIdentifier",
    "isOrganizationDefault",
    "keyCredentials",
    "createdDateTime",
    "deletedDateTime",
];
