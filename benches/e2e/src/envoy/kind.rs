//! What is compared: everything that can stand between a client and its upstream here.

use crate::request::{Code, Request};

/// What Envoy asks before it forwards a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nobody: what the others are held against.
    NoFilter,
    /// The real tenantgate.
    Tenantgate,
    /// A service that allows everything without looking.
    DoNothing,
    /// Itself, the token by `jwt_authn` and the partner by a tree of matchers.
    MatcherTree,
    /// Itself, the token by `jwt_authn` and the partner by a list of policies, one after the other.
    PolicyList,
    /// Cerbos, behind a service that asks it.
    Cerbos,
    /// OPA with its plugin for Envoy.
    Opa,
}

impl Kind {
    /// In the order of tables.
    pub(crate) const ALL: [Self; 7] = [
        Self::NoFilter,
        Self::Tenantgate,
        Self::DoNothing,
        Self::MatcherTree,
        Self::PolicyList,
        Self::Cerbos,
        Self::Opa,
    ];

    /// In a configuration.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NoFilter => "no-filter",
            Self::Tenantgate => "tenantgate",
            Self::DoNothing => "do-nothing",
            Self::MatcherTree => "matcher-tree",
            Self::PolicyList => "policy-list",
            Self::Cerbos => "cerbos",
            Self::Opa => "opa",
        }
    }

    /// For people.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::NoFilter => "no filter",
            Self::Tenantgate => "tenantgate",
            Self::DoNothing => "do-nothing service",
            Self::MatcherTree => "jwt_authn + RBAC, tree",
            Self::PolicyList => "jwt_authn + RBAC, list",
            Self::Cerbos => "Cerbos, by an adapter",
            Self::Opa => "OPA-Envoy",
        }
    }

    /// The status that the client must be answered with.
    pub(crate) fn expects(self, request: &Request) -> u16 {
        let looks = !matches!(self, Self::NoFilter | Self::DoNothing);
        if looks && request.expected != Code::OK { 403 } else { 200 }
    }
}
