//! The answer, with everything that an explanation needs.

use crate::engine::access::{Action, Mode, Route};
use crate::engine::reason::Reason;
use crate::engine::redemption::Redemption;
use crate::engine::relation::Relation;
use crate::engine::sign_in::Signal;
use crate::id::{AppId, Cloud, TenantId};
use crate::policy::{GuestAccess, Origin, SettingKind};

/// The leave to let a request by. Its fields are private: only a decision makes one.
#[derive(Debug, Clone, Copy)]
pub struct Permit {
    reason: Reason,
    reported: Option<Reported>,
}

#[derive(Debug, Clone, Copy)]
struct Reported {
    by: ReportedBy,
    effect: Effect,
}

/// Who said that a denial is only to be reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedBy {
    /// The config.
    Config,
    /// The route.
    Route,
}

impl ReportedBy {
    /// The word before a reported outcome.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Route => "route",
        }
    }
}

impl Permit {
    /// What every step of a decision agreed to.
    pub(in crate::engine) const fn granted(reason: Reason) -> Self {
        Self { reason, reported: None }
    }

    /// A denial that is only reported. Named for what it is, so that a review finds it.
    pub(in crate::engine) const fn despite(effect: Effect, reason: Reason, by: ReportedBy) -> Self {
        Self { reason, reported: Some(Reported { by, effect }) }
    }

    /// Why it was given, or what it was given despite.
    pub const fn reason(self) -> Reason {
        self.reason
    }

    /// The outcome that was overruled, and by whom.
    pub fn despite_outcome(self) -> Option<(ReportedBy, Effect)> {
        self.reported.map(|reported| (reported.by, reported.effect))
    }
}

/// What happens to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It goes on.
    Allow,
    /// It does not.
    Deny,
    /// It does not, but would with a better token.
    Challenge,
}

impl Effect {
    /// The word in a decision.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Challenge => "challenge",
        }
    }
}

/// What a better token must have ("Claims challenges, claims requests and client capabilities").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand<'s> {
    /// An authentication context.
    Context(&'s str),
    /// The tenant restrictions policy that it was issued under.
    RestrictionsPolicy,
    /// To be issued at this time (Unix seconds) or later.
    IssuedSince(i64),
}

/// The outcome proper.
#[derive(Debug, Clone, Copy)]
pub enum Ruling<'s> {
    /// Let by.
    Allow(Permit),
    /// Refused.
    Deny(Reason),
    /// Refused until the token has what is demanded.
    Challenge(Reason, Demand<'s>),
}

/// What the decision is about and what it read.
#[derive(Debug, Clone, Copy)]
pub struct Basis {
    /// The route's mode.
    pub mode: Mode,
    /// The route's action.
    pub action: Action,
    /// L; None where not even the route could be read.
    pub tenant: Option<TenantId>,
    /// L's cloud.
    pub cloud: Cloud,
    /// What the caller is to L.
    pub relation: Option<Relation>,
    /// P, the other tenant.
    pub partner: Option<TenantId>,
    /// The last of L's settings that was read.
    pub setting: Option<SettingKind>,
    /// Where that setting came from.
    pub origin: Option<Origin>,
    /// The resource's application.
    pub application: Option<AppId>,
    /// What guests may see of the directory, for a guest.
    pub guest_access: Option<GuestAccess>,
    /// What becomes of the invitation, where one is redeemed or synchronisation stands in for it.
    pub redemption: Option<Redemption>,
}

impl Basis {
    /// What is known before anything but the route was read.
    pub const fn of_route(route: Route) -> Self {
        Self {
            tenant: Some(route.tenant),
            action: route.action,
            application: route.application,
            ..Self::of_mode(route.mode)
        }
    }

    /// What is known before the route was read.
    pub const fn of_mode(mode: Mode) -> Self {
        Self {
            mode,
            action: Action::Access,
            tenant: None,
            cloud: Cloud::Commercial,
            relation: None,
            partner: None,
            setting: None,
            origin: None,
            application: None,
            guest_access: None,
            redemption: None,
        }
    }
}

/// What an allowed request is marked with on its way.
#[derive(Debug, Clone, Copy)]
pub enum Marking<'s> {
    /// Our own headers, for an upstream that relies on them.
    Ours,
    /// Nothing: its headers stay what they are.
    Untouched,
    /// Our own headers, and those that tell a sign-in host of the tenant restrictions.
    SignIn(Signal<'s>),
}

/// A decision.
#[derive(Debug, Clone, Copy)]
pub struct Verdict<'s> {
    /// The outcome.
    pub ruling: Ruling<'s>,
    /// What led to it.
    pub basis: Basis,
    /// What it is marked with, if it is allowed.
    pub marking: Marking<'s>,
}

impl Verdict<'_> {
    /// A refusal from outside the engine: of a route, a token, a fault of ours. Anyone may say no.
    pub const fn refused(reason: Reason, basis: Basis) -> Self {
        Self { ruling: Ruling::Deny(reason), basis, marking: Marking::Ours }
    }

    /// What happens to the request.
    pub const fn effect(&self) -> Effect {
        match self.ruling {
            Ruling::Allow(_) => Effect::Allow,
            Ruling::Deny(_) => Effect::Deny,
            Ruling::Challenge(..) => Effect::Challenge,
        }
    }

    /// Why.
    pub const fn reason(&self) -> Reason {
        match self.ruling {
            Ruling::Allow(permit) => permit.reason(),
            Ruling::Deny(reason) | Ruling::Challenge(reason, _) => reason,
        }
    }
}
