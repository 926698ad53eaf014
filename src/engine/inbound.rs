//! Inbound: a caller from anywhere at a resource of ours (semantics §5).

use crate::engine::access::{Access, Action};
use crate::engine::evidence::Evidence;
use crate::engine::observer::{Observer, Outcome, Step};
use crate::engine::reason::Reason;
use crate::engine::relation::{self, Relation};
use crate::engine::restrictions::RestrictionsHeader;
use crate::engine::rules::Rules;
use crate::engine::verdict::{Basis, Demand, Permit, Ruling};
use crate::engine::{cloud, conditional, domains, revocation, setting};
use crate::id::TenantId;
use crate::policy::{Effective, Partner, SettingKind, Settings, Snapshot, Tenant};
use crate::token::Home;

/// One inbound decision in progress.
pub(in crate::engine) struct Inbound<'s, 'o, O> {
    pub(in crate::engine) snapshot: &'s Snapshot,
    pub(in crate::engine) tenant: &'s Tenant,
    pub(in crate::engine) access: &'s Access<'s>,
    pub(in crate::engine) rules: &'s Rules,
    pub(in crate::engine) observer: &'o mut O,
    pub(in crate::engine) basis: &'o mut Basis,
}

impl<'s, O: Observer> Inbound<'s, '_, O> {
    pub(in crate::engine) fn decide(mut self) -> Result<Permit, Ruling<'s>> {
        if self.rules.reports_only(self.access.route).is_some() {
            // What may be overruled must not hide what may not.
            let relation = self.relation()?;
            self.revocation()?;
            self.header()?;
            return self.permit(relation);
        }
        self.forbidden_account()?;
        let relation = self.relation()?;
        self.header()?;
        self.revocation()?;
        self.permit(relation)
    }

    fn permit(&mut self, relation: Relation) -> Result<Permit, Ruling<'s>> {
        let partner = self.cross_tenant_access(relation)?;
        self.requirements(relation, partner)?;
        let reason = if relation == Relation::Internal { Reason::Internal } else { Reason::Permitted };
        Ok(Permit::granted(reason))
    }

    fn relation(&mut self) -> Result<Relation, Ruling<'s>> {
        let identity = self.access.identity;
        let relation = relation::inbound(self.tenant.id, identity);
        let detail = relation.map_or("none", Relation::word);
        self.passed(
            Step::Relation,
            relation.map(|_| ()),
            &[("issuer", &identity.tenant), ("relation", &detail)],
        )?;
        let relation = relation.map_err(Ruling::Deny)?;
        self.basis.relation = Some(relation);
        if let Home::Tenant(home) = identity.home {
            self.basis.partner = Some(home).filter(|home| *home != self.tenant.id);
        }
        self.basis.guest_access = (identity.account == Some(1)).then_some(self.tenant.guest_access);
        Ok(relation)
    }

    /// A personal account's token has no relation either; the header's reason says more.
    fn forbidden_account(&mut self) -> Result<(), Ruling<'s>> {
        let forbids = |header: RestrictionsHeader| header.forbids_account(self.access.identity);
        if !self.access.restrictions.is_some_and(forbids) {
            return Ok(());
        }
        self.observer.step(Step::Header, Outcome::Stop, &[]);
        Err(Ruling::Deny(Reason::RestrictionsPolicyMismatch))
    }

    fn header(&mut self) -> Result<(), Ruling<'s>> {
        let Some(header) = self.access.restrictions else { return Ok(()) };
        let checked = header.check(self.tenant.id, self.access.identity);
        self.observer.step(Step::Header, outcome(checked.is_ok()), &[]);
        checked
    }

    fn revocation(&mut self) -> Result<(), Ruling<'s>> {
        let Some(since) = revocation::revoked(self.tenant, self.access, self.rules) else { return Ok(()) };
        self.observer.step(Step::Revocation, Outcome::Stop, &[("not_before", &since)]);
        let demand = Demand::IssuedSince(since);
        Err(Ruling::challenge(Reason::SessionRevoked, demand, self.tenant.id, self.access.identity))
    }

    /// Cloud, setting and other side, or what replaces them. Gives the partner whose trust settings count.
    fn cross_tenant_access(&mut self, relation: Relation) -> Result<Option<&'s Partner>, Ruling<'s>> {
        let home = match (relation, self.access.identity.home) {
            (Relation::Internal, _) => return Ok(None),
            (Relation::NonEntra, _) | (_, Home::NonEntra | Home::Unlisted) => {
                let domain = self.access.identity.email_domain.as_ref();
                self.passed(Step::Domains, domains::permit(self.rules.non_entra, self.tenant, domain), &[])?;
                return Ok(None);
            }
            (
                Relation::Collaboration | Relation::DirectConnect | Relation::ServiceProvider,
                Home::Tenant(home),
            ) => home,
        };
        let partner = self.tenant.partners.get(home);
        let listed = partner.is_some();
        let cloud = cloud::permits(self.tenant, home, listed, relation, self.snapshot, self.access.identity);
        self.passed(Step::Cloud, cloud, &[("partner_listed", &listed)])?;
        if self.access.route.action == Action::UserSync {
            // Synchronisation has a setting of its own, and the target's alone.
            self.observer.step(Step::Setting, Outcome::Skip, &[]);
            return Ok(partner);
        }
        match relation {
            Relation::ServiceProvider => {
                let known = partner.is_some_and(|partner| partner.is_service_provider);
                let known = if known { Ok(()) } else { Err(Reason::ServiceProviderUnlisted) };
                self.passed(Step::Setting, known, &[])?;
            }
            Relation::DirectConnect => self.setting(SettingKind::DirectConnectInbound, home, partner)?,
            Relation::Collaboration | Relation::Internal | Relation::NonEntra => {
                self.setting(SettingKind::CollaborationInbound, home, partner)?;
            }
        }
        self.other_side(relation, home)?;
        Ok(partner)
    }

    /// Ours, for the home tenant; the ids it lists are the home tenant's.
    fn setting(
        &mut self,
        kind: SettingKind,
        home: TenantId,
        partner: Option<&'s Partner>,
    ) -> Result<(), Ruling<'s>> {
        let partner = partner.map(|partner| &partner.settings);
        let Some(effective) = Effective::of(kind, partner, &self.tenant.default) else {
            return Err(Ruling::Deny(Reason::SettingUnreadable));
        };
        self.basis.setting = Some(kind);
        self.basis.origin = Some(effective.origin);
        setting::permits(kind, effective, home, Step::Setting, self.access, self.rules, self.observer)
            .map_err(Ruling::Deny)
    }

    /// The home tenant's, where it is hosted here. Whatever it lacks, the reason is that the home blocks.
    fn other_side(&mut self, relation: Relation, home: TenantId) -> Result<(), Ruling<'s>> {
        const BLOCKED: Ruling<'static> = Ruling::Deny(Reason::HomeOutboundBlocked);
        let Some(owner) = self.snapshot.tenant(home) else { return Ok(()) };
        let local = self.tenant.id;
        let partner = owner.partners.get(local);
        let settings = partner.map(|partner| &partner.settings);
        let kind = match relation {
            Relation::ServiceProvider => {
                let blocks = |settings: &Settings| settings.block_service_provider_outbound == Some(true);
                let blocked = settings.is_some_and(blocks) || blocks(&owner.default);
                let allowed = if blocked { Err(Reason::HomeOutboundBlocked) } else { Ok(()) };
                return self.passed(
                    Step::OtherSide,
                    allowed,
                    &[("rule", &"blockServiceProviderOutboundAccess")],
                );
            }
            Relation::DirectConnect => SettingKind::DirectConnectOutbound,
            Relation::Collaboration | Relation::Internal | Relation::NonEntra => {
                SettingKind::CollaborationOutbound
            }
        };
        let cloud =
            cloud::permits(owner, local, partner.is_some(), relation, self.snapshot, self.access.identity);
        self.passed(Step::OtherSide, cloud, &[("rule", &"cloud")]).map_err(|_| BLOCKED)?;
        let effective = Effective::of(kind, settings, &owner.default).ok_or(BLOCKED)?;
        setting::permits(kind, effective, home, Step::OtherSide, self.access, self.rules, self.observer)
            .map_err(|_| BLOCKED)
    }

    fn requirements(&mut self, relation: Relation, partner: Option<&'s Partner>) -> Result<(), Ruling<'s>> {
        let (tenant, access, rules) = (self.tenant, self.access, self.rules);
        let evaluated =
            conditional::evaluate(Evidence { tenant, partner, relation, access, rules }, self.observer);
        self.observer.step(Step::Requirements, outcome(evaluated.is_ok()), &[]);
        evaluated
    }

    fn passed(
        &mut self,
        step: Step,
        result: Result<(), Reason>,
        detail: crate::engine::Detail<'_>,
    ) -> Result<(), Ruling<'s>> {
        self.observer.step(step, outcome(result.is_ok()), detail);
        result.map_err(Ruling::Deny)
    }
}

const fn outcome(passed: bool) -> Outcome {
    if passed { Outcome::Pass } else { Outcome::Stop }
}
