//! Inbound: a caller from anywhere at a resource of ours (semantics §5).

use crate::engine::access::Action;
use crate::engine::evidence::Evidence;
use crate::engine::header::RestrictionsHeader;
use crate::engine::observer::{Observer, Outcome, Step};
use crate::engine::partners::Partners;
use crate::engine::reason::Reason;
use crate::engine::relation::{self, Relation};
use crate::engine::verdict::{Permit, Ruling};
use crate::engine::walk::{Walk, outcome};
use crate::engine::{conditional, domains};
use crate::id::TenantId;
use crate::policy::{Partner, SettingKind};
use crate::token::Home;

impl<'s, O: Observer, P: Partners> Walk<'s, '_, O, P> {
    pub(in crate::engine) fn inbound(&mut self) -> Result<Permit, Ruling<'s>> {
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
        let relation = self.related(relation::inbound(self.tenant.id, identity))?;
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
            // Of egress alone.
            (Relation::OwnIdentity | Relation::ExternalIdentity, Home::Tenant(_)) => {
                return Err(Ruling::Deny(Reason::RelationUnknown));
            }
        };
        let partner = self.cloud(relation, home)?;
        if self.access.route.action == Action::UserSync {
            // Synchronisation has a setting of its own, and the target's alone.
            self.observer.step(Step::Setting, Outcome::Skip, &[]);
            return Ok(partner);
        }
        match relation {
            Relation::ServiceProvider => {
                let listed = self.lists_provider(Step::Setting, self.tenant, home)?;
                let listed = if listed { Ok(()) } else { Err(Reason::ServiceProviderUnlisted) };
                self.passed(Step::Setting, listed, &[])?;
            }
            // The ids that ours lists are the home tenant's.
            Relation::DirectConnect => self.setting(SettingKind::DirectConnectInbound, home, partner)?,
            Relation::Collaboration
            | Relation::Internal
            | Relation::NonEntra
            | Relation::OwnIdentity
            | Relation::ExternalIdentity => {
                self.setting(SettingKind::CollaborationInbound, home, partner)?;
            }
        }
        self.home_side(relation, home)?;
        Ok(partner)
    }

    /// The home tenant's, where it is hosted here. Whatever it lacks, the reason is that the home blocks.
    fn home_side(&mut self, relation: Relation, home: TenantId) -> Result<(), Ruling<'s>> {
        let Some(owner) = self.snapshot.tenant(home) else { return Ok(()) };
        let kind = match relation {
            Relation::ServiceProvider => {
                let blocked = self.blocks_providers(Step::OtherSide, owner, self.tenant.id)?;
                let allowed = if blocked { Err(Reason::HomeOutboundBlocked) } else { Ok(()) };
                return self.passed(
                    Step::OtherSide,
                    allowed,
                    &[("rule", &"blockServiceProviderOutboundAccess")],
                );
            }
            Relation::DirectConnect => SettingKind::DirectConnectOutbound,
            Relation::Collaboration
            | Relation::Internal
            | Relation::NonEntra
            | Relation::OwnIdentity
            | Relation::ExternalIdentity => SettingKind::CollaborationOutbound,
        };
        self.other_side(owner, kind, home, relation, Reason::HomeOutboundBlocked)
    }

    fn requirements(&mut self, relation: Relation, partner: Option<&'s Partner>) -> Result<(), Ruling<'s>> {
        let (tenant, access, rules) = (self.tenant, self.access, self.rules);
        let evaluated =
            conditional::evaluate(Evidence { tenant, partner, relation, access, rules }, self.observer);
        self.observer.step(Step::Requirements, outcome(evaluated.is_ok()), &[]);
        evaluated
    }
}
