//! The life of a check, from its frame to its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::check::decision::{Decision, DecisionId};
use crate::check::judge::{Judge, Preparation, Reported};
use crate::check::request::Request;
use crate::check::response::{self, Answer};
use crate::check::tokens::{Caller, Place, Tokens};
use crate::engine::{Observer, Reason};
use crate::telemetry::{Metrics, unix_now};
use crate::token::TokenError;

/// What answers depend on, apart from the decision.
#[derive(Debug)]
pub struct GateConfig {
    /// `limits.in_flight`
    pub in_flight: usize,
    /// `denial.contact`
    pub contact: Option<Box<str>>,
}

/// Answers checks.
#[derive(Debug)]
pub struct Gate {
    config: GateConfig,
    judge: Judge,
    tokens: Tokens,
    metrics: Arc<Metrics>,
    in_flight: AtomicUsize,
}

impl Gate {
    /// A gate that decides by `judge` for the callers that `tokens` knows.
    pub fn new(config: GateConfig, judge: Judge, tokens: Tokens, metrics: Arc<Metrics>) -> Self {
        Self { config, judge, tokens, metrics, in_flight: AtomicUsize::new(0) }
    }

    /// Who decides.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// Who knows the callers.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
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
            None => self.refuse(Reason::Overloaded),
        };
        self.metrics.checked(answer.effect, answer.reason, started.elapsed());
        answer.frame
    }

    /// The answer to what could not be handled at all, such as a panic.
    pub fn internal_error(&self) -> Bytes {
        let answer = self.refuse(Reason::InternalError);
        self.metrics.checked(answer.effect, answer.reason, Duration::ZERO);
        answer.frame
    }

    /// Decides one request at `now` (Unix seconds).
    pub async fn decide<O: Observer + Reported, T>(
        &self,
        request: &Request<'_>,
        now: i64,
        observer: &mut O,
        render: impl FnOnce(&Decision<'_>) -> T,
    ) -> T {
        let preparation = self.judge.prepare(request, now, observer);
        // Await first, borrow after: nothing below this line may wait.
        let caller = match preparation {
            Preparation::Wanted(prepared) => self.tokens.caller(request, prepared.mode(), now).await,
            Preparation::SignIn(..) | Preparation::Decided(_) => Err(TokenError::Missing),
        };
        let caller = caller.as_ref().map(Caller::identity).map_err(|error| *error);
        self.judge.conclude(&preparation, caller, observer, render)
    }

    async fn answer(&self, frame: &Bytes) -> Answer {
        let Ok(request) = Request::read(frame) else { return self.refuse(Reason::RequestMalformed) };
        let mut report_only = Vec::new();
        self.decide(&request, unix_now(), &mut report_only, |decision| {
            response::render(decision, request.http.as_ref(), self.config.contact.as_deref())
        })
        .await
    }

    fn refuse(&self, reason: Reason) -> Answer {
        let verdict = self.judge.refusal(reason);
        let id = DecisionId::next();
        let decision = Decision { verdict: &verdict, revision: None, id, report_only: &[], identity: None };
        response::render(&decision, None, self.config.contact.as_deref())
    }
}
