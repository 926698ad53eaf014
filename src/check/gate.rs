//! The life of a check, from its frame to its answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::check::decision::{Decision, DecisionId};
use crate::check::grpc;
use crate::check::judge::{Judge, Preparation};
use crate::check::places::Places;
use crate::check::reported::Reported;
use crate::check::request::Request;
use crate::check::response::{self, Answer};
use crate::check::tokens::{Caller, Tokens};
use crate::engine::{Observer, Reason};
use crate::telemetry::{Metrics, unix_now};
use crate::token::{Identity, TokenError};

/// What answers depend on, apart from the decision.
#[derive(Debug)]
pub struct GateConfig {
    /// `limits.in_flight`
    pub in_flight: usize,
    /// `denial.contact`
    pub contact: Option<Box<str>>,
}

/// Decisions begun for one check. Each lacks at most one record of the few that a decision can take, unless the policy
/// changes meanwhile.
const ATTEMPTS: usize = 12;

/// Answers checks.
#[derive(Debug)]
pub struct Gate {
    config: GateConfig,
    judge: Judge,
    tokens: Tokens,
    metrics: Arc<Metrics>,
    in_flight: Places,
}

impl Gate {
    /// A gate that decides by `judge` for the callers that `tokens` knows.
    pub fn new(config: GateConfig, judge: Judge, tokens: Tokens, metrics: Arc<Metrics>) -> Self {
        let in_flight = Places::new(config.in_flight);
        Self { config, judge, tokens, metrics, in_flight }
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
        self.in_flight.taken()
    }

    /// Answers one message with another. There is always an answer.
    pub async fn check(&self, message: Bytes) -> Bytes {
        grpc::unsealed(self.frame(message).await)
    }

    /// The same as a frame of gRPC.
    pub(in crate::check) async fn frame(&self, message: Bytes) -> Bytes {
        let started = tokio::time::Instant::now();
        let answer = match self.in_flight.take() {
            Some(_place) => self.answer(&message).await,
            None => self.refuse(Reason::Overloaded),
        };
        self.metrics.checked(answer.effect, answer.reason, started.elapsed());
        answer.frame
    }

    /// The answer to what never got as far as a decision, as a frame of gRPC.
    pub fn refused(&self, reason: Reason) -> Bytes {
        let answer = self.refuse(reason);
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
        self.conclude(&preparation, caller, observer, render).await
    }

    /// Decides for a caller that is known, and fetches what a decision lacks.
    pub async fn conclude<O: Observer + Reported, T>(
        &self,
        preparation: &Preparation<'_>,
        caller: Result<&Identity, TokenError>,
        observer: &mut O,
        render: impl FnOnce(&Decision<'_>) -> T,
    ) -> T {
        let heard = observer.heard();
        let mut render = render;
        for _ in 0..ATTEMPTS {
            match self.judge.attempt(preparation, caller, observer, render) {
                Ok(answer) => return answer,
                Err((wanted, unused)) => {
                    render = unused;
                    observer.forget_since(heard);
                    // Apart, so that whoever's partner is at hand carries nothing of it.
                    if !Box::pin(wanted.fetch()).await {
                        break;
                    }
                }
            }
        }
        self.judge.give_up(preparation, caller, observer, render)
    }

    async fn answer(&self, message: &[u8]) -> Answer {
        let Ok(request) = Request::read(message) else { return self.refuse(Reason::RequestMalformed) };
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
