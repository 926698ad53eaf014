//! What of the configuration a decision depends on; fixed while the process runs.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::access::Route;
use crate::engine::verdict::ReportedBy;
use crate::id::{AppId, Applications, TenantId};
use crate::policy::{Contexts, Suite, Tenant};

/// The configured choices.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the configuration")]
pub struct Rules {
    /// `blocked_blocked: strict`
    pub blocked_blocked_strict: bool,
    /// `non_entra`
    pub non_entra: NonEntra,
    /// `tokens.groups_emitted`: a token without groups is of somebody without groups.
    pub groups_emitted: bool,
    /// `cross_cloud_redemption`: invitations may redeem themselves between clouds.
    pub cross_cloud_redemption: bool,
    /// `report_only`
    pub report_only: bool,
    /// `egress.evaluate_outbound`
    pub own_users: OwnUsers,
    /// `applications`
    pub applications: Arc<Applications>,
    /// `suites`
    pub suites: Suites,
    /// `authenticationContexts`
    pub contexts: Contexts,
    /// `partnerAuthenticationContexts`
    pub partner_contexts: HashMap<TenantId, Contexts>,
}

/// `non_entra`: what is asked of callers from outside Entra.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NonEntra {
    /// The domain lists.
    #[default]
    Domains,
    /// Nothing.
    Permit,
    /// None gets in.
    Deny,
}

/// `egress.evaluate_outbound`: what is asked of our own users where tenant restrictions hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OwnUsers {
    /// The outbound settings.
    #[default]
    Judged,
    /// Nothing.
    Unjudged,
}

/// Who belongs to Microsoft's named suites.
#[derive(Debug, Clone, Default)]
pub struct Suites {
    office365: Box<[AppId]>,
    all_microsoft: Box<[AppId]>,
}

/// Microsoft does not publish the membership through Graph; these are the well-known core of Office 365.
const OFFICE_365: [AppId; 6] = [
    AppId::from_u128(0x0000_0002_0000_0ff1_ce00_0000_0000_0000),
    AppId::from_u128(0x0000_0003_0000_0ff1_ce00_0000_0000_0000),
    AppId::from_u128(0x0000_0004_0000_0ff1_ce00_0000_0000_0000),
    AppId::from_u128(0x0000_0005_0000_0ff1_ce00_0000_0000_0000),
    AppId::from_u128(0x0000_0006_0000_0ff1_ce00_0000_0000_0000),
    AppId::from_u128(0xcc15_fd57_2c6c_4117_a88c_83b1_d56b_4bbe),
];
const GRAPH: AppId = AppId::from_u128(0x0000_0003_0000_0000_c000_0000_0000_0000);

impl Suites {
    /// The built-in members and the configured ones.
    pub fn new(office365: &[AppId], all_microsoft: &[AppId]) -> Self {
        let sorted = |mut members: Vec<AppId>| {
            members.sort_unstable();
            members.dedup();
            members.into_boxed_slice()
        };
        let office365: Vec<_> = OFFICE_365.iter().chain(office365).copied().collect();
        let all_microsoft = office365.iter().chain(all_microsoft).copied().chain([GRAPH]).collect();
        Self { office365: sorted(office365), all_microsoft: sorted(all_microsoft) }
    }
}

impl Rules {
    /// Who says that denials by policy are only to be reported; the route's word wins.
    pub(in crate::engine) fn reports_only(&self, route: Route) -> Option<ReportedBy> {
        match (route.report_only, self.report_only) {
            (Some(true), _) => Some(ReportedBy::Route),
            (None, true) => Some(ReportedBy::Config),
            (Some(false), _) | (None, false) => None,
        }
    }

    pub(in crate::engine) fn is_member(&self, suite: Suite, application: AppId) -> bool {
        let members = match suite {
            Suite::Office365 => &self.suites.office365,
            Suite::AllMicrosoftApps => &self.suites.all_microsoft,
        };
        members.binary_search(&application).is_ok()
    }

    /// The contexts that `issuer`'s tokens may use at `tenant`.
    pub(in crate::engine) fn contexts<'s>(
        &'s self,
        tenant: &'s Tenant,
        issuer: TenantId,
    ) -> Option<&'s Contexts> {
        if issuer == tenant.id {
            return Some(tenant.contexts.as_ref().unwrap_or(&self.contexts));
        }
        tenant.partner_contexts.as_ref().unwrap_or(&self.partner_contexts).get(&issuer)
    }
}
