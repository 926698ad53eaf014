//! The two halves of a setting, compiled: whom and what they list.

use crate::id::AppId;
use crate::policy::listed::Listed;

/// Graph's `accessType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// `allowed`: those listed.
    Allowed,
    /// `blocked`: all but those listed.
    Blocked,
    /// `unknownFutureValue` or anything newer: permits nobody.
    Unknown,
}

/// One half of a setting.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Half<T> {
    /// What being listed means.
    pub access: Access,
    /// What is listed.
    pub targets: T,
}

/// The users and groups that a half lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct UserTargets {
    /// `AllUsers`, or the read-only `AllGroups`.
    pub all: bool,
    /// By their ids.
    pub listed: Listed,
    /// Something of a `targetType` that we do not know.
    pub unknown: bool,
}

impl UserTargets {
    /// Whether somebody in particular is named.
    pub fn lists(&self) -> bool {
        !self.listed.is_empty()
    }

    /// Whether somebody is listed for certain.
    pub fn can_match(&self) -> bool {
        self.all || self.lists()
    }

    /// Whether somebody is not listed for certain.
    pub fn can_miss(&self) -> bool {
        !self.all && !self.unknown
    }
}

/// The applications that a half lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct AppTargets {
    /// `AllApplications`.
    pub all: bool,
    /// Named suites of Microsoft's.
    pub suites: Box<[Suite]>,
    /// Listed applications, sorted.
    pub ids: Box<[AppId]>,
    /// Something of a `targetType` that we do not know.
    pub unknown: bool,
}

impl AppTargets {
    /// Whether something is listed for certain.
    pub fn can_match(&self) -> bool {
        self.all || !self.suites.is_empty() || !self.ids.is_empty()
    }

    /// Whether something is not listed for certain.
    pub fn can_miss(&self) -> bool {
        !self.all && !self.unknown
    }
}

/// A named set of Microsoft's applications; who belongs is not part of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `Office365`
    Office365,
    /// `AllMicrosoftApps`
    AllMicrosoftApps,
}
