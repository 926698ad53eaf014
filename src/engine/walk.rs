//! A decision in progress, and the steps that every mode takes.

use std::ptr;

use crate::engine::access::Access;
use crate::engine::observer::{Detail, Observer, Outcome, Step};
use crate::engine::partners::{Partners, Unread};
use crate::engine::reason::Reason;
use crate::engine::relation::Relation;
use crate::engine::rules::Rules;
use crate::engine::verdict::{Basis, Demand, Ruling};
use crate::engine::{cloud, revocation, setting};
use crate::id::{Hint, TenantId};
use crate::policy::{Effective, Partner, SettingKind, Settings, Snapshot, Tenant};

/// What a decision looks at, what it is found to be about, and who hears of it.
pub(in crate::engine) struct Walk<'s, 'o, O, P> {
    pub(in crate::engine) snapshot: &'s Snapshot,
    pub(in crate::engine) partners: &'s P,
    /// L
    pub(in crate::engine) tenant: &'s Tenant,
    pub(in crate::engine) access: &'s Access<'s>,
    pub(in crate::engine) rules: &'s Rules,
    pub(in crate::engine) observer: &'o mut O,
    pub(in crate::engine) basis: &'o mut Basis,
}

impl<'s, O: Observer, P: Partners> Walk<'s, '_, O, P> {
    /// Takes what was found as the caller's relation, or stops.
    pub(in crate::engine) fn related(
        &mut self,
        relation: Result<Relation, Reason>,
    ) -> Result<Relation, Ruling<'s>> {
        let detail = relation.map_or("none", Relation::word);
        self.passed(
            Step::Relation,
            relation.map(|_| ()),
            &[("issuer", &self.access.identity.tenant), ("relation", &detail)],
        )?;
        let relation = relation.map_err(Ruling::Deny)?;
        self.basis.relation = Some(relation);
        Ok(relation)
    }

    pub(in crate::engine) fn revocation(&mut self) -> Result<(), Ruling<'s>> {
        let Some(since) = revocation::revoked(self.tenant, self.access, self.rules) else { return Ok(()) };
        self.observer.step(Step::Revocation, Outcome::Stop, &[("not_before", &since)]);
        let demand = Demand::IssuedSince(since);
        Err(Ruling::challenge(Reason::SessionRevoked, demand, self.tenant.id, self.access.identity))
    }

    /// Ours, about the tenant `other`.
    pub(in crate::engine) fn cloud(
        &mut self,
        relation: Relation,
        other: TenantId,
    ) -> Result<Option<&'s Partner>, Ruling<'s>> {
        let partner = self.partner(Step::Cloud, self.tenant, other)?;
        let listed = partner.is_some();
        let identity = self.access.identity;
        let permitted = cloud::permits(self.tenant, other, listed, relation, self.snapshot, identity);
        self.passed(Step::Cloud, permitted, &[("partner_listed", &listed)])?;
        Ok(partner)
    }

    /// Ours, kept for `partner` or for everyone; the ids it lists are those of `directory`.
    pub(in crate::engine) fn setting(
        &mut self,
        kind: SettingKind,
        directory: TenantId,
        partner: Option<&'s Partner>,
    ) -> Result<(), Ruling<'s>> {
        let effective = self.effective(kind, partner).ok_or(Ruling::Deny(Reason::SettingUnreadable))?;
        setting::permits(kind, effective, directory, Step::Setting, self.access, self.rules, self.observer)
            .map_err(Ruling::Deny)
    }

    /// What counts of ours, kept for `partner` or for everyone: from now on the last setting that was read.
    pub(in crate::engine) fn effective(
        &mut self,
        kind: SettingKind,
        partner: Option<&'s Partner>,
    ) -> Option<Effective<'s>> {
        let partner = partner.map(|partner| &partner.settings);
        let effective = Effective::of(kind, partner, &self.tenant.default)?;
        self.basis.setting = Some(kind);
        self.basis.origin = Some(effective.origin);
        Some(effective)
    }

    /// What another hosted tenant, `owner`, keeps for L. Whatever it lacks, the reason is `blocked`.
    pub(in crate::engine) fn other_side(
        &mut self,
        owner: &'s Tenant,
        kind: SettingKind,
        directory: TenantId,
        relation: Relation,
        blocked: Reason,
    ) -> Result<(), Ruling<'s>> {
        let local = self.tenant.id;
        let partner = self.partner(Step::OtherSide, owner, local)?;
        let cloud =
            cloud::permits(owner, local, partner.is_some(), relation, self.snapshot, self.access.identity);
        let rule = cloud.map_err(|_| blocked);
        self.passed(Step::OtherSide, rule, &[("rule", &"cloud")])?;
        let settings = partner.map(|partner| &partner.settings);
        let effective = Effective::of(kind, settings, &owner.default).ok_or(Ruling::Deny(blocked))?;
        setting::permits(kind, effective, directory, Step::OtherSide, self.access, self.rules, self.observer)
            .map_err(|_| Ruling::Deny(blocked))
    }

    pub(in crate::engine) fn passed(
        &mut self,
        step: Step,
        result: Result<(), Reason>,
        detail: Detail<'_>,
    ) -> Result<(), Ruling<'s>> {
        self.observer.step(step, outcome(result.is_ok()), detail);
        result.map_err(Ruling::Deny)
    }

    /// The record that `owner` keeps for `other`; where it cannot be told, the decision ends here.
    pub(in crate::engine) fn partner(
        &mut self,
        step: Step,
        owner: &'s Tenant,
        other: TenantId,
    ) -> Result<Option<&'s Partner>, Unread> {
        let nowhere = Hint::default();
        // What others keep, beside L, is another record in the same decision.
        let hint = if ptr::eq(owner, self.tenant) { &self.access.identity.record } else { &nowhere };
        let found = self.partners.partner(owner, other, hint);
        if found.is_err() {
            self.observer.step(step, Outcome::Stop, &[("partner_read", &false)]);
        }
        found
    }

    /// Whether `owner` keeps its users from being service providers at `other`; a partner's word does not undo the
    /// default's.
    pub(in crate::engine) fn blocks_providers(
        &mut self,
        step: Step,
        owner: &'s Tenant,
        other: TenantId,
    ) -> Result<bool, Unread> {
        let blocks = |settings: &Settings| settings.block_service_provider_outbound == Some(true);
        let partner = self.partner(step, owner, other)?;
        Ok(partner.is_some_and(|partner| blocks(&partner.settings)) || blocks(&owner.default))
    }

    /// Whether `owner` has listed `other` as its service provider.
    pub(in crate::engine) fn lists_provider(
        &mut self,
        step: Step,
        owner: &'s Tenant,
        other: TenantId,
    ) -> Result<bool, Unread> {
        let partner = self.partner(step, owner, other)?;
        Ok(partner.is_some_and(|partner| partner.is_service_provider))
    }
}

pub(in crate::engine) const fn outcome(passed: bool) -> Outcome {
    if passed { Outcome::Pass } else { Outcome::Stop }
}
