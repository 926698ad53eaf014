//! The life of a check, from its frame to its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use crate::check::decision::{Decision, DecisionId};
use crate::check::request::{Http, Request, Restrictions};
use crate::check::response;
use crate::check::route::RouteDefaults;
use crate::check::tokens::{Place, Tokens};
use crate::engine::{
    Access, Basis, Mode, Observer, Outcome, Reason, RestrictionsHeader, Route, Rules, SignInHosts, Step,
    Verdict, decide, tunnel,
};
use crate::policy::{PrincipalMap, Revision, Snapshot};
use crate::store::{Reader, Status};
use crate::telemetry::{Metrics, unix_now};
use crate::token::{Credential, Identity};

/// What a gate decides by, apart from policy and tokens.
#[derive(Debug)]
pub struct GateConfig {
    /// Where a route names nothing.
    pub defaults: RouteDefaults,
    /// The configured choices.
    pub rules: Rules,
    /// `ingress.honor_tenant_restrictions_header`
    pub honor_restrictions_header: bool,
    /// `policy.max_staleness` in seconds; None for never.
    pub max_staleness: Option<i64>,
    /// `restrictions.sign_in_hosts`
    pub sign_in_hosts: SignInHosts,
    /// `limits.in_flight`
    pub in_flight: usize,
    /// `denial.contact`
    pub contact: Option<Box<str>>,
}

/// Answers checks.
#[derive(Debug)]
pub struct Gate {
    config: GateConfig,
    policy: Reader<Snapshot>,
    principals: Reader<PrincipalMap>,
    status: Arc<Status>,
    tokens: Tokens,
    metrics: Arc<Metrics>,
    in_flight: AtomicUsize,
}

impl Gate {
    /// A gate that decides on `policy` with `tokens`.
    pub fn new(
        config: GateConfig,
        policy: Reader<Snapshot>,
        principals: Reader<PrincipalMap>,
        status: Arc<Status>,
        tokens: Tokens,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { config, policy, principals, status, tokens, metrics, in_flight: AtomicUsize::new(0) }
    }

    /// The token side.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The policy side.
    pub fn policy(&self) -> &Reader<Snapshot> {
        &self.policy
    }

    /// Checks being answered.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Answers one frame with another. There is always an answer.
    pub async fn check(&self, frame: Bytes) -> Bytes {
        let started = tokio::time::Instant::now();
        let answer = match Place::take(&self.in_flight, self.config.in_flight) {
            Some(_place) => self.answer(&frame).await,
            None => self.refusal(Reason::Overloaded),
        };
        self.metrics.checked(answer.effect, answer.reason, started.elapsed());
        answer.frame
    }

    /// The answer to what could not be handled at all, such as a panic.
    pub fn internal_error(&self) -> Bytes {
        let answer = self.refusal(Reason::InternalError);
        self.metrics.checked(answer.effect, answer.reason, std::time::Duration::ZERO);
        answer.frame
    }

    fn refusal(&self, reason: Reason) -> response::Answer {
        let verdict = Verdict::refused(reason, Basis::of_mode(self.config.defaults.mode));
        let decision = Decision {
            verdict: &verdict,
            revision: None,
            id: DecisionId::next(),
            report_only: &[],
            identity: None,
        };
        response::render(&decision, None, self.config.contact.as_deref())
    }

    async fn answer(&self, frame: &Bytes) -> response::Answer {
        let Ok(request) = Request::read(frame) else { return self.refusal(Reason::RequestMalformed) };
        let mut report_only = Vec::new();
        self.judge(&request, unix_now(), &mut report_only, |decision| {
            response::render(decision, request.http.as_ref(), self.config.contact.as_deref())
        })
        .await
    }

