//! What a token proves, and whose word counts for it ("Authentication and Conditional Access for External ID").

use crate::engine::access::Access;
use crate::engine::reason::Reason;
use crate::engine::relation::Relation;
use crate::engine::rules::Rules;
use crate::engine::verdict::{Demand, Ruling};
use crate::policy::{Control, Partner, Tenant, TrustFlag};

/// The caller's token as evidence before one tenant.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Evidence<'s, 'a> {
    pub(in crate::engine) tenant: &'s Tenant,
    pub(in crate::engine) partner: Option<&'s Partner>,
    pub(in crate::engine) relation: Relation,
    pub(in crate::engine) access: &'s Access<'a>,
    pub(in crate::engine) rules: &'s Rules,
}

impl<'s> Evidence<'s, '_> {
    /// Whether the token proves the control.
    pub(in crate::engine) fn proves(self, control: Control) -> bool {
        let identity = self.access.identity;
        let contexts = self.rules.contexts(self.tenant, identity.tenant);
        let context = contexts.and_then(|contexts| contexts.of(control));
        let by_context =
            context.is_some_and(|context| identity.contexts.iter().any(|held| **held == *context));
        let by_claim = match control {
            Control::Mfa => identity.amr_mfa,
            Control::CompliantDevice => identity.device_compliant,
            Control::DomainJoinedDevice => identity.device_domain_joined,
        };
        let ours = identity.tenant == self.tenant.id;
        match self.relation {
            Relation::Internal => by_context || by_claim,
            // What our own STS decided counts, trust included; the bare claims are the home tenant's word.
            Relation::Collaboration | Relation::ServiceProvider | Relation::DirectConnect if ours => {
                by_context || by_claim && self.trusted(control)
            }
            Relation::Collaboration | Relation::ServiceProvider | Relation::DirectConnect => {
                (by_context || by_claim) && self.trusted(control)
            }
            Relation::NonEntra => ours && by_context,
            // Of egress, where nothing is required.
            Relation::OwnIdentity | Relation::ExternalIdentity => false,
        }
    }

    /// What becomes of a caller that does not prove the control.
    pub(in crate::engine) fn missing(self, control: Control) -> Ruling<'s> {
        let accepted = self.relation == Relation::Internal || self.trusted(control);
        let direct_connect = self.relation == Relation::DirectConnect;
        let reason = match control {
            Control::Mfa if accepted || !direct_connect => Reason::MfaRequired,
            Control::Mfa => return Ruling::Deny(Reason::MfaNotTrusted),
            Control::CompliantDevice if accepted => Reason::CompliantDeviceRequired,
            Control::DomainJoinedDevice if accepted => Reason::HybridDeviceRequired,
            // Only the home tenant manages the device: no token of ours could prove it.
            Control::CompliantDevice | Control::DomainJoinedDevice => {
                return Ruling::Deny(Reason::DeviceNotTrusted);
            }
        };
        let contexts = self.rules.contexts(self.tenant, self.tenant.id);
        match contexts.and_then(|contexts| contexts.of(control)) {
            Some(context) => {
                Ruling::challenge(reason, Demand::Context(context), self.tenant.id, self.access.identity)
            }
            None => Ruling::Deny(reason),
        }
    }

    /// `inboundTrust`, each field inherited by itself. Nobody speaks for callers from outside Entra.
    fn trusted(self, control: Control) -> bool {
        if self.relation == Relation::NonEntra {
            return false;
        }
        let flag = match control {
            Control::Mfa => TrustFlag::Mfa,
            Control::CompliantDevice => TrustFlag::CompliantDevice,
            Control::DomainJoinedDevice => TrustFlag::HybridJoinedDevice,
        };
        let partner = self.partner.and_then(|partner| partner.settings.trust(flag));
        partner.or_else(|| self.tenant.default.trust(flag)).unwrap_or(false)
    }
}
