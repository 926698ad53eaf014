//! From a bundle's JSON to a [`Snapshot`], with everything that was found on the way.

mod advice;
mod amend;
mod collaboration;
mod conditional;
mod records;
mod settings;
mod tenant;
mod values;

use std::collections::{HashMap, HashSet};

use self::advice::Advice;
use crate::id::TenantId;
use crate::policy::fields::Field;
use crate::policy::finding::Findings;
use crate::policy::json::Node;
use crate::policy::partner::Partner;
use crate::policy::pointer::Pointer;
use crate::policy::snapshot::{Contexts, Revision, Snapshot, Tenant};

pub use self::amend::{PartnerEdit, amend};
pub use self::records::Compiler;
pub(in crate::policy) use self::values::sorted;

/// What of the configuration reading a policy depends on.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Tenants that the configuration needs to be hosted.
    pub required: Vec<TenantId>,
    /// The configured contexts, for tenants without their own.
    pub contexts: Contexts,
    /// Whether there is a principal map.
    pub principal_map: bool,
}

/// A policy that was read.
#[derive(Debug)]
pub struct Compiled {
    /// None when there is an error among the findings.
    pub snapshot: Option<Snapshot>,
    /// What was found.
    pub findings: Findings,
}

/// Compiles the documents of one bundle, which may be spread over several.
pub fn compile<'d>(
    documents: impl IntoIterator<Item = &'d [u8]>,
    revision: Revision,
    options: &Options,
) -> Compiled {
    let mut findings = Findings::default();
    let mut read = Vec::new();
    for (document, text) in documents.into_iter().enumerate() {
        findings.enter(document);
        match Node::read(text) {
            Ok(node) => bundle(&node, document, &mut read, &mut findings),
            Err(finding) => findings.push(finding),
        }
    }
    conclude(read, findings, revision, options)
}

fn conclude(read: Vec<Placed>, mut findings: Findings, revision: Revision, options: &Options) -> Compiled {
    check_together(&read, options, &mut findings);
    advise(&read, options, &mut findings);
    let tenants = read.into_iter().map(|placed| placed.tenant);
    let snapshot = (!findings.refused()).then(|| Snapshot::new(revision, tenants));
    Compiled { snapshot, findings }
}

/// Compiles one partner's record by itself, as a store keeps it; refused with what was found.
pub fn compile_partner(document: &[u8]) -> Result<(TenantId, Partner), Findings> {
    let mut findings = Findings::default();
    let read = match Node::read_partner(document) {
        Ok(node) => settings::partner(Field { node: &node, at: Pointer::ROOT }, &mut findings),
        Err(finding) => {
            findings.push(finding);
            None
        }
    };
    read.filter(|_| !findings.refused()).ok_or(findings)
}

/// A tenant, and where it stands.
#[derive(Debug)]
struct Placed {
    document: usize,
    index: usize,
    tenant: Tenant,
    /// Which partner stands where.
    partners: Vec<(TenantId, usize)>,
}

fn bundle(node: &Node<'_>, document: usize, read: &mut Vec<Placed>, findings: &mut Findings) {
    let root = Pointer::ROOT;
    let Some(fields) = (Field { node, at: root }).object(findings) else { return };
    if let Some(list) = fields.require("tenants", findings) {
        for (index, node) in list.array(findings).iter().enumerate() {
            let tenant = tenant::tenant(Field { node, at: list.at.item(index) }, findings);
            read.extend(tenant.map(|(tenant, partners)| Placed { document, index, tenant, partners }));
        }
    }
    fields.finish_exact(findings);
}

fn check_together(read: &[Placed], options: &Options, findings: &mut Findings) {
    let root = Pointer::ROOT;
    let at = root.member("tenants");
    let mut hosted = HashSet::new();
    for Placed { document, index, tenant, .. } in read {
        if !hosted.insert(tenant.id) {
            findings.enter(*document);
            let message = format!("tenant {} is hosted twice", tenant.id);
            findings.error("tenant_duplicate", &at.item(*index), message, "keep one of the two");
        }
    }
    findings.enter(0);
    if read.is_empty() && options.required.is_empty() && !findings.refused() {
        // Whatever emptied the bundle, to apply it would take the place of a policy that protects something.
        findings.error("no_tenants", &at, "nobody is protected", "add the tenant that you protect");
    }
    for missing in options.required.iter().filter(|id| !hosted.contains(id)) {
        let message = format!("the configured `tenant` {missing} is not in the bundle");
        findings.error("tenant_missing", &at, message, "add the tenant to the bundle, or correct `tenant`");
    }
}

fn advise(read: &[Placed], options: &Options, findings: &mut Findings) {
    let hosted: HashMap<_, _> = read.iter().map(|placed| (placed.tenant.id, &placed.tenant)).collect();
    let root = Pointer::ROOT;
    let at = root.member("tenants");
    for Placed { document, index, tenant, partners } in read {
        findings.enter(*document);
        Advice { tenant, partners, hosted: &hosted, options }.give(&at.item(*index), findings);
    }
}
