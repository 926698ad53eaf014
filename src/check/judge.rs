//! Everything about a check but its bytes and its token: route, header, decision.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::check::credentials;
use crate::check::decision::{Decision, DecisionId};
use crate::check::invitee;
use crate::check::reported::Reported;
use crate::check::request::{Body, Http, Request, Restrictions};
use crate::check::route::{RouteDefaults, RouteError};
use crate::engine::{
    Access, Action, Basis, Effect, HostClass, Hosts, Mode, Observer, Outcome, Reads, Reason, Resident,
    RestrictionsHeader, Route, Rules, Ruling, SignIn, Step, Unresolved, Verdict, Version, Wanted, decide,
    is_plain,
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
    /// `restrictions.sign_in_hosts` and `restrictions.resource_hosts`
    pub hosts: Hosts,
    /// `restrictions.version`
    pub restrictions_version: Version,
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
    /// Another credential than the one in `Authorization`, where there may be none.
    another_credential: bool,
}

impl Prepared<'_> {
    /// What the route protects.
    pub(in crate::check) fn mode(&self) -> Mode {
        self.route.mode
    }
}

/// What can be said before there is a caller.
#[derive(Debug)]
pub enum Preparation<'a> {
    /// Ask for the caller.
    Wanted(Prepared<'a>),
    /// Whoever signs in, that host is told of the policy.
    SignIn(Route, SignIn),
    /// Nothing depends on the caller.
    Decided(Verdict<'static>),
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
        let readable = match route.mode {
            Mode::TenantRestrictions => is_plain(http.host),
            Mode::Inbound | Mode::Outbound => http.method != b"CONNECT",
        };
        if !readable {
            return refused(Reason::RequestMalformed);
        }
        observer.step(Step::Route, Outcome::Pass, &[("mode", &route.mode.word()), ("tenant", &route.tenant)]);
        let body = http.body;
        match route.mode {
            Mode::Inbound => {
                let Ok(restrictions) = self.restrictions(http) else {
                    observer.step(Step::Header, Outcome::Stop, &[]);
                    return refused(Reason::RestrictionsHeaderInvalid);
                };
                Preparation::Wanted(Prepared { route, restrictions, body, another_credential: false })
            }
            Mode::Outbound => {
                Preparation::Wanted(Prepared { route, restrictions: None, body, another_credential: false })
            }
            Mode::TenantRestrictions => self.by_host(route, http, observer),
        }
    }

    /// Tenant restrictions: only resource hosts read a token, which must be the one credential that they get.
    fn by_host<'a>(&self, route: Route, http: &Http<'a>, observer: &mut impl Observer) -> Preparation<'a> {
        let class = self.config.hosts.class(http.host);
        observer.step(Step::Host, Outcome::Pass, &[("class", &class.word())]);
        if http.method == b"CONNECT" {
            return Preparation::Decided(class.tunnel(Basis::of_route(route)));
        }
        match class {
            HostClass::Unrestricted(host) => Preparation::Decided(host.verdict(Basis::of_route(route))),
            HostClass::SignIn(host) => Preparation::SignIn(route, host),
            HostClass::Resource(application) => Preparation::Wanted(Prepared {
                route: Route { application: route.application.or(Some(application)), ..route },
                restrictions: None,
                body: http.body,
                another_credential: credentials::beside_authorization(http),
            }),
        }
    }

    /// The decision with what is at hand, handed on while the policy that it was made on is still there.
    pub fn conclude<O: Observer + Reported, T>(
        &self,
        preparation: &Preparation<'_>,
        caller: Result<&Identity, TokenError>,
        observer: &mut O,
        render: impl FnOnce(&Decision<'_>) -> T,
    ) -> T {
        let attempted = self.attempt(preparation, caller, observer, render);
        attempted.unwrap_or_else(|(_, render)| self.give_up(preparation, caller, observer, render))
    }

    /// The same; or the record that it lacks, with nothing decided.
    pub fn attempt<O: Observer + Reported, T, R: FnOnce(&Decision<'_>) -> T>(
        &self,
        preparation: &Preparation<'_>,
        caller: Result<&Identity, TokenError>,
        observer: &mut O,
        render: R,
    ) -> Result<T, (Wanted, R)> {
        let snapshot = self.policy.borrow();
        let snapshot = snapshot.as_deref();
        let revision = snapshot.map(|snapshot| &snapshot.revision);
        let prepared = match preparation {
            Preparation::Wanted(prepared) => *prepared,
            Preparation::SignIn(route, host) => {
                let verdict = self.sign_in(*route, *host, snapshot, observer);
                return Ok(finish(&verdict, None, revision, observer, render));
            }
            Preparation::Decided(verdict) => {
                return Ok(finish(verdict, None, revision, observer, render));
            }
        };
        let Prepared { route, restrictions, body, .. } = prepared;
        let refused = |reason| Verdict::refused(reason, Basis::of_route(route));
        match (admitted(caller, prepared, observer), snapshot) {
            (Err(reason), _) => Ok(finish(&refused(reason), None, revision, observer, render)),
            (Ok(_), None) => Ok(finish(&refused(Reason::PolicyUnavailable), None, None, observer, render)),
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
                let rules = &self.config.rules;
                if !snapshot.has_shelves() {
                    let verdict = decide(snapshot, &Resident, rules, &access, observer);
                    return Ok(finish(&verdict, Some(identity), revision, observer, render));
                }
                let (revision, at) = snapshot.as_of(access.concerned());
                let reads = Reads::at(at);
                let verdict = decide(snapshot, &reads, rules, &access, observer);
                match reads.wanted() {
                    None => Ok(finish(&verdict, Some(identity), Some(revision), observer, render)),
                    Some(wanted) => Err((wanted, render)),
                }
            }
        }
    }

    /// The refusal of what was attempted in vain.
    pub fn give_up<O: Reported, T>(
        &self,
        preparation: &Preparation<'_>,
        caller: Result<&Identity, TokenError>,
        observer: &mut O,
        render: impl FnOnce(&Decision<'_>) -> T,
    ) -> T {
        let snapshot = self.policy.borrow();
        let revision = snapshot.as_deref().map(|snapshot| &snapshot.revision);
        let basis = match preparation {
            Preparation::Wanted(prepared) => Basis::of_route(prepared.route),
            Preparation::SignIn(route, _) => Basis::of_route(*route),
            Preparation::Decided(verdict) => verdict.basis,
        };
        let verdict = Verdict::refused(Reason::PartnerUnavailable, basis);
        finish(&verdict, caller.ok(), revision, observer, render)
    }

    fn sign_in<'s>(
        &self,
        route: Route,
        host: SignIn,
        snapshot: Option<&'s Snapshot>,
        observer: &mut impl Observer,
    ) -> Verdict<'s> {
        let version = self.config.restrictions_version;
        let verdict = match snapshot {
            Some(snapshot) => host.verdict(snapshot, route, version),
            None => Verdict::refused(Reason::PolicyUnavailable, Basis::of_route(route)),
        };
        if verdict.effect() != Effect::Allow {
            observer.step(Step::Host, Outcome::Stop, &[("policy_id", &"missing")]);
        }
        verdict
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

/// The caller, if it may be judged at all.
fn admitted<'i>(
    caller: Result<&'i Identity, TokenError>,
    prepared: Prepared<'_>,
    observer: &mut impl Observer,
) -> Result<&'i Identity, Reason> {
    let (mode, restricted) = (prepared.mode(), prepared.restrictions.is_some());
    let caller = match caller {
        Err(error @ (TokenError::Missing | TokenError::TooLarge)) => Err(error),
        Ok(_) | Err(_) if prepared.another_credential => Err(TokenError::Ambiguous),
        // A token for another audience is good, but not here; on its way out it is for somebody else's.
        Ok(identity) if mode == Mode::Inbound && !identity.audience.accepted => Err(TokenError::Audience),
        Ok(identity) => Ok(identity),
        Err(error) => Err(error),
    };
    match caller {
        Ok(identity) => {
            let outcome = if identity.proven { Outcome::Pass } else { Outcome::Skip };
            observer.step(Step::Verified, outcome, &[]);
            Ok(identity)
        }
        Err(TokenError::Missing) if restricted || mode == Mode::TenantRestrictions => {
            observer.step(if restricted { Step::Header } else { Step::Token }, Outcome::Stop, &[]);
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
