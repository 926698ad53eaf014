//! What a store holds, compiled record by record: nobody has to hold the text of a million partners.
//!
//! A tenant's settings are the bundle's tenant without its partners, each of which is a record of its own. Pointers are
//! those into the bundle that `tenantgate policy get` writes of the store.

use super::{Compiled, Options, Placed, conclude, settings, tenant};
use crate::id::TenantId;
use crate::policy::common::Common;
use crate::policy::fields::Field;
use crate::policy::finding::Findings;
use crate::policy::json::Node;
use crate::policy::pointer::Pointer;
use crate::policy::snapshot::Revision;

/// Takes the records of each tenant in turn.
#[derive(Debug)]
pub struct Compiler<'o> {
    options: &'o Options,
    read: Vec<Placed>,
    findings: Findings,
    common: Common,
    tenants: usize,
    /// Of the last tenant.
    partners: usize,
    /// Whether the last tenant could be read, and is the last of `read`.
    readable: bool,
}

impl<'o> Compiler<'o> {
    /// Takes what the configuration has to say to it.
    pub fn new(options: &'o Options) -> Self {
        let (read, findings, common) = Default::default();
        Self { options, read, findings, common, tenants: 0, partners: 0, readable: false }
    }

    /// The settings of the next tenant, which the store has under `id`; so many partners follow, or thereabouts.
    pub fn tenant(&mut self, id: TenantId, record: &[u8], partners: usize) {
        let root = Pointer::ROOT;
        let list = root.member("tenants");
        let at = list.item(self.tenants);
        let findings = &mut self.findings;
        let node = Node::read_tenant(record).map_err(|finding| findings.push_within(&at, finding)).ok();
        let found = node.and_then(|node| tenant::tenant(Field { node: &node, at }, findings));
        if let Some((mut tenant, within)) = found {
            misplaced(id, tenant.id, &at, findings);
            if !within.is_empty() {
                let message = "the settings hold partners, which are records of their own";
                findings.error("partners_within", &at, message, "write each partner under its own key");
            }
            tenant.partners.reserve(partners);
            self.read.push(Placed {
                document: 0,
                index: self.tenants,
                tenant,
                partners: Vec::with_capacity(partners),
            });
            self.readable = true;
        } else {
            // Whatever is wrong is among the findings; its partners are read to find what is wrong with them.
            self.readable = false;
        }
        self.tenants = self.tenants.saturating_add(1);
        self.partners = 0;
    }

    /// The next partner of that tenant, which the store has under `id`.
    pub fn partner(&mut self, id: TenantId, record: &[u8]) {
        let root = Pointer::ROOT;
        let list = root.member("tenants");
        let owner = list.item(self.tenants.saturating_sub(1));
        let policy = owner.member("crossTenantAccessPolicy");
        let list = policy.member("partners");
        let at = list.item(self.partners);
        let index = self.partners;
        self.partners = index.saturating_add(1);
        let findings = &mut self.findings;
        let Ok(node) = &Node::read_partner(record).map_err(|finding| findings.push_within(&at, finding))
        else {
            return;
        };
        let Some((told, partner)) = settings::partner(Field { node, at }, findings) else { return };
        misplaced(id, told, &at, findings);
        if let Some(placed) = self.read.last_mut().filter(|_| self.readable) {
            placed.partners.push((told, index));
            if placed.tenant.partners.insert(told, self.common.partner(partner)).is_some() {
                let message = format!("partner {told} is there twice");
                findings.error("partner_duplicate", &at, message, "keep one of the two");
            }
        }
    }

    /// What it all comes to.
    pub fn finish(self, revision: Revision) -> Compiled {
        conclude(self.read, self.findings, revision, self.options)
    }
}

/// A record that is about another tenant than its key says would be looked for in vain.
fn misplaced(key: TenantId, told: TenantId, at: &Pointer<'_>, findings: &mut Findings) {
    if key != told {
        let message = format!("the record of {key} is about {told}");
        findings.error("record_misplaced", at, message, "write it under its own key");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::compile;

    const L: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
    const P: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";
    const Q: &str = "8b1f6d3a-2c4e-4d0b-a1f7-5e9c0d7b6a42";

    fn codes(records: &[(Option<&str>, &str, &str)]) -> Vec<(&'static str, String)> {
        let options = Options::default();
        let mut compiler = Compiler::new(&options);
        for (partner, key, record) in records {
            match partner {
                None => compiler.tenant(key.parse().unwrap(), record.as_bytes(), 1),
                Some(_) => compiler.partner(key.parse().unwrap(), record.as_bytes()),
            }
        }
        let found = compiler.finish(Revision("1".into())).findings;
        found.into_iter().map(|finding| (finding.code, finding.pointer)).collect()
    }

    #[test]
    fn records_come_to_what_their_bundle_comes_to() {
        let partners = [
            format!(r#"{{"tenantId":"{P}","inboundTrust":{{"isMfaAccepted":true}},"quota":1}}"#),
            format!(r#"{{"tenantId":"{Q}","b2bDirectConnectInbound":{{"usersAndGroups":null}}}}"#),
        ];
        let settings = format!(r#"{{"tenantId":"{L}","crossTenantAccessPolicy":{{"default":{{}}}}}}"#);
        let bundle = format!(
            r#"{{"tenants":[{{"tenantId":"{L}","crossTenantAccessPolicy":{{"default":{{}},"partners":[{}]}}}}]}}"#,
            partners.join(",")
        );
        let options = Options::default();
        let whole = compile([bundle.as_bytes()], Revision("1".into()), &options);
        let mut compiler = Compiler::new(&options);
        compiler.tenant(L.parse().unwrap(), settings.as_bytes(), 2);
        for (id, partner) in [P, Q].iter().zip(&partners) {
            compiler.partner(id.parse().unwrap(), partner.as_bytes());
        }
        let parts = compiler.finish(Revision("1".into()));
        let (whole_found, parts_found): (Vec<_>, Vec<_>) =
            (whole.findings.iter().collect(), parts.findings.iter().collect());
        assert!(whole_found.len() > 2, "{whole_found:?}");
        assert_eq!(whole_found, parts_found);
        let tenant = |compiled: &Compiled| {
            let tenant = compiled.snapshot.as_ref().unwrap().tenant(L.parse().unwrap()).unwrap();
            [P, Q].map(|id| tenant.partners.get(id.parse().unwrap()).cloned().unwrap())
        };
        assert_eq!(tenant(&whole), tenant(&parts));
    }

    #[test]
    fn a_record_under_another_key_or_within_another_record_is_refused() {
        let settings = format!(r#"{{"tenantId":"{L}","crossTenantAccessPolicy":{{}}}}"#);
        let partner = format!(r#"{{"tenantId":"{P}"}}"#);
        let at = "/tenants/0/crossTenantAccessPolicy/partners/0";
        let found = codes(&[(None, L, &settings), (Some(P), Q, &partner)]);
        assert_eq!(found, [("record_misplaced", at.to_owned())]);
        let found = codes(&[(None, Q, &settings)]);
        assert_eq!(found, [("record_misplaced", "/tenants/0".to_owned())]);
        let within = settings.replace("{}", &format!(r#"{{"partners":[{partner}]}}"#));
        assert_eq!(codes(&[(None, L, &within)]), [("partners_within", "/tenants/0".to_owned())]);
        let found = codes(&[(None, L, "{"), (Some(P), P, "[")]);
        assert_eq!(found, [("json_malformed", "/tenants/0".to_owned()), ("json_malformed", at.to_owned())]);
    }
}
