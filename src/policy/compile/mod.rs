//! From a bundle's JSON to a [`Snapshot`], with everything that was found on the way.

mod advice;
mod conditional;
mod settings;
mod tenant;
mod values;

use std::collections::HashSet;

use crate::policy::fields::Field;
use crate::policy::finding::Findings;
use crate::policy::json::Node;
use crate::policy::pointer::Pointer;
use crate::policy::snapshot::{Contexts, Revision, Snapshot, Tenant};

pub(in crate::policy) use self::values::sorted;

/// What of the configuration reading a policy depends on.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Tenants that the configuration needs to be hosted.
    pub required: Vec<crate::id::TenantId>,
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
    let mut tenants = Vec::new();
    for document in documents {
        match Node::read(document) {
            Ok(node) => bundle(&node, options, &mut tenants, &mut findings),
            Err(finding) => findings.push(finding),
        }
    }
    check_together(&tenants, options, &mut findings);
    let snapshot = (!findings.refused()).then(|| Snapshot::new(revision, tenants));
    Compiled { snapshot, findings }
}

fn bundle(node: &Node<'_>, options: &Options, tenants: &mut Vec<Tenant>, findings: &mut Findings) {
    let root = Pointer::ROOT;
    let Some(fields) = (Field { node, at: root }).object(findings) else { return };
    if let Some(list) = fields.require("tenants", findings) {
        for (index, node) in list.array(findings).iter().enumerate() {
            tenants.extend(tenant::tenant(Field { node, at: list.at.item(index) }, options, findings));
        }
    }
    fields.finish(findings);
}

fn check_together(tenants: &[Tenant], options: &Options, findings: &mut Findings) {
    let root = Pointer::ROOT;
    let at = root.member("tenants");
    let mut hosted = HashSet::new();
    for tenant in tenants {
        if !hosted.insert(tenant.id) {
            let message = format!("tenant {} is hosted twice", tenant.id);
            findings.error("tenant_duplicate", &at, message, "keep one of the two");
        }
    }
    for missing in options.required.iter().filter(|id| !hosted.contains(id)) {
        let message = format!("the configured `tenant` {missing} is not in the bundle");
        findings.error("tenant_missing", &at, message, "add the tenant to the bundle, or correct `tenant`");
    }
}
