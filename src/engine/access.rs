//! The question: who wants what, on which route.

use crate::engine::header::RestrictionsHeader;
use crate::engine::invitation::Unresolved;
use crate::id::{AppId, Domain, TenantId};
use crate::policy::Control;
use crate::token::{Home, Identity};

/// What the route protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Our resource, callers from anywhere.
    Inbound,
    /// Other organisations' resources, our callers.
    Outbound,
    /// Foreign accounts on our network.
    TenantRestrictions,
}

impl Mode {
    /// The word of route and config.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::TenantRestrictions => "tenant_restrictions",
        }
    }
}

/// What the route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Action {
    /// Use of a resource.
    #[default]
    Access,
    /// Inviting somebody from outside into the protected tenant.
    Invite,
    /// Accepting an invitation.
    Redeem,
    /// Creating the users of another tenant here.
    UserSync,
}

impl Action {
    /// The word of the route.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Invite => "invite",
            Self::Redeem => "redeem",
            Self::UserSync => "user_sync",
        }
    }
}

/// What Envoy's configuration says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// What it protects.
    pub mode: Mode,
    /// What it does.
    pub action: Action,
    /// L, the protected tenant.
    pub tenant: TenantId,
    /// The application behind it; under tenant restrictions, else the host's.
    pub application: Option<AppId>,
    /// The tenant that users are synchronised from.
    pub source_tenant: Option<TenantId>,
    /// R where it is not the tenant that issued the token.
    pub resource_tenant: Option<TenantId>,
    /// Controls that this route asks of everyone.
    pub require: Required,
    /// Overrides the config's `report_only`.
    pub report_only: Option<bool>,
}

/// A set of controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Required([Option<Control>; 3]);

impl Required {
    /// The set with one more.
    #[must_use]
    pub fn with(mut self, control: Control) -> Self {
        for (place, known) in self.0.iter_mut().zip(Control::ALL) {
            if known == control {
                *place = Some(control);
            }
        }
        self
    }

    /// In the order in which a missing one is named.
    pub fn iter(&self) -> impl Iterator<Item = Control> + '_ {
        self.0.iter().copied().flatten()
    }
}

/// One request to decide.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// Where.
    pub route: Route,
    /// Who.
    pub identity: &'a Identity,
    /// Who that is at home, by the principal map.
    pub principal: Option<&'a crate::policy::Principal>,
    /// A tenant-restrictions header, where it is honoured.
    pub restrictions: Option<RestrictionsHeader>,
    /// The mail domain of whom an invitation is for; read for [`Action::Invite`] alone.
    pub invitee: Result<&'a Domain, Unresolved>,
}

impl Access<'_> {
    /// Every tenant that the decision may be about.
    pub fn concerned(&self) -> impl Iterator<Item = TenantId> {
        let home = match self.identity.home {
            Home::Tenant(home) => Some(home),
            Home::NonEntra | Home::Unlisted => None,
        };
        let Route { tenant, source_tenant, resource_tenant, .. } = self.route;
        [Some(tenant), source_tenant, resource_tenant, Some(self.identity.tenant), home].into_iter().flatten()
    }

    /// R on the way out: the route's, else the tenant that issued the token.
    pub(in crate::engine) fn resource_tenant(&self) -> TenantId {
        self.route.resource_tenant.unwrap_or(self.identity.tenant)
    }

    /// The resource's application: the route's, else the token's audience.
    pub(in crate::engine) fn application(&self) -> Option<AppId> {
        self.route.application.or(self.identity.audience.application)
    }
}
