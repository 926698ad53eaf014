//! The last step: what the route's action asks of a caller that may come in (semantics §9). It is the same in every
//! mode; what differs is whose resource is reached.

use crate::engine::access::{Access, Action};
use crate::engine::observer::{Observer, Outcome, Step};
use crate::engine::reason::Reason;
use crate::engine::redemption::{self, Redemption};
use crate::engine::relation::Relation;
use crate::engine::rules::Rules;
use crate::engine::verdict::{Basis, Permit, Ruling};
use crate::engine::{domains, invitation, setting, sync};
use crate::id::TenantId;
use crate::policy::{Effective, SettingKind, Snapshot, Tenant};
use crate::token::Home;

/// An action whose caller was permitted access.
pub(in crate::engine) struct Deed<'s, 'o, O> {
    pub(in crate::engine) snapshot: &'s Snapshot,
    /// L
    pub(in crate::engine) tenant: &'s Tenant,
    /// R, the tenant whose resource is reached: L where it is protected.
    pub(in crate::engine) resource: TenantId,
    pub(in crate::engine) access: &'s Access<'s>,
    pub(in crate::engine) rules: &'s Rules,
    pub(in crate::engine) observer: &'o mut O,
    pub(in crate::engine) basis: &'o mut Basis,
}

impl<O: Observer> Deed<'_, '_, O> {
    /// The leave for the action, where access was `granted`.
    pub(in crate::engine) fn permit(mut self, granted: Permit) -> Result<Permit, Ruling<'static>> {
        match self.access.route.action {
            Action::Access => Ok(granted),
            Action::Invite => self.invite().map(|()| granted).map_err(Ruling::Deny),
            Action::Redeem => {
                self.redeem();
                Ok(granted)
            }
            Action::UserSync => {
                self.synchronise().map(|()| Permit::granted(Reason::Permitted)).map_err(Ruling::Deny)
            }
        }
    }

    /// Whether the caller may invite, and this invitee.
    fn invite(&mut self) -> Result<(), Reason> {
        let (tenant, access) = (self.tenant, self.access);
        let from = tenant.invites_from;
        if !invitation::may_invite(from, tenant.id, access.identity, self.basis.relation) {
            self.stop(&[("allow_invites_from", &from.word())]);
            return Err(Reason::InviterNotAllowed);
        }
        let domain = access.invitee.map_err(|unresolved| {
            self.stop(&[("invitee", &unresolved)]);
            Reason::InviteeUnresolved
        })?;
        domains::listed(&tenant.domains, domain).inspect_err(|_| self.stop(&[("rule", &"domain lists")]))?;
        if let Some(&invited) = tenant.domain_tenants.get(domain) {
            self.admit(invited)?;
        }
        self.pass(&[("allow_invites_from", &from.word())]);
        Ok(())
    }

    /// Whom nobody of whose organisation could ever be permitted is not worth inviting.
    fn admit(&mut self, invited: TenantId) -> Result<(), Reason> {
        const KIND: SettingKind = SettingKind::CollaborationInbound;
        let partner = self.tenant.partners.get(invited).map(|partner| &partner.settings);
        let effective =
            Effective::of(KIND, partner, &self.tenant.default).ok_or(Reason::SettingUnreadable)?;
        self.basis.partner = Some(invited);
        self.basis.setting = Some(KIND);
        self.basis.origin = Some(effective.origin);
        if setting::blocks_everyone(effective, self.rules) {
            self.stop(&[("invited", &invited), ("setting", &KIND.property())]);
            return Err(Reason::UsersAndApplicationsBlocked);
        }
        Ok(())
    }

    /// Nothing more is asked of who redeems; what they will see is told.
    fn redeem(&mut self) {
        let source = match self.access.identity.home {
            Home::Tenant(home) => Some(home),
            Home::NonEntra | Home::Unlisted => None,
        };
        let at_home = source == Some(self.resource);
        let relation = self.basis.relation.filter(|relation| *relation != Relation::Internal && !at_home);
        let Some(relation) = relation else {
            // Nobody comes from elsewhere.
            self.pass(&[]);
            return;
        };
        let automatic = source.is_some_and(|source| self.redeems_itself(source));
        let redemption = Redemption::of(automatic, relation);
        self.basis.redemption = Some(redemption);
        self.pass(&[("consent", &redemption.word())]);
    }

    /// Whether the caller may create the source's users, which the target alone decides.
    fn synchronise(&mut self) -> Result<(), Reason> {
        let source = sync::source(self.tenant.id, self.access).ok_or_else(|| {
            self.stop(&[("workload", &self.access.identity.workload)]);
            Reason::SyncCallerNotWorkload
        })?;
        self.basis.partner = Some(source);
        if !sync::is_allowed(self.snapshot, source, self.resource) {
            self.stop(&[("source", &source)]);
            return Err(Reason::SyncNotAllowed);
        }
        let redemption = Redemption::of_sync(self.redeems_itself(source));
        self.basis.redemption = Some(redemption);
        self.pass(&[("source", &source), ("consent", &redemption.word())]);
        Ok(())
    }

    fn redeems_itself(&self, source: TenantId) -> bool {
        redemption::is_automatic(self.tenant, source, self.resource, self.snapshot, self.rules, self.access)
    }

    fn pass(&mut self, detail: crate::engine::Detail<'_>) {
        self.observer.step(Step::Action, Outcome::Pass, detail);
    }

    fn stop(&mut self, detail: crate::engine::Detail<'_>) {
        self.observer.step(Step::Action, Outcome::Stop, detail);
    }
}
