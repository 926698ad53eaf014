//! Everything about a check but its bytes and its token: route, header, decision.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::check::decision::{Decision, DecisionId};
use crate::check::invitee;
use crate::check::request::{Body, Http, Request, Restrictions};
use crate::check::route::{RouteDefaults, RouteError};
use crate::engine::{
    Access, Action, Basis, Explanation, Mode, Observer, Outcome, Reason, RestrictionsHeader, Route, Rules,
    Ruling, SignInHosts, Step, Unresolved, Verdict, decide, tunnel,
};
use crate::policy::{PrincipalMap, Revision, Snapshot};
use crate::store::{Reader, Status};
use crate::token::{Identity, TokenError};

/// What is decided by, apart from policy and tokens.
#[derive(Debug)]
pub struct JudgeConfig {
    /// Where a route names nothing.
    pub defaults: RouteDefaults,
    /// The configured choices.
    pub rules: Rules,
    /// `ingress.honor_tenant_restrictions_header`
    pub honor_restrictions_header: bool,
    /// `policy.max_staleness`; None for never.
    pub max_staleness: Option<Duration>,
    /// `restrictions.sign_in_hosts`
    pub sign_in_hosts: SignInHosts,
}

/// Decides requests on the present policy.
#[derive(Debug)]
pub struct Judge {
    config: JudgeConfig,
    policy: Reader<Snapshot>,
    principals: Reader<PrincipalMap>,
    status: Arc<Status>,
    /// Unix seconds when the log last told of an invalid route.
    told_of_route: AtomicI64,
}

/// A request whose route is good; what it still needs is a caller.
#[derive(Debug, Clone, Copy)]
pub struct Prepared<'a> {
    route: Route,
    restrictions: Option<RestrictionsHeader>,
    body: Body<'a>,
}

/// What can be said before there is a caller.
#[derive(Debug)]
pub enum Preparation<'a> {
    /// Ask for the caller.
    Wanted(Prepared<'a>),
    /// Nothing depends on the caller.
    Decided(Verdict<'static>),
}

/// An observer that keeps report-only outcomes.
pub trait Reported {
    /// The one that let the request by.
    fn reported(&mut self, outcome: String);
    /// All of them.
    fn outcomes(&self) -> &[String];
}

impl Judge {
    /// Decides on `policy`, whose source's state is `status`.
    pub fn new(
        config: JudgeConfig,
        policy: Reader<Snapshot>,
        principals: Reader<PrincipalMap>,
        status: Arc<Status>,
    ) -> Self {
        Self { config, policy, principals, status, told_of_route: AtomicI64::new(0) }
    }

    /// The present policy.
    pub fn policy(&self) -> &Reader<Snapshot> {
        &self.policy
    }

    /// The refusal of what could not even be read.
    pub fn refusal(&self, reason: Reason) -> Verdict<'static> {
        Verdict::refused(reason, Basis::of_mode(self.config.defaults.mode))
    }

    /// Everything that comes before the caller.
    pub fn prepare<'a>(
        &self,
        request: &Request<'a>,
        now: i64,
        observer: &mut impl Observer,
    ) -> Preparation<'a> {
        if !self.policy_is_fresh(now) {
            return Preparation::Decided(self.refusal(Reason::PolicyUnavailable));
        }
        let route = match self.config.defaults.read(&request.route, &self.config.rules.applications) {
            Ok(route) => route,
            Err(error) => {
                observer.step(Step::Route, Outcome::Stop, &[("error", &error)]);
                self.tell_of(&error, now);
                return Preparation::Decided(self.refusal(Reason::RouteInvalid));
            }
        };
        let refused = |reason| Preparation::Decided(Verdict::refused(reason, Basis::of_route(route)));
        if !self.hosts(route) {
            observer.step(Step::Route, Outcome::Stop, &[("hosted", &false)]);
            return refused(Reason::RouteInvalid);
        }
        // A doubled host names no one resource.
        let Some(http) = request.http.as_ref().filter(|http| !http.host.contains(&b',')) else {
            return refused(Reason::RequestMalformed);
        };
        match (route.mode, http.method) {
            (Mode::TenantRestrictions, b"CONNECT") => {
                let verdict = tunnel(http.host, &self.config.sign_in_hosts, Basis::of_route(route));
                return Preparation::Decided(verdict);
            }
            (_, b"CONNECT") => return refused(Reason::RequestMalformed),
            (Mode::Outbound | Mode::TenantRestrictions, _) => {
                observer.step(Step::Route, Outcome::Stop, &[("not built", &route.mode.word())]);
                return refused(Reason::RouteInvalid);
            }
            (Mode::Inbound, _) => {}
        }
        observer.step(Step::Route, Outcome::Pass, &[("mode", &route.mode.word()), ("tenant", &route.tenant)]);
        let Ok(restrictions) = self.restrictions(http) else {
            observer.step(Step::Header, Outcome::Stop, &[]);
            return refused(Reason::RestrictionsHeaderInvalid);
        };
        Preparation::Wanted(Prepared { route, restrictions, body: http.body })
    }

    /// The decision, handed on while the policy that it was made on is still at hand.
    pub fn conclude<O: Observer + Reported, T>(
        &self,
        preparation: &Preparation<'_>,
        caller: Result<&Identity, TokenError>,
        observer: &mut O,
        render: impl FnOnce(&Decision<'_>) -> T,
    ) -> T {
        let snapshot = self.policy.borrow();
        let snapshot = snapshot.as_deref();
        let revision = snapshot.map(|snapshot| &snapshot.revision);
        let Prepared { route, restrictions, body } = match preparation {
            Preparation::Wanted(prepared) => *prepared,
            Preparation::Decided(verdict) => return finish(verdict, None, revision, observer, render),
        };
        let refused = |reason| Verdict::refused(reason, Basis::of_route(route));
        match (admitted(caller, restrictions, observer), snapshot) {
            (Err(reason), _) => finish(&refused(reason), None, revision, observer, render),
            (Ok(_), None) => finish(&refused(Reason::PolicyUnavailable), None, None, observer, render),
            (Ok(identity), Some(snapshot)) => {
                let principals = self.principals.borrow();
                let home = |object| principals.as_deref()?.get(identity.tenant, object);
                // Whoever may not be judged has nothing read.
                let invitee = match route.action {
                    Action::Invite => invitee::domain(body),
                    Action::Access | Action::Redeem | Action::UserSync => Err(Unresolved::NoBody),
                };
                let access = Access {
                    route,
                    identity,
                    principal: identity.object.and_then(home),
                    restrictions,
                    invitee: invitee.as_ref().map_err(|unresolved| *unresolved),
                };
                let verdict = decide(snapshot, &self.config.rules, &access, observer);
                finish(&verdict, Some(identity), revision, observer, render)
            }
        }
    }

    /// A route comes from Envoy's configuration, never from a client, and whoever wrote it reads the log: once in a
    /// while, for each of its requests fails.
    fn tell_of(&self, error: &RouteError, now: i64) {
        const EVERY: i64 = 10;
        let told = self.told_of_route.load(Ordering::Relaxed);
        let due = now.saturating_sub(told) >= EVERY;
        if due && self.told_of_route.compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            tracing::warn!("a route in Envoy's context_extensions is invalid: {error}");
        }
    }

    fn policy_is_fresh(&self, now: i64) -> bool {
        let known = self.policy.borrow().is_some();
        let age = Duration::from_secs(self.status.age(now).unsigned_abs());
        known && self.config.max_staleness.is_none_or(|limit| age <= limit)
    }

    fn hosts(&self, route: Route) -> bool {
        self.policy.borrow().as_deref().is_some_and(|snapshot| snapshot.tenant(route.tenant).is_some())
    }

    /// A header that restricts whoever sends it, token or not.
    fn restrictions(&self, http: &Http<'_>) -> Result<Option<RestrictionsHeader>, crate::engine::BadHeader> {
        match http.restrictions {
            _ if !self.config.honor_restrictions_header => Ok(None),
            Restrictions::Absent => Ok(None),
            Restrictions::One(value) => RestrictionsHeader::parse(value).map(Some),
            Restrictions::Several => Err(crate::engine::BadHeader),
        }
    }
}

