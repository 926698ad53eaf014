//! The last step: what the route's action asks of a caller that may come in (semantics §9). It is the same in every
//! mode; what differs is whose resource is reached.

use crate::engine::access::Action;
use crate::engine::observer::{Observer, Outcome, Step};
use crate::engine::reason::Reason;
use crate::engine::redemption::{self, Redemption};
use crate::engine::relation::Relation;
use crate::engine::verdict::{Permit, Ruling};
use crate::engine::walk::Walk;
use crate::engine::{domains, invitation, setting, sync};
use crate::id::TenantId;
use crate::policy::SettingKind;
use crate::token::Home;

impl<O: Observer> Walk<'_, '_, O> {
    /// The leave for the action, where access was `granted` to a resource of R: of L, where that is protected.
    pub(in crate::engine) fn act(
        &mut self,
        granted: Permit,
        resource: TenantId,
    ) -> Result<Permit, Ruling<'static>> {
        match self.access.route.action {
            Action::Access => Ok(granted),
            Action::Invite => self.invite().map(|()| granted).map_err(Ruling::Deny),
            Action::Redeem => {
                self.redeem(resource);
                Ok(granted)
            }
            Action::UserSync => {
                self.synchronise(resource).map(|()| Permit::granted(Reason::Permitted)).map_err(Ruling::Deny)
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
        let partner = self.tenant.partners.get(invited);
        let effective = self.effective(KIND, partner).ok_or(Reason::SettingUnreadable)?;
        self.basis.partner = Some(invited);
        if setting::blocks_everyone(effective, self.rules) {
            self.stop(&[("invited", &invited), ("setting", &KIND.property())]);
            return Err(Reason::UsersAndApplicationsBlocked);
        }
        Ok(())
    }

    /// Nothing more is asked of who redeems; what they will see is told.
    fn redeem(&mut self, resource: TenantId) {
        let source = match self.access.identity.home {
            Home::Tenant(home) => Some(home),
            Home::NonEntra | Home::Unlisted => None,
        };
        let at_home = source == Some(resource);
        let relation = self.basis.relation.filter(|relation| *relation != Relation::Internal && !at_home);
        let Some(relation) = relation else {
            // Nobody comes from elsewhere.
            self.pass(&[]);
            return;
        };
        let automatic = source.is_some_and(|source| self.redeems_itself(source, resource));
        let redemption = Redemption::of(automatic, relation);
        self.basis.redemption = Some(redemption);
        self.pass(&[("consent", &redemption.word())]);
    }

    /// Whether the caller may create the source's users, which the target alone decides.
    fn synchronise(&mut self, resource: TenantId) -> Result<(), Reason> {
        let source = sync::source(self.tenant.id, self.access).ok_or_else(|| {
            self.stop(&[("workload", &self.access.identity.workload)]);
            Reason::SyncCallerNotWorkload
        })?;
        self.basis.partner = Some(source);
        if !sync::is_allowed(self.snapshot, source, resource) {
            self.stop(&[("source", &source)]);
            return Err(Reason::SyncNotAllowed);
        }
        let redemption = Redemption::of_sync(self.redeems_itself(source, resource));
        self.basis.redemption = Some(redemption);
        self.pass(&[("source", &source), ("consent", &redemption.word())]);
        Ok(())
    }

    fn redeems_itself(&self, source: TenantId, resource: TenantId) -> bool {
        redemption::is_automatic(self.tenant, source, resource, self.snapshot, self.rules, self.access)
    }

    fn pass(&mut self, detail: crate::engine::Detail<'_>) {
        self.observer.step(Step::Action, Outcome::Pass, detail);
    }

    fn stop(&mut self, detail: crate::engine::Detail<'_>) {
        self.observer.step(Step::Action, Outcome::Stop, detail);
    }
}
