//! One tenant's small files, put where the bundle has them.

use std::path::{Path, PathBuf};

use serde_json::value::{RawValue, to_raw_value};

use super::cloud::Home;
use super::context;
use super::error::{GraphError, Wrong};
use super::file::{malformed, read, refuse_error, says_none};
use super::layout::{self, Files, Resource, page_name};
use super::packed;
use super::pages::Collected;
use super::text::{Members, Raw, is_null, is_object, string};
use crate::id::TenantId;

/// A tenant but for its partners.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) id: TenantId,
    pub(super) files: Files,
    /// The members of the tenant, without `crossTenantAccessPolicy`.
    pub(super) members: Members,
    /// The members of `crossTenantAccessPolicy`, without `partners`.
    pub(super) policy: Members,
    /// Whether there is a list of partners.
    pub(super) listed: bool,
    /// On which page each Conditional Access policy is, and where there.
    pub(super) conditional: Vec<(usize, usize)>,
    /// Whether `authorizationPolicy.json` is a list of one.
    pub(super) authorization_listed: bool,
    /// The cloud, where anything tells.
    pub(super) home: Option<Home>,
}

impl Parts {
    pub(super) fn read(files: Files, named: Option<TenantId>) -> Result<Self, GraphError> {
        let mut members = match files.one(Resource::Tenant) {
            Some(path) => read(path)?,
            None => Members::default(),
        };
        let id = whose(&files, &members, named)?;
        if members.get("tenantId").is_none() {
            members
                .insert_first("tenantId", to_raw_value(&id).map_err(malformed(&files.path(layout::TENANT)))?);
        }
        let policy = policy(&files, &members)?;
        let mut parts = Self {
            id,
            listed: !none(&files, Resource::Partners)?,
            files,
            members,
            policy,
            conditional: Vec::new(),
            authorization_listed: false,
            home: None,
        };
        parts.conditional_access()?;
        parts.authorization()?;
        parts.collaboration()?;
        parts.home = Home::settle(&parts.files, &mut parts.members, &parts.policy)?;
        Ok(parts)
    }

    /// `conditionalAccessPolicies.json` becomes `policies` beside what `tenant.json` says about them.
    fn conditional_access(&mut self) -> Result<(), GraphError> {
        let Some(first) = self.present(Resource::Conditional)? else { return Ok(()) };
        let collected = Collected::read(Resource::Conditional, self.files.pages(Resource::Conditional))?;
        self.refuse_twins(&collected)?;
        self.conditional.clone_from(&collected.places);
        let list = collected.list().map_err(malformed(&first))?;
        let mut members: Members = collected.into_members("policies", list).into_iter().collect();
        let own = self.members.get("conditionalAccess").map(RawValue::to_owned);
        if let Some(own) = &own {
            let path = self.files.path(layout::TENANT);
            for (name, value) in Members::of(own).map_err(malformed(&path))? {
                if name == "policies" || !members.push(&name, value) {
                    let member = format!("conditionalAccess/{name}");
                    return Err(Wrong::TwoPlaces { member, file: layout::CONDITIONAL }.with(&path).into());
                }
            }
        }
        let value = members.to_raw().map_err(malformed(&first))?;
        if own.is_some() {
            self.members.replace("conditionalAccess", value);
            return Ok(());
        }
        self.add("conditionalAccess", value, layout::CONDITIONAL)
    }

    /// A page that was saved twice would have its policies judged twice.
    fn refuse_twins(&self, collected: &Collected) -> Result<(), GraphError> {
        let mut known = Vec::new();
        for (item, (page, position)) in collected.items.iter().zip(&collected.places) {
            let Some(id) = Members::of(item).ok().and_then(|policy| string(policy.get("id")?)) else {
                continue;
            };
            if known.contains(&id) {
                let path = self.files.pages(Resource::Conditional).get(*page).cloned().unwrap_or_default();
                return Err(Wrong::ResourceTwice { at: format!("/value/{position}"), id }.with(&path).into());
            }
            known.push(id);
        }
        Ok(())
    }

    /// v1.0 answers with the policy, beta with a list of it.
    fn authorization(&mut self) -> Result<(), GraphError> {
        let Some(path) = self.present(Resource::Authorization)? else { return Ok(()) };
        let value: Raw = read(&path)?;
        if is_object(&value) && Members::of(&value).map_err(malformed(&path))?.get("value").is_some() {
            self.authorization_listed = true;
            return self.only(Resource::Authorization, "authorizationPolicy", |value, _| Ok(value));
        }
        let policy = entity(&path, Resource::Authorization)?;
        let value = policy.to_raw().map_err(malformed(&path))?;
        self.add("authorizationPolicy", value, layout::AUTHORIZATION)
    }

    fn collaboration(&mut self) -> Result<(), GraphError> {
        if self.present(Resource::Collaboration)?.is_none() {
            return Ok(());
        }
        self.only(Resource::Collaboration, "b2bManagementPolicy", |value, path| packed::unpack(&value, path))
    }

