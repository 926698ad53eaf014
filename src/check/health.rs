//! gRPC health (`grpc.health.v1`): serving once everything is known, and then until the end has come.
//!
//! tonic-health's own server keeps a watcher's stream open for ever, and a stop would wait for it in vain.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::watch;
use tonic::codegen::BoxStream;
use tonic::codegen::tokio_stream::Stream;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health as Api;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse as Told};

use crate::check::service::SERVICE;

/// What is told, to those who ask and to those who watch.
#[derive(Debug, Clone)]
pub struct Health {
    state: watch::Sender<State>,
}

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

    /// The end has come: watchers are told, and that was the last that they are told.
    pub fn stopping(&self) {
        self.state.send_replace(State::Stopping);
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
impl Api for Health {
    type WatchStream = BoxStream<Told>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<Told>, Status> {
        known(request.get_ref())?;
        Ok(Response::new(answer(*self.state.borrow())))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        known(request.get_ref())?;
        let mut state = self.state.subscribe();
        state.mark_changed();
        let watching = Watching { next: Some(Box::pin(next(state))) };
        Ok(Response::new(Box::pin(watching)))
    }
}

type Next = Pin<Box<dyn Future<Output = Option<(State, watch::Receiver<State>)>> + Send>>;

/// The present state, and each that follows, up to the last.
struct Watching {
    next: Option<Next>,
}

async fn next(mut state: watch::Receiver<State>) -> Option<(State, watch::Receiver<State>)> {
    state.changed().await.ok()?;
    let now = *state.borrow_and_update();
    Some((now, state))
}

impl Stream for Watching {
    type Item = Result<Told, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(waiting) = &mut self.next else { return Poll::Ready(None) };
        let Some((state, receiver)) = ready!(waiting.as_mut().poll(context)) else {
            self.next = None;
            return Poll::Ready(None);
        };
        self.next = match state {
            State::Waiting | State::Serving => Some(Box::pin(next(receiver))),
            State::Stopping => None,
        };
        Poll::Ready(Some(Ok(answer(state))))
    }
}
