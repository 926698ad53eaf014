//! The result is held against the policy's own reader as it is written, some hundred partners at a time.
//!
//! A bundle of a million partners is several times larger when it is read than it is as a file. What a partner's
//! settings are is told by itself and by the rest of its tenant, so both are compiled together with a part of the
//! partners after another: all findings, in a bounded space. `tests/graph/` holds that they are those of the whole.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use serde_json::value::RawValue;

use super::error::GraphError;
use super::file::malformed;
use super::layout::{self, Resource};
use super::parts::Parts;
use super::text::{Members, Raw};
use crate::id::TenantId;
use crate::policy::{Finding, Level, Options, Revision, compile};

/// Compiled at once; more is not faster.
const TOGETHER: usize = 500;
/// So many bytes of partners are enough, however few they are.
const ENOUGH: usize = 1 << 20;

const TWICE: &str = "partner_duplicate";

/// A finding of the policy's, in the file that it comes from.
#[derive(Debug)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// What was found; its pointer is into the file.
    pub finding: Finding,
}

/// Where a partner comes from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) page: usize,
    pub(super) position: usize,
    /// The file of its `identitySynchronization`, where it has one.
    pub(super) synchronization: Option<PathBuf>,
}

/// The check of one tenant.
pub(super) struct Check<'c> {
    parts: &'c Parts,
    /// The bundle up to the partners, and from there on.
    head: String,
    tail: String,
    pending: String,
    origins: Vec<Origin>,
    /// Every partner so far, and where.
    known: HashMap<TenantId, (usize, usize)>,
    /// What is about the whole tenant is found with every part of the partners, and said once.
    said: HashSet<(&'static str, String)>,
    /// To be taken away by the owner.
    pub(super) found: Vec<Found>,
}

