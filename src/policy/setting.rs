//! A setting and how it is inherited: partner over default over what Microsoft ships, half by half.

use std::sync::Arc;

use crate::policy::partner::{Settings, service_default};
use crate::policy::target::{Access, AppTargets, Half, UserTargets};

/// Which setting, by Graph's property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// `b2bCollaborationInbound`
    CollaborationInbound,
    /// `b2bCollaborationOutbound`
    CollaborationOutbound,
    /// `b2bDirectConnectInbound`
    DirectConnectInbound,
    /// `b2bDirectConnectOutbound`
    DirectConnectOutbound,
    /// `tenantRestrictions`
    TenantRestrictions,
}

impl SettingKind {
    /// Every kind, in the order in which [`Settings`] holds them.
    pub const ALL: [Self; 5] = [
        Self::CollaborationInbound,
        Self::CollaborationOutbound,
        Self::DirectConnectInbound,
        Self::DirectConnectOutbound,
        Self::TenantRestrictions,
    ];

    /// Graph's name of the property.
    pub const fn property(self) -> &'static str {
        match self {
            Self::CollaborationInbound => "b2bCollaborationInbound",
            Self::CollaborationOutbound => "b2bCollaborationOutbound",
            Self::DirectConnectInbound => "b2bDirectConnectInbound",
            Self::DirectConnectOutbound => "b2bDirectConnectOutbound",
            Self::TenantRestrictions => "tenantRestrictions",
        }
    }
}

/// One of Graph's `crossTenantAccessPolicyB2BSetting`s; a null half is inherited by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Setting {
    /// `usersAndGroups`
    pub users: Option<Half<UserTargets>>,
    /// `applications`
    pub applications: Option<Arc<Half<AppTargets>>>,
}

impl Setting {
    /// Whether the halves contradict each other ("Cross-tenant access overview": access for users and for
    /// applications must be consistent). Such a setting permits only what both halves permit.
    pub fn conflict(&self) -> Option<Conflict> {
        let (users, applications) = (self.users.as_ref()?, self.applications.as_ref()?);
        let blocks_all_applications = applications.access == Access::Blocked && applications.targets.all;
        if users.access == Access::Allowed && blocks_all_applications {
            return Some(Conflict::UsersAllowedApplicationsBlocked);
        }
        let blocks_all_users = users.access == Access::Blocked && users.targets.all;
        (blocks_all_users && !blocks_all_applications).then_some(Conflict::UsersBlockedApplicationsNot)
    }
}

/// How the halves of one setting contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Users are allowed, to no application.
    UsersAllowedApplicationsBlocked,
    /// All users are blocked, but not all applications.
    UsersBlockedApplicationsNot,
}

/// The object that a setting was found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// What Microsoft ships.
    ServiceDefault,
    /// The tenant's default configuration.
    Default,
    /// The record for the other tenant.
    Partner,
}

impl Origin {
    /// The word in a decision.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ServiceDefault => "service_default",
            Self::Default => "default",
            Self::Partner => "partner",
        }
    }
}

/// A setting with both halves found.
#[derive(Debug, Clone, Copy)]
pub struct Effective<'s> {
    /// Who.
    pub users: &'s Half<UserTargets>,
    /// What.
    pub applications: &'s Half<AppTargets>,
    /// The nearest object that either half came from.
    pub origin: Origin,
    /// Each half must permit by itself: they contradict each other or come from different objects.
    pub strict: bool,
}

impl<'s> Effective<'s> {
    /// Resolves inheritance along partner, default and service default, by reference. None cannot happen while the
    /// service default has both halves; it is for the caller to deny.
    pub fn of(kind: SettingKind, partner: Option<&'s Settings>, default: &'s Settings) -> Option<Self> {
        let chain = || {
            [
                (partner, Origin::Partner),
                (Some(default), Origin::Default),
                (Some(service_default()), Origin::ServiceDefault),
            ]
            .into_iter()
            .filter_map(move |(settings, origin)| Some((settings?.get(kind)?, origin)))
        };
        let (users_in, users_from) = chain().find(|(setting, _)| setting.users.is_some())?;
        let (applications_in, applications_from) =
            chain().find(|(setting, _)| setting.applications.is_some())?;
        Some(Self {
            users: users_in.users.as_ref()?,
            applications: applications_in.applications.as_ref()?,
            origin: users_from.max(applications_from),
            strict: users_from != applications_from || users_in.conflict().is_some(),
        })
    }

    /// Whether nobody is left out, and no application.
    pub fn permits_everything(&self) -> bool {
        let everyone = self.users.access == Access::Allowed && self.users.targets.all;
        let everything = self.applications.access == Access::Allowed && self.applications.targets.all;
        everyone && everything
    }
}
