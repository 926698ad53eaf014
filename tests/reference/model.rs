//! The reference model: one decision by semantics.md, read as naively as can be.
//!
//! It is written from the document alone and shares nothing with the engine. It looks everything
//! up in the JSON, each time anew; nothing is compiled, cached or fast.

use std::collections::BTreeMap;

use serde_json::Value;

use super::action::{self, Redemption};
use super::application::Applications;
use super::claims::Token;
use super::guid::Guid;
use super::inbound;
use super::issuer::Home;
use super::outbound;
use super::policy;
use super::relation::Relation;
use super::restrictions;
use super::route::Route;
use super::setting::Setting;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) config: &'a Value,
    pub(crate) bundle: &'a Value,
    /// Null, or an array of `{tenant, oid, homeTenant, homeOid, homeGroups}`.
    pub(crate) principal_map: &'a Value,
    /// `None`: no token at all. Else the claims of a token whose signature is fine, made by the
    /// issuer that matches `iss`.
    pub(crate) claims: Option<&'a Value>,
    pub(crate) route: &'a BTreeMap<String, String>,
    pub(crate) headers: &'a [(String, String)],
    /// The members of the body as they stand there, repeated ones too; `None`: none that is JSON.
    pub(crate) body: Option<&'a [(String, Value)]>,
    pub(crate) method: &'a str,
    /// As the client wrote it.
    pub(crate) host: &'a str,
    /// With its query.
    pub(crate) path: &'a str,
    pub(crate) now: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    /// `allow`, `deny` or `challenge`.
    pub(crate) effect: String,
    pub(crate) reason: String,
    pub(crate) relation: Option<String>,
    pub(crate) partner: Option<String>,
    pub(crate) setting: Option<String>,
    pub(crate) origin: Option<String>,
    pub(crate) report_only: Vec<String>,
    /// The resource's application; of a route that is invalid, nothing.
    pub(crate) application: Option<String>,
    pub(crate) guest_access: Option<String>,
    /// What is told of an invitation that is redeemed, or need not be.
    pub(crate) consent: Option<String>,
    pub(crate) invitation_email: Option<bool>,
    pub(crate) consent_prompt: Option<bool>,
    pub(crate) notification_email: Option<bool>,
    /// The claims that a challenge demands.
    pub(crate) demand: Option<String>,
    /// What an allowed request is marked with, beside our own headers; `untouched` has not even those.
    pub(crate) marks: Option<String>,
}

pub(crate) fn decide(request: &Request<'_>) -> Decision {
    judge(request, |route, trail| match (route.mode.as_str(), route.action.as_str()) {
        ("tenant_restrictions", "access") => restrictions::access(request, route, trail),
        _ if request.method == "CONNECT" => Err(Stop::deny("request_malformed")),
        ("inbound", "access") => inbound::access(request, route, trail),
        ("inbound", "invite") => action::invite(request, route, trail),
        ("inbound", "redeem") => action::redeem(request, route, trail),
        ("inbound", "user_sync") => action::user_sync(request, route, trail),
        ("outbound", "access") => outbound::access(request, route, trail),
        ("outbound", "redeem") => outbound::redeem(request, route, trail),
        (mode, action) => panic!("the reference model does not decide {action} in mode {mode}"),
    })
}

/// Why the walk stopped. By `?` a bare reason is a denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) effect: &'static str,
    pub(crate) reason: &'static str,
    /// The claims request of a challenge.
    pub(crate) demand: Option<String>,
}

/// What a decision says of the way to it.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    pub(crate) relation: Option<Relation>,
    pub(crate) partner: Option<Guid>,
    pub(crate) setting: Option<(&'static str, &'static str)>,
    pub(crate) report_only: Vec<String>,
    pub(crate) application: Option<Guid>,
    /// What a guest may see, once it is known to be one.
    pub(crate) guest_access: Option<&'static str>,
    pub(crate) redemption: Option<Redemption>,
    pub(crate) marks: Option<String>,
}

/// All that the steps after *verified* may look at.
pub(crate) struct Facts<'a> {
    pub(crate) config: &'a Value,
    pub(crate) bundle: &'a Value,
    pub(crate) principal_map: &'a Value,
    /// L's part of the bundle.
    pub(crate) local: &'a Value,
    pub(crate) route: &'a Route,
    pub(crate) token: &'a Token<'a>,
    pub(crate) applications: Applications,
}

