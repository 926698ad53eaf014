//! Conditional Access policies, in the part of Graph's `conditionalAccessPolicy` that can be enforced on a request.

use crate::id::{AppId, ObjectId, TenantId};

/// A policy that is not disabled and whose every condition is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionalPolicy {
    /// Graph's id, or the display name where a bundle has none.
    pub id: Box<str>,
    /// Whether it is enforced.
    pub state: PolicyState,
    /// The resources it is about.
    pub applications: AppCondition,
    /// The callers it is about.
    pub users: UserCondition,
    /// What it asks for.
    pub controls: Controls,
}

/// `state`, without `disabled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyState {
    /// `enabled`
    Enabled,
    /// `enabledForReportingButNotEnforced`
    ReportOnly,
}

/// A list of applications: `All`, `Office365` or ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppSet {
    /// `All`
    pub all: bool,
    /// `Office365`
    pub office365: bool,
    /// Sorted.
    pub ids: Box<[AppId]>,
}

/// `conditions.applications`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppCondition {
    /// `includeApplications`
    pub include: AppSet,
    /// `excludeApplications`
    pub exclude: AppSet,
}

/// One side of `conditions.users`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserSet {
    /// `All`
    pub all: bool,
    /// `GuestsOrExternalUsers`
    pub guests: bool,
    /// Sorted.
    pub users: Box<[ObjectId]>,
    /// Sorted.
    pub groups: Box<[ObjectId]>,
    /// `…GuestsOrExternalUsers` by type and tenant.
    pub external: Option<ExternalUsers>,
}

/// `conditions.users`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserCondition {
    /// Who is meant.
    pub include: UserSet,
    /// Who is not.
    pub exclude: UserSet,
}

/// `conditionalAccessGuestsOrExternalUsers`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalUsers {
    /// `guestOrExternalUserTypes`
    pub types: GuestTypes,
    /// `externalTenants`
    pub tenants: Tenants,
}

/// `externalTenants`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenants {
    /// Wherever they come from.
    All,
    /// From these, sorted.
    Only(Box<[TenantId]>),
}

/// `conditionalAccessGuestOrExternalUserTypes`, a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GuestTypes(u8);

impl GuestTypes {
    /// `internalGuest`
    pub const INTERNAL_GUEST: Self = Self(1);
    /// `b2bCollaborationGuest`
    pub const COLLABORATION_GUEST: Self = Self(2);
    /// `b2bCollaborationMember`
    pub const COLLABORATION_MEMBER: Self = Self(4);
    /// `b2bDirectConnectUser`
    pub const DIRECT_CONNECT_USER: Self = Self(8);
    /// `otherExternalUser`
    pub const OTHER_EXTERNAL_USER: Self = Self(16);
    /// `serviceProvider`
    pub const SERVICE_PROVIDER: Self = Self(32);

    /// Graph's words.
    pub(in crate::policy) const WORDS: [(&'static str, Self); 7] = [
        ("none", Self(0)),
        ("internalGuest", Self::INTERNAL_GUEST),
        ("b2bCollaborationGuest", Self::COLLABORATION_GUEST),
        ("b2bCollaborationMember", Self::COLLABORATION_MEMBER),
        ("b2bDirectConnectUser", Self::DIRECT_CONNECT_USER),
        ("otherExternalUser", Self::OTHER_EXTERNAL_USER),
        ("serviceProvider", Self::SERVICE_PROVIDER),
    ];

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in the set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// `grantControls`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Controls {
    /// `block`, alone.
    Block,
    /// What must be proved, in the order mfa, compliant device, hybrid joined device.
    Require(Operator, Box<[Control]>),
}

/// Whether every control or any one is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Every one.
    And,
    /// Any one.
    Or,
}

/// Something that a caller can prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Control {
    /// `mfa`
    Mfa,
    /// `compliantDevice`
    CompliantDevice,
    /// `domainJoinedDevice`: hybrid joined.
    DomainJoinedDevice,
}

impl Control {
    /// Every control, in the order in which a missing one is named.
    pub const ALL: [Self; 3] = [Self::Mfa, Self::CompliantDevice, Self::DomainJoinedDevice];

    /// Graph's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mfa => "mfa",
            Self::CompliantDevice => "compliantDevice",
            Self::DomainJoinedDevice => "domainJoinedDevice",
        }
    }
}