impl<'c> Check<'c> {
    /// `others` are the tenants beside this one, with the partners that are tenants themselves.
    pub(super) fn new<'o>(
        parts: &'c Parts,
        others: impl Iterator<Item = (&'o Parts, &'o Vec<Raw>)>,
    ) -> Result<Self, GraphError> {
        let (head, mut tail) = around(parts)?;
        for (other, partners) in others {
            let (before, after) = around(other)?;
            let partners: Vec<_> = partners.iter().map(|partner| partner.get()).collect();
            tail = format!("{tail},{before}{}{after}", partners.join(","));
        }
        Ok(Self {
            parts,
            head: format!("{{\"tenants\":[{head}"),
            tail: format!("{tail}]}}"),
            pending: String::new(),
            origins: Vec::new(),
            known: HashMap::new(),
            said: HashSet::new(),
            found: Vec::new(),
        })
    }

    /// Adds a partner. Whether it is there already shows in no part, so that is found here.
    pub(super) fn partner(&mut self, id: Option<TenantId>, value: &RawValue, origin: Origin) {
        if let Some(id) = id
            && let Some((page, position)) = self.known.insert(id, (origin.page, origin.position))
        {
            let file = self.page(page).file_name().map(|name| name.to_string_lossy().into_owned());
            let message = format!(
                "partner {id} is there twice, first in {} at /value/{position}",
                file.unwrap_or_default()
            );
            self.found.push(Found {
                path: self.page(origin.page),
                finding: Finding {
                    code: TWICE,
                    level: Level::Error,
                    pointer: format!("/value/{}", origin.position),
                    message,
                    remedy: "keep one of the two, or fetch all pages again".into(),
                    document: 0,
                },
            });
        }
        if !self.pending.is_empty() {
            self.pending.push(',');
        }
        self.pending.push_str(value.get());
        self.origins.push(origin);
        if self.origins.len() >= TOGETHER || self.pending.len() >= ENOUGH {
            self.compile();
        }
    }

    /// Checks what is left, and the tenant itself where it has no partner.
    pub(super) fn finish(&mut self) {
        if !self.origins.is_empty() || self.known.is_empty() {
            self.compile();
        }
    }

    fn compile(&mut self) {
        let text = [self.head.as_str(), &self.pending, &self.tail].concat();
        let compiled = compile([text.as_bytes()], Revision("import".into()), &Options::default());
        for finding in compiled.findings {
            if finding.code == TWICE {
                continue;
            }
            let Some(local) = of_first(&finding.pointer).map(str::to_owned) else { continue };
            let (path, pointer) = match partner_index(&local) {
                Some((index, rest)) => self.partners_place(index, rest),
                None if self.said.insert((finding.code, local.clone())) => self.place(&local),
                None => continue,
            };
            self.found.push(Found { path, finding: Finding { pointer, ..finding } });
        }
        self.pending.clear();
        self.origins.clear();
    }

    fn page(&self, page: usize) -> PathBuf {
        let pages = self.parts.files.pages(Resource::Partners);
        pages.get(page).cloned().unwrap_or_else(|| self.parts.files.path(layout::PARTNERS))
    }

    fn partners_place(&self, index: usize, rest: &str) -> (PathBuf, String) {
        let Some(origin) = self.origins.get(index) else { return self.place(rest) };
        let inner = rest.strip_prefix("/identitySynchronization");
        match (&origin.synchronization, inner) {
            (Some(path), Some(inner)) if inner.is_empty() || inner.starts_with('/') => {
                (path.clone(), inner.to_owned())
            }
            (Some(_) | None, _) => (self.page(origin.page), format!("/value/{}{rest}", origin.position)),
        }
    }

    /// Where in the files a place of the tenant is.
    fn place(&self, local: &str) -> (PathBuf, String) {
        let files = &self.parts.files;
        let below =
            |name: &str| local.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some(rest) = below("/crossTenantAccessPolicy/default") {
            return (files.path(layout::DEFAULT), rest.to_owned());
        }
        if let Some(rest) = below("/crossTenantAccessPolicy") {
            return (files.path(layout::POLICY), rest.to_owned());
        }
        if let Some(rest) = below("/authorizationPolicy")
            && let Some(path) = files.one(Resource::Authorization)
        {
            let list = if self.parts.authorization_listed { "/value/0" } else { "" };
            return (path.to_owned(), format!("{list}{rest}"));
        }
        if let Some(rest) = below("/b2bManagementPolicy")
            && let Some(path) = files.one(Resource::Collaboration)
        {
            let rest = rest
                .strip_prefix("/resource")
                .map_or_else(|| format!("/definition/0/B2BManagementPolicy{rest}"), str::to_owned);
            return (path.to_owned(), format!("/value/0{rest}"));
        }
        let listed = below("/conditionalAccess/policies").and_then(|rest| index(rest.strip_prefix('/')?));
        if let Some((index, rest)) = listed
            && let Some((page, position)) = self.parts.conditional.get(index)
            && let Some(path) = files.pages(Resource::Conditional).get(*page)
        {
            return (path.clone(), format!("/value/{position}{rest}"));
        }
        // Also where there is none yet: that is where to write what is missing.
        (files.path(layout::TENANT), local.to_owned())
    }
}

/// The tenant's text before and after the items of `partners`.
fn around(parts: &Parts) -> Result<(String, String), GraphError> {
    let open = |members: &Members| {
        let text = members.to_raw().map_err(malformed(&parts.files.directory))?;
        Ok::<_, GraphError>(text.get().strip_suffix('}').unwrap_or_default().to_owned())
    };
    let (tenant, policy) = (open(&parts.members)?, open(&parts.policy)?);
    let head = format!("{tenant},\"crossTenantAccessPolicy\":{policy}");
    if !parts.listed {
        return Ok((head, "}}".to_owned()));
    }
    let comma = if parts.policy.is_empty() { "" } else { "," };
    Ok((format!("{head}{comma}\"partners\":["), "]}}".to_owned()))
}

/// The place within the first tenant; none where it is in another, which has its own turn. What is about the whole is
/// about the first one, too.
fn of_first(pointer: &str) -> Option<&str> {
    let Some(rest) = pointer.strip_prefix("/tenants/") else { return Some("") };
    let (index, rest) = index(rest)?;
    (index == 0).then_some(rest)
}

/// Which partner a place of the tenant is in, and where there.
fn partner_index(local: &str) -> Option<(usize, &str)> {
    index(local.strip_prefix("/crossTenantAccessPolicy/partners/")?)
}

fn index(rest: &str) -> Option<(usize, &str)> {
    let end = rest.find('/').unwrap_or(rest.len());
    let (number, rest) = rest.split_at_checked(end)?;
    Some((number.parse().ok()?, rest))
}
