//! A policy of which some partners changed: what is read is what changed, and everything else is shared.

use std::collections::HashMap;

use super::advice::Advice;
use super::{Compiled, Options, settings};
use crate::id::TenantId;
use crate::policy::fields::Field;
use crate::policy::finding::Findings;
use crate::policy::json::Node;
use crate::policy::partner::Partner;
use crate::policy::pointer::Pointer;
use crate::policy::snapshot::{Revision, Snapshot, Tenant};

/// A partner's record as it is now.
#[derive(Debug, Clone, Copy)]
pub struct PartnerEdit<'d> {
    /// Whose partner.
    pub tenant: TenantId,
    /// Under which key.
    pub partner: TenantId,
    /// None where it was removed.
    pub record: Option<&'d [u8]>,
}

/// Compiles what is different from `base`, whose tenants are those of now. What is found is about the changed records
/// alone. Gives nothing where one of them is refused, or is of no hosted tenant: to read everything tells the rest.
pub fn amend<'d>(
    base: &Snapshot,
    edits: impl IntoIterator<Item = PartnerEdit<'d>>,
    revision: Revision,
    options: &Options,
) -> Option<Compiled> {
    let hosted: HashMap<_, _> = base.tenants().map(|tenant| (tenant.id, tenant)).collect();
    let mut findings = Findings::default();
    let mut by_tenant: HashMap<_, Vec<_>> = HashMap::new();
    for edit in edits {
        let tenant = base.tenant(edit.tenant)?;
        let advice = Advice { tenant, partners: &[], hosted: &hosted, options };
        let now = match edit.record {
            None => None,
            Some(record) => Some(partner(&advice, base, edit.partner, record, &mut findings)?),
        };
        by_tenant.entry(edit.tenant).or_default().push((edit.partner, now));
    }
    Some(Compiled { snapshot: Some(base.amended(revision, by_tenant)), findings })
}

fn partner(
    advice: &Advice<'_>,
    base: &Snapshot,
    id: TenantId,
    record: &[u8],
    findings: &mut Findings,
) -> Option<Partner> {
    let node = Node::read_partner(record).ok()?;
    let read = |index: (usize, usize), findings: &mut Findings| {
        let (root, (tenant, partner)) = (Pointer::ROOT, index);
        let tenants = root.member("tenants");
        let tenant = tenants.item(tenant);
        let policy = tenant.member("crossTenantAccessPolicy");
        let partners = policy.member("partners");
        let at = partners.item(partner);
        let (told, read) = settings::partner(Field { node: &node, at }, findings)?;
        advice.of_partner(id, &read, &at, findings);
        (told == id && !findings.refused()).then_some(read)
    };
    let mut found = Findings::default();
    let partner = read((0, 0), &mut found)?;
    if found.iter().next().is_some() {
        // Where it stands is asked for only by who is told.
        let rank =
            |id: TenantId, of: &mut dyn Iterator<Item = TenantId>| of.filter(|other| *other < id).count();
        let tenant: &Tenant = advice.tenant;
        let index = (
            rank(tenant.id, &mut base.tenants().map(|tenant| tenant.id)),
            rank(id, &mut tenant.partners.iter().map(|(id, _)| id)),
        );
        read(index, findings)?;
    }
    Some(partner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::compile;

    const L: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
    const P: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";
    const Q: &str = "8b1f6d3a-2c4e-4d0b-a1f7-5e9c0d7b6a42";

    fn base() -> Snapshot {
        let bundle = format!(
            r#"{{"tenants":[{{"tenantId":"{L}","crossTenantAccessPolicy":{{"partners":[{{"tenantId":"{P}"}}]}}}}]}}"#
        );
        compile([bundle.as_bytes()], Revision::counted(1), &Options::default()).snapshot.unwrap()
    }

    fn amended(edits: &[(&str, &str, Option<&str>)]) -> Option<Compiled> {
        let edits = edits.iter().map(|(tenant, partner, record)| PartnerEdit {
            tenant: tenant.parse().unwrap(),
            partner: partner.parse().unwrap(),
            record: record.map(str::as_bytes),
        });
        amend(&base(), edits, Revision::counted(2), &Options::default())
    }

    #[test]
    fn what_changed_is_what_the_whole_would_be() {
        let record = format!(r#"{{"tenantId":"{Q}","inboundTrust":{{"isMfaAccepted":true}},"quota":1}}"#);
        let Compiled { snapshot, findings } = amended(&[(L, Q, Some(&record)), (L, P, None)]).unwrap();
        let snapshot = snapshot.unwrap();
        let partners = &snapshot.tenant(L.parse().unwrap()).unwrap().partners;
        assert_eq!(snapshot.revision, Revision::counted(2));
        assert!(partners.get(P.parse().unwrap()).is_none());
        let bundle = format!(
            r#"{{"tenants":[{{"tenantId":"{L}","crossTenantAccessPolicy":{{"partners":[{{"tenantId":"{P}"}},{record}]}}}}]}}"#
        );
        let whole = compile([bundle.as_bytes()], Revision::counted(2), &Options::default());
        let expected = whole.snapshot.unwrap();
        let expected = expected.tenant(L.parse().unwrap()).unwrap().partners.get(Q.parse().unwrap());
        assert!(expected.is_some() && partners.get(Q.parse().unwrap()) == expected);
        let told = |findings: &Findings| {
            let of_partners = findings.iter().filter(|finding| finding.pointer.contains("/partners/"));
            of_partners.cloned().collect::<Vec<_>>()
        };
        assert!(!told(&findings).is_empty());
        assert_eq!(told(&findings), told(&whole.findings));
    }

    #[test]
    fn what_is_refused_or_nobodys_is_left_to_the_whole() {
        let (good, misplaced) = (format!(r#"{{"tenantId":"{Q}"}}"#), format!(r#"{{"tenantId":"{P}"}}"#));
        let bad = format!(r#"{{"tenantId":"{Q}","InboundTrust":{{}}}}"#);
        assert!(amended(&[(L, Q, Some(&good))]).is_some());
        for (tenant, record) in [(Q, &*good), (L, &*misplaced), (L, &*bad), (L, "{"), (L, "")] {
            assert!(amended(&[(L, P, None), (tenant, Q, Some(record))]).is_none(), "{record}");
        }
        assert!(amended(&[(Q, P, None)]).is_none());
    }
}
