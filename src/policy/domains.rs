//! External collaboration settings: which mail domains may be invited, and who may invite.

use crate::id::Domain;

/// `InvitationsAllowedAndBlockedDomainsPolicy`: exact domains; an allow list blocks all others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DomainLists {
    /// None where there is no allow list.
    pub allowed: Option<Box<[Domain]>>,
    /// Never invited.
    pub blocked: Box<[Domain]>,
}

impl DomainLists {
    /// Whether anything is decided by domain.
    pub fn exist(&self) -> bool {
        self.allowed.is_some() || !self.blocked.is_empty()
    }
}

/// `authorizationPolicy.allowInvitesFrom`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InvitesFrom {
    /// Nobody.
    Nobody,
    /// Administrators and guest inviters.
    #[default]
    AdminsAndGuestInviters,
    /// These and every member.
    AdminsGuestInvitersAndAllMembers,
    /// Everyone, guests included.
    Everyone,
}

impl InvitesFrom {
    /// Graph's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nobody => "none",
            Self::AdminsAndGuestInviters => "adminsAndGuestInviters",
            Self::AdminsGuestInvitersAndAllMembers => "adminsGuestInvitersAndAllMembers",
            Self::Everyone => "everyone",
        }
    }
}