/// Reads the route, walks, and says what came of it (§13).
pub(crate) fn judge(
    request: &Request<'_>,
    walk: impl FnOnce(&Route, &mut Trail) -> Result<&'static str, Stop>,
) -> Decision {
    let mut trail = Trail::default();
    let route = match Route::read(request) {
        Ok(route) => route,
        Err(stop) => return trail.conclude(stop.effect, stop.reason, stop.demand),
    };
    trail.application = route.application;
    if request.host.contains(',') {
        return trail.conclude("deny", "request_malformed", None);
    }
    match walk(&route, &mut trail) {
        Ok(reason) => trail.conclude("allow", reason, None),
        Err(Stop { effect, reason, demand }) => match route.report_only {
            Some(who) if stop_is_policy(reason) => {
                trail.report_only.push(format!("{who}:{effect}:{reason}"));
                trail.conclude("allow", reason, None)
            }
            _ => trail.conclude(effect, reason, demand),
        },
    }
}

/// What report-only may turn into an allow: never a failure of route, token, relation or
/// revocation, nor of three restrictions (§13).
fn stop_is_policy(reason: &str) -> bool {
    const FIRM: [&str; 9] = [
        "route_invalid",
        "request_malformed",
        "relation_unknown",
        "foreign_guest_token",
        "resource_tenant_mismatch",
        "session_revoked",
        "anonymous_blocked",
        "restrictions_header_invalid",
        "restrictions_policy_missing",
    ];
    !FIRM.contains(&reason) && !reason.starts_with("token_")
}

impl Stop {
    pub(crate) fn deny(reason: &'static str) -> Self {
        Self { effect: "deny", reason, demand: None }
    }

    /// `claim` is what the next access token must have.
    pub(crate) fn challenge(reason: &'static str, claim: &str) -> Self {
        let demand = Some(format!(r#"{{"access_token":{{{claim}}}}}"#));
        Self { effect: "challenge", reason, demand }
    }
}

impl From<&'static str> for Stop {
    fn from(reason: &'static str) -> Self {
        Self::deny(reason)
    }
}

impl Trail {
    /// The setting `name` that L keeps for `other`, remembered as the last one read.
    pub(crate) fn read<'a>(&mut self, local: &'a Value, other: Guid, name: &'static str) -> Setting<'a> {
        let setting = Setting::of(local, other, name);
        self.setting = Some((name, setting.origin().name()));
        setting
    }

    fn conclude(self, effect: &str, reason: &str, demand: Option<String>) -> Decision {
        let redemption = self.redemption.filter(|_| effect == "allow");
        Decision {
            effect: effect.to_owned(),
            reason: reason.to_owned(),
            relation: self.relation.map(|relation| relation.name().to_owned()),
            partner: self.partner.map(|partner| partner.to_string()),
            setting: self.setting.map(|(name, _)| name.to_owned()),
            origin: self.setting.map(|(_, origin)| origin.to_owned()),
            report_only: self.report_only,
            application: self.application.map(|id| id.to_string()),
            guest_access: self.guest_access.filter(|_| effect == "allow").map(str::to_owned),
            consent: redemption.map(|it| it.consent().to_owned()),
            invitation_email: redemption.and_then(Redemption::invitation_email),
            consent_prompt: redemption.and_then(Redemption::consent_prompt),
            notification_email: redemption.and_then(Redemption::notification_email),
            demand,
            marks: self.marks.filter(|_| effect == "allow"),
        }
    }
}

impl<'a> Facts<'a> {
    /// `application` is the route's or the restricted host's.
    pub(crate) fn new(
        request: &Request<'a>,
        route: &'a Route,
        token: &'a Token<'a>,
        application: Option<Guid>,
    ) -> Self {
        let clients = ["azp", "appid"].iter().filter(|name| token.has(name));
        Self {
            config: request.config,
            bundle: request.bundle,
            principal_map: request.principal_map,
            local: policy::tenant(request.bundle, route.tenant).unwrap_or(&Value::Null),
            route,
            token,
            applications: Applications {
                resource: application.or(token.audience),
                clients: clients.map(|name| token.id(name)).collect(),
            },
        }
    }

    /// H, where it is a tenant.
    pub(crate) fn home(&self) -> Option<Guid> {
        match self.token.home {
            Home::Tenant(home) => Some(home),
            Home::None | Home::Unknown => None,
        }
    }

    pub(crate) fn issued_by_local(&self) -> bool {
        self.token.tenant == self.route.tenant
    }

    /// A challenge under §7's conditions, but without a context; else the same as a denial.
    pub(crate) fn challenge_without_context(&self, reason: &'static str, claim: &str) -> Stop {
        if self.issued_by_local() && self.token.understands_challenges() {
            Stop::challenge(reason, claim)
        } else {
            Stop::deny(reason)
        }
    }
}