/// The caller, if it may be judged at all. A token for another audience is good, but not here.
fn admitted<'i>(
    caller: Result<&'i Identity, TokenError>,
    restrictions: Option<RestrictionsHeader>,
    observer: &mut impl Observer,
) -> Result<&'i Identity, Reason> {
    let caller =
        caller.and_then(
            |identity| {
                if identity.audience.accepted { Ok(identity) } else { Err(TokenError::Audience) }
            },
        );
    match caller {
        Ok(identity) => {
            observer.step(Step::Verified, Outcome::Pass, &[]);
            Ok(identity)
        }
        Err(TokenError::Missing) if restrictions.is_some() => {
            observer.step(Step::Header, Outcome::Stop, &[]);
            Err(Reason::AnonymousBlocked)
        }
        Err(error) => {
            let step = if error == TokenError::Missing { Step::Token } else { Step::Verified };
            observer.step(step, Outcome::Stop, &[("error", &error)]);
            Err(error.into())
        }
    }
}

fn finish<O: Reported, T>(
    verdict: &Verdict<'_>,
    identity: Option<&Identity>,
    revision: Option<&Revision>,
    observer: &mut O,
    render: impl FnOnce(&Decision<'_>) -> T,
) -> T {
    if let Ruling::Allow(permit) = verdict.ruling
        && let Some((by, effect)) = permit.despite_outcome()
    {
        observer.reported(format!("{}:{}:{}", by.word(), effect.word(), permit.reason()));
    }
    render(&Decision {
        verdict,
        revision,
        id: DecisionId::next(),
        report_only: observer.outcomes(),
        identity,
    })
}

impl Reported for Vec<String> {
    fn reported(&mut self, outcome: String) {
        self.push(outcome);
    }

    fn outcomes(&self) -> &[String] {
        self
    }
}

impl Reported for Explanation {
    fn reported(&mut self, outcome: String) {
        self.report_only.push(outcome);
    }

    fn outcomes(&self) -> &[String] {
        &self.report_only
    }
}
