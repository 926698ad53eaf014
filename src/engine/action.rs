//! The last step: what the route's action asks of a caller that may come in (semantics §9). It is the same in every
//! mode; what differs is whose resource is reached.

use crate::engine::access::Action;
use crate::engine::observer::{Observer, Outcome, Step};
use crate::engine::partners::{Partners, Unread};
use crate::engine::reason::Reason;
use crate::engine::redemption::{self, Redemption};
use crate::engine::relation::Relation;
use crate::engine::verdict::{Permit, Ruling};
use crate::engine::walk::Walk;
use crate::engine::{domains, invitation, setting, sync};
use crate::id::TenantId;
use crate::policy::SettingKind;
use crate::token::Home;

impl<O: Observer, P: Partners> Walk<'_, '_, O, P> {
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
                self.redeem(resource)?;
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
        let partner = self.partner(Step::Action, self.tenant, invited)?;
        let effective = self.effective(KIND, partner).ok_or(Reason::SettingUnreadable)?;
        self.basis.partner = Some(invited);
        if setting::blocks_everyone(effective, self.rules) {
            self.stop(&[("invited", &invited), ("setting", &KIND.property())]);
            return Err(Reason::UsersAndApplicationsBlocked);
        }
        Ok(())
    }

    /// Nothing more is asked of who redeems; what they will see is told.
    fn redeem(&mut self, resource: TenantId) -> Result<(), Unread> {
        let source = match self.access.identity.home {
            Home::Tenant(home) => Some(home),
            Home::NonEntra | Home::Unlisted => None,
        };
        let at_home = source == Some(resource);
        let relation = self.basis.relation.filter(|relation| *relation != Relation::Internal && !at_home);
        let Some(relation) = relation else {
            // Nobody comes from elsewhere.
            self.pass(&[]);
            return Ok(());
        };
        let automatic = match source {
            Some(source) => self.redeems_itself(source, resource)?,
            None => false,
        };
        let redemption = Redemption::of(automatic, relation);
        self.basis.redemption = Some(redemption);
        self.pass(&[("consent", &redemption.word())]);
        Ok(())
    }

    /// Whether the caller may create the source's users, which the target alone decides.
    fn synchronise(&mut self, resource: TenantId) -> Result<(), Reason> {
        let source = sync::source(self.tenant.id, self.access).ok_or_else(|| {
            self.stop(&[("workload", &self.access.identity.workload)]);
            Reason::SyncCallerNotWorkload
        })?;
        self.basis.partner = Some(source);
        if !self.sync_is_allowed(source, resource)? {
            self.stop(&[("source", &source)]);
            return Err(Reason::SyncNotAllowed);
        }
        let redemption = Redemption::of_sync(self.redeems_itself(source, resource)?);
        self.basis.redemption = Some(redemption);
        self.pass(&[("source", &source), ("consent", &redemption.word())]);
        Ok(())
    }

    /// `identitySynchronization.userSyncInbound.isSyncAllowed` of the target's record for the source; it is not
    /// inherited.
    fn sync_is_allowed(&mut self, source: TenantId, target: TenantId) -> Result<bool, Unread> {
        let Some(target) = self.snapshot.tenant(target) else { return Ok(false) };
        let partner = self.partner(Step::Action, target, source)?;
        Ok(partner.is_some_and(|partner| partner.user_sync_allowed))
    }

    /// Whether users of `source` redeem invitations to `target` without a prompt, as far as L knows: the source's
    /// outbound and the target's inbound, and nothing else of the table. Nobody speaks for a tenant that is not hosted.
    fn redeems_itself(&mut self, source: TenantId, target: TenantId) -> Result<bool, Unread> {
        let (local, snapshot, access) = (self.tenant, self.snapshot, self.access);
        let (Some(from), Some(to)) = (snapshot.tenant(source), snapshot.tenant(target)) else {
            return Ok(false);
        };
        if !redemption::clouds_agree(local, from, to, snapshot, self.rules, access) {
            return Ok(false);
        }
        let outbound = from.consent(self.partner(Step::Action, from, target)?).outbound;
        if outbound != Some(true) {
            return Ok(false);
        }
        let inbound = to.consent(self.partner(Step::Action, to, source)?).inbound;
        Ok(inbound == Some(true))
    }

    fn pass(&mut self, detail: crate::engine::Detail<'_>) {
        self.observer.step(Step::Action, Outcome::Pass, detail);
    }

    fn stop(&mut self, detail: crate::engine::Detail<'_>) {
        self.observer.step(Step::Action, Outcome::Stop, detail);
    }
}
