//! Hosted tenants: everything that a bundle may hold of one (interface.md, "Bundle").

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::invitations;
use super::partners::{default, partner};
use super::requirements::conditional_access;
use super::surroundings::{contexts, partner_contexts};
use super::{CLOUDS, MSA, TENANTS, USERS, maybe, object, one_of, pick, record, some_of, spelled};

/// One to three hosted tenants, the config's among them.
pub(crate) fn bundle() -> impl Strategy<Value = Value> {
    (tenant(TENANTS[0]), maybe(0.45, tenant(TENANTS[1])), maybe(0.2, tenant(TENANTS[2]))).prop_map(
        |(first, second, third)| {
            let tenants: Vec<Value> = [Some(first), second, third].into_iter().flatten().collect();
            record([("tenants", tenants.into())])
        },
    )
}

fn tenant(id: &'static str) -> impl Strategy<Value = Value> {
    const HOME_CLOUDS: [(u32, Option<&str>); 4] = [
        (70, Some("microsoftonline.com")),
        (20, None),
        (6, Some("microsoftonline.us")),
        (4, Some("partner.microsoftonline.cn")),
    ];
    const ROLES: [(u32, Option<&str>); 5] = [
        (40, None),
        (20, Some("a0b1b346-4d3e-4e8b-98f8-753987be4970")),
        (20, Some("10DAE51F-b6af-4016-8d66-8c2a99b929b3")),
        (10, Some("2af84b1e-32c8-42b7-82bc-daa82404023b")),
        (10, Some(USERS[0])),
    ];
    let requirements =
        (maybe(0.5, conditional_access()), maybe(0.15, contexts()), maybe(0.1, partner_contexts()));
    let lists = (
        maybe(0.3, domain_lists()),
        maybe(0.3, partner_clouds()),
        maybe(0.25, prop::collection::vec(revocation(), 1..=2)),
        (prop::bool::weighted(0.03), one_of(&ROLES), invitations::allowed_from(), maybe(0.4, domains())),
    );
    (one_of(&HOME_CLOUDS), cross_tenant(id), requirements, lists).prop_map(
        move |(cloud, policy, (requirements, contexts, partner_contexts), lists)| {
            let (lists, clouds, revocations, (capitals, role, invites, domains)) = lists;
            let authorization = object([
                ("guestUserRoleId", role.map(Value::from)),
                ("allowInvitesFrom", invites.map(Value::from)),
            ]);
            object([
                ("tenantId", Some(spelled(id, capitals).into())),
                ("cloud", cloud.map(Value::from)),
                ("crossTenantAccessPolicy", Some(policy)),
                ("conditionalAccess", requirements),
                ("authenticationContexts", contexts),
                ("partnerAuthenticationContexts", partner_contexts),
                ("authorizationPolicy", (authorization != json!({})).then_some(authorization)),
                ("b2bManagementPolicy", lists),
                ("domains", domains),
                ("partnerClouds", clouds),
                ("revocations", revocations.map(Value::from)),
            ])
        },
    )
}

fn cross_tenant(id: &'static str) -> impl Strategy<Value = Value> {
    let others: Vec<_> = TENANTS
        .into_iter()
        .filter(|other| *other != id)
        .map(|other| maybe(0.6, partner(other, true)))
        .collect();
    let msa = maybe(0.03, partner(MSA, false));
    (maybe(0.5, some_of(0.6, &CLOUDS)), maybe(0.55, default()), others, msa).prop_map(
        |(endpoints, default, others, msa)| {
            let partners: Vec<Value> = others.into_iter().chain([msa]).flatten().collect();
            record([
                ("allowedCloudEndpoints", endpoints.unwrap_or_default().into()),
                ("default", default.unwrap_or_default()),
                ("partners", partners.into()),
            ])
        },
    )
}

const DOMAINS: [&str; 4] = ["fabrikam.test", "Northwind.test", "mail.fabrikam.test", "münchen.test"];

fn domain_lists() -> impl Strategy<Value = Value> {
    (some_of(0.3, &DOMAINS), some_of(0.3, &DOMAINS)).prop_map(|(allowed, blocked)| {
        json!({"InvitationsAllowedAndBlockedDomainsPolicy": {
            "AllowedDomains": allowed, "BlockedDomains": blocked,
        }})
    })
}

/// Whose domains these are; one may be L's own.
fn domains() -> impl Strategy<Value = Value> {
    prop::array::uniform4(maybe(0.6, pick(&TENANTS))).prop_map(|tenants| {
        let entries = DOMAINS.into_iter().zip(tenants);
        let there = entries.filter_map(|(domain, tenant)| Some((domain.to_owned(), tenant?.into())));
        Value::Object(there.collect::<Map<_, _>>())
    })
}

fn partner_clouds() -> impl Strategy<Value = Value> {
    let clouds = prop::array::uniform5(maybe(0.4, pick(&CLOUDS)));
    clouds.prop_map(|clouds| {
        let entries = TENANTS.into_iter().zip(clouds);
        let there = entries.filter_map(|(tenant, cloud)| Some((tenant.to_owned(), cloud?.into())));
        Value::Object(there.collect::<Map<_, _>>())
    })
}

fn revocation() -> impl Strategy<Value = Value> {
    const MOMENTS: [&str; 4] =
        ["2026-01-01T00:00:00Z", "2027-01-15T06:59:59Z", "2027-01-15T07:00:00Z", "2027-01-15T07:00:01Z"];
    (super::guid(&TENANTS), maybe(0.7, super::guid(&USERS)), pick(&MOMENTS)).prop_map(
        |(tenant, user, moment)| {
            json!({"tenant": tenant, "user": user, "notBefore": moment, "reason": "lost laptop"})
        },
    )
}
