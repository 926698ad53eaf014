//! gRPC health (`grpc.health.v1`): serving once everything is known, and then until the end has come.
//!
//! tonic-health's own server keeps a watcher's stream open for ever, and a stop would wait for it in vain.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tonic::codegen::BoxStream;
use tonic::codegen::tokio_stream::Stream;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health as Api;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse as Told};

use crate::check::service::SERVICE;
use crate::port::Stop;

/// What is told, to those who ask and to those who watch.
#[derive(Debug, Clone)]
pub struct Health {
    /// Each of its receivers is somebody who has yet to be told of the end.
    state: watch::Sender<State>,
}

/// Tells one connection.
#[derive(Debug)]
pub(in crate::check) struct Telling {
    state: watch::Sender<State>,
    /// Whoever has asked asks again.
    asks: Mutex<Option<watch::Receiver<State>>>,
    stop: Stop,
}

/// What Envoy's workers may need to hear of what its health check was told: it gathers such news for a second
/// (`update_merge_window`).
const HEARSAY: Duration = Duration::from_millis(1200);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Serving,
    Stopping,
}

impl Health {
    /// Not serving yet.
    pub fn new() -> Self {
        Self { state: watch::Sender::new(State::Waiting) }
    }

    /// Everything is known.
    pub fn serving(&self) {
        self.state.send_if_modified(|state| {
            let first = *state == State::Waiting;
            if first {
                *state = State::Serving;
            }
            first
        });
    }

    /// The end has come, and nobody else serves here: watchers are told, and that was the last that they are told. Waits
    /// until all who asked or watch know it, but no longer than `limit`; without any not at all.
    pub async fn farewell(&self, limit: Duration) {
        let asked = self.state.receiver_count() > 0;
        self.state.send_replace(State::Stopping);
        if asked {
            let told = async {
                self.state.closed().await;
                sleep(HEARSAY).await;
            };
            // Whoever does not ask again in time will find out.
            let _untold = timeout(limit, told).await;
        }
    }

    /// For one connection, which ends by `stop`.
    pub(in crate::check) fn telling(&self, stop: Stop) -> Telling {
        Telling { state: self.state.clone(), asks: Mutex::default(), stop }
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

fn answer(state: State) -> Told {
    let status = match state {
        State::Serving => ServingStatus::Serving,
        State::Waiting | State::Stopping => ServingStatus::NotServing,
    };
    Told { status: status.into() }
}

/// The empty name is the whole server's.
fn known(request: &HealthCheckRequest) -> Result<(), Status> {
    let known = ["", SERVICE].contains(&request.service.as_str());
    known.then_some(()).ok_or_else(|| Status::not_found("no such service"))
}

#[tonic::async_trait]
impl Api for Telling {
    type WatchStream = BoxStream<Told>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<Told>, Status> {
        known(request.get_ref())?;
        let state = *self.state.borrow();
        let asks = (state != State::Stopping).then(|| self.state.subscribe());
        *self.asks.lock().unwrap_or_else(PoisonError::into_inner) = asks;
        Ok(Response::new(answer(state)))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        known(request.get_ref())?;
        let mut state = self.state.subscribe();
        state.mark_changed();
        let watching = Watching { next: Some(Box::pin(next(state, self.stop.clone()))) };
        Ok(Response::new(Box::pin(watching)))
    }
}

type Next = Pin<Box<dyn Future<Output = Option<(State, watch::Receiver<State>, Stop)>> + Send>>;

/// The present state, and each that follows, up to the last, or to the connection's end.
struct Watching {
    next: Option<Next>,
}

async fn next(
    mut state: watch::Receiver<State>,
    mut stop: Stop,
) -> Option<(State, watch::Receiver<State>, Stop)> {
    tokio::select! {
        biased;
        changed = state.changed() => changed.ok()?,
        () = stop.called() => return None,
    }
    let now = *state.borrow_and_update();
    Some((now, state, stop))
}

impl Stream for Watching {
    type Item = Result<Told, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(waiting) = &mut self.next else { return Poll::Ready(None) };
        let Some((state, receiver, stop)) = ready!(waiting.as_mut().poll(context)) else {
            self.next = None;
            return Poll::Ready(None);
        };
        self.next = match state {
            State::Waiting | State::Serving => Some(Box::pin(next(receiver, stop))),
            State::Stopping => None,
        };
        Poll::Ready(Some(Ok(answer(state))))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(3);

    async fn ask(connection: &Telling) -> i32 {
        connection.check(Request::new(HealthCheckRequest::default())).await.unwrap().into_inner().status
    }

    fn serving() -> Health {
        let health = Health::new();
        health.serving();
        health
    }

    #[tokio::test(start_paused = true)]
    async fn a_farewell_waits_until_whoever_asked_has_asked_again() {
        let health = serving();
        let (_ending, stop) = Stop::new();
        let (ends, stays) = (health.telling(stop.clone()), health.telling(stop));
        assert_eq!((ask(&ends).await, ask(&stays).await, ask(&stays).await), (1, 1, 1));
        let began = Instant::now();
        let asks = async {
            sleep(Duration::from_secs(1)).await;
            drop(ends);
            sleep(Duration::from_secs(1)).await;
            assert_eq!(ask(&stays).await, 2);
        };
        tokio::join!(health.farewell(2 * LIMIT), asks);
        assert_eq!(began.elapsed(), Duration::from_secs(2) + HEARSAY);
    }

    #[tokio::test(start_paused = true)]
    async fn it_has_a_limit_and_nobody_is_not_waited_for() {
        let health = serving();
        let began = Instant::now();
        health.farewell(LIMIT).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        let health = serving();
        let (_ending, stop) = Stop::new();
        let silent = health.telling(stop);
        ask(&silent).await;
        health.farewell(LIMIT).await;
        assert_eq!(began.elapsed(), LIMIT);
    }
}