    /// Decides a request and hands the decision on while the policy is still at hand.
    pub async fn judge<O: Observer + Reported, T>(
        &self,
        request: &Request<'_>,
        now: i64,
        observer: &mut O,
        render: impl FnOnce(&Decision<'_>) -> T,
    ) -> T {
        if let Some(verdict) = self.tunnel(request) {
            let snapshot = self.policy.borrow();
            let revision = snapshot.as_ref().map(|snapshot| &snapshot.revision);
            return Self::finish(&verdict, None, revision, observer, render);
        }
        let prepared = self.prepare(request, now, observer);
        let authenticated = match &prepared {
            // Await first, borrow after: nothing below this line may wait.
            Ok(prepared) => self.authenticate(request, prepared, now, observer).await,
            Err(_) => Err(Reason::InternalError),
        };
        let snapshot = self.policy.borrow();
        let revision = snapshot.as_ref().map(|snapshot| &snapshot.revision);
        let Prepared { route, restrictions } = match prepared {
            Ok(prepared) => prepared,
            Err((reason, basis)) => {
                return Self::finish(&Verdict::refused(reason, basis), None, revision, observer, render);
            }
        };
        match (authenticated, snapshot.as_deref()) {
            (Ok(verified), Some(snapshot)) => {
                let identity = verified.identity();
                self.decide(snapshot, route, restrictions, identity, observer, render)
            }
            (Err(reason), _) => Self::finish(
                &Verdict::refused(reason, Basis::of_route(route)),
                None,
                revision,
                observer,
                render,
            ),
            (Ok(_), None) => {
                let verdict = Verdict::refused(Reason::PolicyUnavailable, Basis::of_route(route));
                Self::finish(&verdict, None, revision, observer, render)
            }
        }
    }

    /// A tunnel under tenant restrictions is let through: what is inside is judged again.
    fn tunnel(&self, request: &Request<'_>) -> Option<Verdict<'static>> {
        let http =
            request.http.as_ref().filter(|http| http.method == b"CONNECT" && !http.host.contains(&b','))?;
        let route = self.config.defaults.read(&request.route, &self.config.rules.applications).ok()?;
        let known = route.mode == Mode::TenantRestrictions && self.hosts(route);
        known.then(|| tunnel(http.host, &self.config.sign_in_hosts, Basis::of_route(route)))
    }

    /// Decides for an identity that was made elsewhere, on the same walk.
    pub fn judge_identity<O: Observer + Reported, T>(
        &self,
        request: &Request<'_>,
        identity: &Identity,
        now: i64,
        observer: &mut O,
        render: impl FnOnce(&Decision<'_>) -> T,
    ) -> T {
        let prepared = self.prepare(request, now, observer);
        let snapshot = self.policy.borrow();
        match (prepared, snapshot.as_deref()) {
            (Ok(Prepared { route, restrictions }), Some(snapshot)) => {
                observer.step(Step::Verified, Outcome::Skip, &[("verified", &false)]);
                self.decide(snapshot, route, restrictions, identity, observer, render)
            }
            (Err((reason, basis)), _) => {
                Self::finish(&Verdict::refused(reason, basis), None, None, observer, render)
            }
            (Ok(prepared), None) => {
                let verdict = Verdict::refused(Reason::PolicyUnavailable, Basis::of_route(prepared.route));
                Self::finish(&verdict, None, None, observer, render)
            }
        }
    }

    fn decide<O: Observer + Reported, T>(
        &self,
        snapshot: &Snapshot,
        route: Route,
        restrictions: Option<RestrictionsHeader>,
        identity: &Identity,
        observer: &mut O,
        render: impl FnOnce(&Decision<'_>) -> T,
    ) -> T {
        let principals = self.principals.borrow();
        let principal =
            identity.object.and_then(|object| principals.as_deref()?.get(identity.tenant, object));
        let access = Access { route, identity, principal, restrictions };
        let verdict = decide(snapshot, &self.config.rules, &access, observer);
        Self::finish(&verdict, Some(identity), Some(&snapshot.revision), observer, render)
    }

    fn finish<O: Reported, T>(
        verdict: &Verdict<'_>,
        identity: Option<&Identity>,
        revision: Option<&Revision>,
        observer: &mut O,
        render: impl FnOnce(&Decision<'_>) -> T,
    ) -> T {
        if let crate::engine::Ruling::Allow(permit) = verdict.ruling
            && let Some((by, effect)) = permit.despite_outcome()
        {
            observer.reported(format!("{}:{}:{}", by.word(), effect.word(), permit.reason()));
        }
        let report_only = observer.outcomes();
        render(&Decision { verdict, revision, id: DecisionId::next(), report_only, identity })
    }

    /// Everything that is decided before there is a token.
    #[expect(clippy::result_large_err, reason = "a refusal is made once and moved once")]
    fn prepare(
        &self,
        request: &Request<'_>,
        now: i64,
        observer: &mut impl Observer,
    ) -> Result<Prepared, (Reason, Basis)> {
        let nowhere = Basis::of_mode(self.config.defaults.mode);
        let refused = |reason| (reason, nowhere);
        if !self.policy_is_fresh(now) {
            return Err(refused(Reason::PolicyUnavailable));
        }
        let route =
            self.config.defaults.read(&request.route, &self.config.rules.applications).map_err(|error| {
                observer.step(Step::Route, Outcome::Stop, &[("error", &error)]);
                refused(Reason::RouteInvalid)
            })?;
        let basis = Basis::of_route(route);
        let http = request.http.as_ref().ok_or((Reason::RequestMalformed, basis))?;
        // A doubled host names no one resource, and a tunnel has no place in front of one.
        let tunnel = http.method == b"CONNECT" && route.mode != Mode::TenantRestrictions;
        if tunnel || http.host.contains(&b',') {
            return Err((Reason::RequestMalformed, basis));
        }
        if route.mode != Mode::Inbound {
            observer.step(Step::Route, Outcome::Stop, &[("not built", &route.mode.word())]);
            return Err((Reason::RouteInvalid, basis));
        }
        if !self.hosts(route) {
            observer.step(Step::Route, Outcome::Stop, &[("hosted", &false)]);
            return Err((Reason::RouteInvalid, basis));
        }
        observer.step(Step::Route, Outcome::Pass, &[("mode", &route.mode.word()), ("tenant", &route.tenant)]);
        let restrictions = self.restrictions(http).map_err(|reason| {
            observer.step(Step::Header, Outcome::Stop, &[]);
            (reason, basis)
        })?;
        Ok(Prepared { route, restrictions })
    }

    fn policy_is_fresh(&self, now: i64) -> bool {
        let known = self.policy.borrow().is_some();
        known && self.config.max_staleness.is_none_or(|limit| self.status.age(now) <= limit)
    }

    fn hosts(&self, route: Route) -> bool {
        self.policy.borrow().as_deref().is_some_and(|snapshot| snapshot.tenant(route.tenant).is_some())
    }

    /// A header that restricts whoever sends it, token or not.
    fn restrictions(&self, http: &Http<'_>) -> Result<Option<RestrictionsHeader>, Reason> {
        if !self.config.honor_restrictions_header {
            return Ok(None);
        }
        let value = match http.restrictions {
            Restrictions::Absent => return Ok(None),
            Restrictions::One(value) => value,
            Restrictions::Several => return Err(Reason::RestrictionsHeaderInvalid),
        };
        RestrictionsHeader::parse(value).map(Some).map_err(|_| Reason::RestrictionsHeaderInvalid)
    }

    async fn authenticate(
        &self,
        request: &Request<'_>,
        prepared: &Prepared,
        now: i64,
        observer: &mut impl Observer,
    ) -> Result<Arc<crate::token::Verified>, Reason> {
        let credential = request.http.as_ref().map_or(Credential::Absent, |http| http.authorization);
        let verified = self.tokens.authenticate(credential, now).await.and_then(|verified| {
            // Asked in this mode only, and last: the token itself stays good.
            let ours = prepared.route.mode != Mode::Inbound || verified.identity().audience.accepted;
            if ours { Ok(verified) } else { Err(crate::token::TokenError::Audience) }
        });
        let step = if verified.as_ref().err() == Some(&crate::token::TokenError::Missing) {
            Step::Token
        } else {
            Step::Verified
        };
        match verified {
            Ok(verified) => {
                observer.step(step, Outcome::Pass, &[]);
                Ok(verified)
            }
            Err(crate::token::TokenError::Missing) if prepared.restrictions.is_some() => {
                observer.step(Step::Header, Outcome::Stop, &[]);
                Err(Reason::AnonymousBlocked)
            }
            Err(error) => {
                observer.step(step, Outcome::Stop, &[("error", &error)]);
                Err(error.into())
            }
        }
    }
}

struct Prepared {
    route: Route,
    restrictions: Option<RestrictionsHeader>,
}

/// An observer that keeps report-only outcomes.
pub trait Reported {
    /// One more.
    fn reported(&mut self, outcome: String);
    /// All of them.
    fn outcomes(&self) -> &[String];
}

impl Reported for Vec<String> {
    fn reported(&mut self, outcome: String) {
        self.insert(0, outcome);
    }

    fn outcomes(&self) -> &[String] {
        self
    }
}

impl Reported for crate::engine::Explanation {
    fn reported(&mut self, outcome: String) {
        self.report_only.insert(0, outcome);
    }

    fn outcomes(&self) -> &[String] {
        &self.report_only
    }
}
