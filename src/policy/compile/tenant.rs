//! One hosted tenant of a bundle.

use super::Options;
use super::advice::Advice;
use super::values::{contexts, list, map, parsed};
use super::{conditional, settings};
use crate::id::{Cloud, ObjectId, TenantId};
use crate::policy::domains::{DomainLists, InvitesFrom};
use crate::policy::fields::{Field, Fields};
use crate::policy::finding::Findings;
use crate::policy::partner::Settings;
use crate::policy::snapshot::{GuestAccess, Partners, Revocation, Tenant};

pub(super) fn tenant(field: Field<'_, '_>, options: &Options, findings: &mut Findings) -> Option<Tenant> {
    let at = field.at;
    let fields = field.object(findings)?;
    let id = fields.require("tenantId", findings).and_then(|id| id.parse(findings));
    let name = fields.take("displayName").and_then(|name| name.text(findings)).map(Into::into);
    let cloud = fields.take("cloud").map_or(Some(Cloud::Commercial), |cloud| cloud.parse(findings));
    let access =
        fields.require("crossTenantAccessPolicy", findings).and_then(|access| policy(access, findings));
    let conditional =
        fields.take("conditionalAccess").and_then(|field| conditional::policies(field, findings));
    let (invites_from, guest_access) = fields
        .take("authorizationPolicy")
        .and_then(|field| authorization(field, findings))
        .unwrap_or_default();
    let domains = fields.take("b2bManagementPolicy").and_then(|field| domain_lists(field, findings));
    let partner_clouds = map(fields.take("partnerClouds"), findings, parsed);
    let domain_tenants: std::collections::HashMap<LowerCase, TenantId> =
        map(fields.take("domains"), findings, parsed);
    let own_contexts = fields.take("authenticationContexts").and_then(|field| contexts(field, findings));
    let partner_contexts =
        fields.take("partnerAuthenticationContexts").map(|field| map(Some(field), findings, contexts));
    let revocations = fields.take("revocations").map(|field| revocations(field, findings));
    fields.finish(findings);
    let access = access?;
    let tenant = Tenant {
        id: id?,
        name,
        cloud: cloud?,
        allowed_clouds: access.allowed_clouds.into(),
        default: access.default,
        default_id: access.default_id,
        partners: access.partners,
        partner_clouds,
        conditional: conditional.unwrap_or_default(),
        contexts: own_contexts,
        partner_contexts,
        domains: domains.unwrap_or_default(),
        domain_tenants: domain_tenants
            .into_iter()
            .map(|(LowerCase(domain), tenant)| (domain, tenant))
            .collect(),
        invites_from,
        guest_access: guest_access.unwrap_or(GuestAccess::Restricted),
        revocations: revocations.unwrap_or_default().into(),
    };
    Advice { tenant: &tenant, partners: &access.order, options }.give(&at, findings);
    Some(tenant)
}

struct AccessPolicy {
    allowed_clouds: Vec<Cloud>,
    default: Settings,
    default_id: Option<Box<str>>,
    partners: Partners,
    /// Which partner stands where.
    order: Vec<(TenantId, usize)>,
}

/// Graph `crossTenantAccessPolicy`.
fn policy(field: Field<'_, '_>, findings: &mut Findings) -> Option<AccessPolicy> {
    let fields = field.object(findings)?;
    let allowed_clouds = list(fields.take("allowedCloudEndpoints"), findings);
    let (default, default_id) =
        fields.take("default").and_then(|field| settings::default(field, findings)).unwrap_or_default();
    let mut partners = Partners::default();
    let mut order = Vec::new();
    if let Some(list) = fields.take("partners") {
        for (index, node) in list.array(findings).iter().enumerate() {
            let at = list.at.item(index);
            let Some((id, partner)) = settings::partner(Field { node, at }, findings) else { continue };
            order.push((id, index));
            if partners.insert(id, partner).is_some() {
                let message = format!("partner {id} is there twice");
                findings.error("partner_duplicate", &at, message, "keep one of the two");
            }
        }
    }
    fields.pass_over(&["id", "displayName", "description", "deletedDateTime", "definition", "templates"]);
    fields.finish(findings);
    Some(AccessPolicy { allowed_clouds, default, default_id, partners, order })
}

/// Graph `authorizationPolicy`.
fn authorization(
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

/// The legacy `B2BManagementPolicy`, unpacked from its string.
fn domain_lists(field: Field<'_, '_>, findings: &mut Findings) -> Option<DomainLists> {
    let fields = field.object(findings)?;
    let lists = fields.take("InvitationsAllowedAndBlockedDomainsPolicy").and_then(|lists| {
        let fields = lists.object(findings)?;
        let allowed: Vec<LowerCase> = list(fields.take("AllowedDomains"), findings);
        let blocked: Vec<LowerCase> = list(fields.take("BlockedDomains"), findings);
        fields.finish(findings);
        let domains =
            |list: Vec<LowerCase>| list.into_iter().map(|LowerCase(domain)| domain).collect::<Box<[_]>>();
        let allowed = (!allowed.is_empty()).then(|| domains(allowed));
        Some(DomainLists { allowed, blocked: domains(blocked) })
    });
    fields.pass_over(&["AutoRedeemPolicy", "PreviewPolicy"]);
    fields.finish(findings);
    lists
}

fn revocations(field: Field<'_, '_>, findings: &mut Findings) -> Vec<Revocation> {
    let mut revocations = Vec::new();
    for (index, node) in field.array(findings).iter().enumerate() {
        let at = field.at.item(index);
        let Some(fields) = (Field { node, at }).object(findings) else { continue };
        revocations.extend(revocation(fields, findings));
    }
    revocations
}

fn revocation(fields: Fields<'_, '_>, findings: &mut Findings) -> Option<Revocation> {
    let tenant = fields.require("tenant", findings).and_then(|tenant| tenant.parse(findings));
    let user = match fields.take("user") {
        None => Some(None),
        Some(user) => user.parse::<ObjectId>(findings).map(Some),
    };
    let not_before = fields.require("notBefore", findings).and_then(|time| time.parse::<Instant>(findings));
    fields.pass_over(&["reason"]);
    fields.finish(findings);
    Some(Revocation { tenant: tenant?, user: user?, not_before: not_before?.0 })
}

/// RFC 3339, rounded up to whole seconds: a token issued within the last one is refused.
struct Instant(i64);

impl std::str::FromStr for Instant {
    type Err = humantime::TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time = humantime::parse_rfc3339(text)?;
        let since = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs().saturating_add(u64::from(since.subsec_nanos() > 0));
        Ok(Self(i64::try_from(seconds).unwrap_or(i64::MAX)))
    }
}

#[derive(PartialEq, Eq, Hash)]
struct LowerCase(Box<str>);

impl std::str::FromStr for LowerCase {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_ascii_lowercase().into()))
    }
}
