//! One hosted tenant of a bundle.

use std::sync::OnceLock;

use super::values::{contexts, list, map, parsed};
use super::{collaboration, conditional, settings};
use crate::id::{Cloud, ObjectId, PolicyId, TenantId};
use crate::policy::common::Common;
use crate::policy::fields::{Field, Fields};
use crate::policy::finding::Findings;
use crate::policy::partner::Settings;
use crate::policy::partners::Partners;
use crate::policy::snapshot::{GuestAccess, Revocation, Tenant};

/// The tenant, and which of its partners stands where.
pub(super) fn tenant(
    field: Field<'_, '_>,
    findings: &mut Findings,
) -> Option<(Tenant, Vec<(TenantId, usize)>)> {
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
        .and_then(|field| collaboration::authorization(field, findings))
        .unwrap_or_default();
    let domains =
        fields.take("b2bManagementPolicy").and_then(|field| collaboration::domain_lists(field, findings));
    let partner_clouds = map(fields.take("partnerClouds"), findings, parsed);
    let domain_tenants = map(fields.take("domains"), findings, parsed);
    let own_contexts = fields.take("authenticationContexts").and_then(|field| contexts(field, findings));
    let partner_contexts =
        fields.take("partnerAuthenticationContexts").map(|field| map(Some(field), findings, contexts));
    let revocations = fields.take("revocations").map(|field| revocations(field, findings));
    fields.finish_exact(findings);
    let access = access?;
    let tenant = Tenant {
        id: id?,
        name,
        cloud: cloud?,
        allowed_clouds: access.allowed_clouds.into(),
        default: access.default,
        default_id: access.default_id,
        unrestricted: OnceLock::new(),
        partners: access.partners,
        partner_clouds,
        conditional: conditional.unwrap_or_default(),
        contexts: own_contexts,
        partner_contexts,
        domains: domains.unwrap_or_default(),
        domain_tenants,
        invites_from,
        guest_access: guest_access.unwrap_or(GuestAccess::Restricted),
        revocations: revocations.unwrap_or_default().into(),
    };
    Some((tenant, access.order))
}

struct AccessPolicy {
    allowed_clouds: Vec<Cloud>,
    default: Settings,
    default_id: Option<PolicyId>,
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
    let (mut partners, mut common) = (Partners::default(), Common::default());
    let mut order = Vec::new();
    if let Some(list) = fields.take("partners") {
        let records = list.records(findings);
        partners.reserve(records.len());
        order.reserve(records.len());
        for (index, record) in records.iter().enumerate() {
            let at = list.at.item(index);
            let Ok(node) = &record.read().map_err(|finding| findings.push_within(&at, finding)) else {
                continue;
            };
            let Some((id, partner)) = settings::partner(Field { node, at }, findings) else { continue };
            order.push((id, index));
            if partners.insert(id, common.partner(partner)).is_some() {
                let message = format!("partner {id} is there twice");
                findings.error("partner_duplicate", &at, message, "keep one of the two");
            }
        }
    }
    fields.pass_over(&["id", "displayName", "description", "deletedDateTime", "definition", "templates"]);
    fields.finish(findings);
    Some(AccessPolicy { allowed_clouds, default, default_id, partners, order })
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
        Some(user) => user.parse_unquoted::<ObjectId>(findings).map(Some),
    };
    let not_before = fields.require("notBefore", findings).and_then(|time| time.parse::<Instant>(findings));
    fields.pass_over(&["reason"]);
    fields.finish_exact(findings);
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
