//! Outbound: our users at another organisation's resource (semantics §8).

use crate::engine::observer::{Observer, Step};
use crate::engine::partners::Partners;
use crate::engine::reason::Reason;
use crate::engine::relation::{self, Relation};
use crate::engine::verdict::{Permit, Ruling};
use crate::engine::walk::Walk;
use crate::id::TenantId;
use crate::policy::SettingKind;

impl<'s, O: Observer, P: Partners> Walk<'s, '_, O, P> {
    pub(in crate::engine) fn outbound(&mut self) -> Result<Permit, Ruling<'s>> {
        let resource = self.access.resource_tenant();
        let relation = relation::outbound(self.tenant.id, resource, self.access.identity);
        let relation = self.related(relation)?;
        self.basis.partner = Some(resource).filter(|resource| *resource != self.tenant.id);
        self.revocation()?;
        let (ours, theirs) = match relation {
            Relation::Internal => return Ok(Permit::granted(Reason::Internal)),
            Relation::ExternalIdentity => return self.external(),
            Relation::ServiceProvider => return self.provide(resource),
            Relation::DirectConnect => {
                (SettingKind::DirectConnectOutbound, SettingKind::DirectConnectInbound)
            }
            Relation::Collaboration => {
                (SettingKind::CollaborationOutbound, SettingKind::CollaborationInbound)
            }
            // Of other modes.
            Relation::NonEntra | Relation::OwnIdentity => {
                return Err(Ruling::Deny(Reason::RelationUnknown));
            }
        };
        let partner = self.cloud(relation, resource)?;
        // Both sides list our users by their ids here: ours because it is ours, theirs because it is kept for us.
        let directory = self.tenant.id;
        self.setting(ours, directory, partner)?;
        if let Some(owner) = self.snapshot.tenant(resource) {
            self.other_side(owner, theirs, directory, relation, Reason::ResourceInboundBlocked)?;
        }
        Ok(Permit::granted(Reason::Permitted))
    }

    /// Administering another tenant has no setting with users and applications, only yes or no on each side.
    fn provide(&mut self, resource: TenantId) -> Result<Permit, Ruling<'s>> {
        self.cloud(Relation::ServiceProvider, resource)?;
        let blocked = self.blocks_providers(Step::Setting, self.tenant, resource)?;
        let ours = if blocked { Err(Reason::ServiceProviderOutboundBlocked) } else { Ok(()) };
        self.passed(Step::Setting, ours, &[("rule", &"blockServiceProviderOutboundAccess")])?;
        if let Some(owner) = self.snapshot.tenant(resource) {
            let listed = self.lists_provider(Step::OtherSide, owner, self.tenant.id)?;
            let theirs = if listed { Ok(()) } else { Err(Reason::ResourceInboundBlocked) };
            self.passed(Step::OtherSide, theirs, &[("rule", &"isServiceProvider")])?;
        }
        Ok(Permit::granted(Reason::Permitted))
    }
}