    /// The one item of a list; null where there is none, which is not the same as not having asked.
    fn only(
        &mut self,
        resource: Resource,
        name: &str,
        form: impl FnOnce(Raw, &Path) -> Result<Raw, GraphError>,
    ) -> Result<(), GraphError> {
        let pages = self.files.pages(resource);
        let path = pages.first().cloned().unwrap_or_default();
        let mut collected = Collected::read(resource, pages)?;
        let value = match collected.items.pop() {
            None => serde_json::from_str("null").map_err(malformed(&path))?,
            Some(only) if collected.items.is_empty() => form(only, &path)?,
            Some(_) => {
                let expected = "one policy, as an organisation has no second";
                return Err(Wrong::Mistaken { at: "/value/1".to_owned(), expected }.with(&path).into());
            }
        };
        let file =
            if resource == Resource::Authorization { layout::AUTHORIZATION } else { layout::COLLABORATION };
        for (name, value) in collected.into_members(name, value) {
            self.add(&name, value, file)?;
        }
        Ok(())
    }

    /// The resource's first file, where it has one that says something.
    fn present(&self, resource: Resource) -> Result<Option<PathBuf>, GraphError> {
        let first = if none(&self.files, resource)? { None } else { self.files.one(resource) };
        Ok(first.map(Path::to_owned))
    }

    fn add(&mut self, name: &str, value: Raw, file: &'static str) -> Result<(), GraphError> {
        if self.members.push(name, value) {
            return Ok(());
        }
        let path = self.files.path(layout::TENANT);
        Err(Wrong::TwoPlaces { member: name.to_owned(), file }.with(&path).into())
    }
}

/// By --tenant, `tenant.json` or the directory's name, which must not contradict each other.
fn whose(files: &Files, members: &Members, named: Option<TenantId>) -> Result<TenantId, GraphError> {
    let path = files.path(layout::TENANT);
    let written = match members.get("tenantId") {
        Some(id) => Some(serde_json::from_str(id.get()).map_err(malformed(&path))?),
        None => None,
    };
    let directory =
        files.directory.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
    let mut said = [named, written, directory].into_iter().flatten();
    let one = said.next().ok_or_else(|| Wrong::TenantUnknown.with(&files.directory))?;
    match said.find(|other| *other != one) {
        Some(other) => Err(Wrong::TenantsDiffer { one, other }.with(&files.directory).into()),
        None => Ok(one),
    }
}

/// A default has at least one of these. Anything else would be read as one that says nothing, and thereby as
/// Microsoft's own; what has a `tenantId` beside is a partner.
const OF_DEFAULT: [&str; 12] = [
    "isServiceDefault",
    "inboundTrust",
    "automaticUserConsentSettings",
    "b2bCollaborationInbound",
    "b2bCollaborationOutbound",
    "b2bDirectConnectInbound",
    "b2bDirectConnectOutbound",
    "tenantRestrictions",
    "invitationRedemptionIdentityProviderConfiguration",
    "appServiceConnectInbound",
    "m365CollaborationInbound",
    "m365CollaborationOutbound",
];

/// `crossTenantAccessPolicy.json` with `default.json` in it.
fn policy(files: &Files, members: &Members) -> Result<Members, GraphError> {
    let path = files.path(layout::POLICY);
    if members.get("crossTenantAccessPolicy").is_some() {
        let member = "crossTenantAccessPolicy".to_owned();
        return Err(Wrong::TwoPlaces { member, file: layout::POLICY }
            .with(&files.path(layout::TENANT))
            .into());
    }
    let mut policy = entity(&path, Resource::Policy)?;
    for (member, file, resource) in
        [("default", layout::DEFAULT, Resource::Default), ("partners", layout::PARTNERS, Resource::Partners)]
    {
        // Null is what it says where there is none; then the file says null, too.
        let told = policy.get(member).is_some_and(|value| !is_null(value));
        if told || policy.get(member).is_some() && !none(files, resource)? {
            return Err(Wrong::TwoPlaces { member: member.to_owned(), file }.with(&path).into());
        }
    }
    let path = files.path(layout::DEFAULT);
    if !none(files, Resource::Default)? {
        let default = entity(&path, Resource::Default)?;
        let known = OF_DEFAULT.iter().any(|name| default.get(name).is_some());
        // Export writes `{}` where the bundle has that, and what it means is said.
        if !(known || default.is_empty()) || default.get("tenantId").is_some() {
            return Err(Wrong::NoDefault.with(&path).into());
        }
        let default = default.to_raw().map_err(malformed(&path))?;
        let _checked = policy.push("default", default);
    }
    Ok(policy)
}

/// Whether the resource's file, where there is one, says that there is none; then there is no second page.
fn none(files: &Files, resource: Resource) -> Result<bool, GraphError> {
    match files.pages(resource) {
        [] => Ok(true),
        [first, more @ ..] => {
            let none = says_none(first)?;
            if none && !more.is_empty() {
                return Err(Wrong::PageAfterLast(page_name(resource, 2)).with(first).into());
            }
            Ok(none)
        }
    }
}

/// The members of a resource by itself.
pub(super) fn entity(path: &Path, resource: Resource) -> Result<Members, GraphError> {
    let members: Members = read(path)?;
    refuse_error(path, &members)?;
    if members.get("value").is_some() {
        let expected = "the resource itself, not what holds it or a list";
        return Err(Wrong::Mistaken { at: "/value".to_owned(), expected }.with(path).into());
    }
    if let Some(context) = members.get("@odata.context") {
        context::check(path, context, resource)?;
    }
    Ok(members)
}
