//! Tenant restrictions: accounts on our network, at resources of others (semantics §8; "Set up tenant restrictions
//! v2"). Independent of every inbound, outbound and trust setting.

use crate::engine::observer::{Observer, Step};
use crate::engine::partners::Partners;
use crate::engine::reason::Reason;
use crate::engine::relation::{self, Relation};
use crate::engine::rules::OwnUsers;
use crate::engine::verdict::{Permit, Ruling};
use crate::engine::walk::Walk;
use crate::id::{MSA, TenantId};
use crate::policy::SettingKind;
use crate::token::Home;

impl<'s, O: Observer, P: Partners> Walk<'s, '_, O, P> {
    pub(in crate::engine) fn restricted(&mut self) -> Result<Permit, Ruling<'s>> {
        let relation = relation::restricted(self.tenant.id, self.access.identity);
        let relation = self.related(relation)?;
        self.revocation()?;
        if relation == Relation::ExternalIdentity {
            return self.external();
        }
        // Our own users abroad are for the outbound settings to judge.
        let ours = self.access.identity.home == Home::Tenant(self.tenant.id);
        if ours && self.rules.own_users == OwnUsers::Judged {
            return self.outbound();
        }
        Ok(Permit::granted(Reason::RestrictionsNotApplicable))
    }

    /// Somebody else's account: the tenant that it is used in and the one where it is at home must both be open to it.
    /// Whoever has no home in Entra counts as a personal account.
    pub(in crate::engine) fn external(&mut self) -> Result<Permit, Ruling<'s>> {
        let identity = self.access.identity;
        self.open(identity.tenant)?;
        let home = match identity.home {
            Home::Tenant(home) => home,
            Home::NonEntra | Home::Unlisted => MSA,
        };
        if home != identity.tenant {
            self.open(home)?;
        }
        Ok(Permit::granted(Reason::Permitted))
    }

    /// The ids that are listed for a partner are the partner's own.
    fn open(&mut self, partner: TenantId) -> Result<(), Ruling<'s>> {
        self.basis.partner = Some(partner);
        let record = self.partner(Step::Setting, self.tenant, partner)?;
        self.setting(SettingKind::TenantRestrictions, partner, record)
    }
}
