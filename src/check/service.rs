//! The gRPC services of the check port: authorization and health.

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::time::{Instant, timeout, timeout_at};
use tonic::Status;
use tonic::server::NamedService;
use tonic_health::pb::health_server::HealthServer;
use tower_service::Service as _;

use crate::check::calls::{Calls, TooMany};
use crate::check::gate::Gate;
use crate::check::grpc::{self, Reply};
use crate::check::health::{Health, Telling};
use crate::check::inbox::{Inbox, Unread};
use crate::check::stream::Incoming;
use crate::engine::Reason;
use crate::port::Stop;

/// Envoy's name of the service, for which health is told too.
pub const SERVICE: &str = "envoy.service.auth.v3.Authorization";
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// Whoever sets no deadline has this one; Envoy sets its own (200 ms by default).
const PATIENCE: Duration = Duration::from_secs(10);
/// What an answer may need on its way; a later one would find that nobody waits.
const WAY: Duration = Duration::from_millis(20);

/// Both services behind one port.
#[derive(Debug, Clone)]
pub struct Services {
    gate: Arc<Gate>,
    inbox: Arc<Inbox>,
    health: Health,
    calls: Calls,
}

/// The same on one connection.
#[derive(Debug)]
pub(in crate::check) struct Connected {
    gate: Arc<Gate>,
    inbox: Arc<Inbox>,
    health: HealthServer<Telling>,
    calls: Calls,
    stop: Stop,
}

/// A question for health is the name of a service.
const MAX_QUESTION: usize = 1024;

impl Services {
    /// Checks by `gate`, health by `health`; messages up to `max_message` bytes.
    pub fn new(gate: Arc<Gate>, health: Health, max_message: usize) -> Self {
        Self { gate, inbox: Arc::new(Inbox::new(max_message)), health, calls: Calls::default() }
    }

    /// For a connection that ends by `stop`.
    pub(in crate::check) fn connected(self, stop: Stop) -> Connected {
        let Self { gate, inbox, health, calls } = self;
        let health = HealthServer::new(health.telling(stop.clone())).max_decoding_message_size(MAX_QUESTION);
        Connected { gate, inbox, health, calls: calls.of_another(), stop }
    }
}

impl Connected {
    /// Answers a call. One that there is no room for is reset: an answer would wait with all the others.
    pub(in crate::check) async fn call(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Reply>, TooMany> {
        let call = self.calls.begin()?;
        let path = request.uri().path();
        if path == CHECK {
            let check = pin!(async {
                let in_time = tokio::select! {
                    biased;
                    in_time = self.in_time(request) => in_time,
                    () = self.end() => Err(Reason::Overloaded),
                };
                in_time.unwrap_or_else(|reason| self.gate.refused(reason))
            });
            let frame = answered(check, || self.gate.refused(Reason::InternalError)).await;
            return Ok(grpc::reply(frame, call));
        }
        let response = if is_of(path, <HealthServer<Telling> as NamedService>::NAME) {
            let told = timeout(PATIENCE, Box::pin(self.health.clone().call(request))).await;
            let told = told.map(|Ok(told)| told);
            told.unwrap_or_else(|_| Status::deadline_exceeded("nothing was asked").into_http())
        } else {
            Status::unimplemented("").into_http()
        };
        Ok(grpc::reply_of_tonic(response, call))
    }

    /// Waits until no answer can come any more; nothing is shared with other connections until one has to wait.
    async fn end(&self) {
        self.stop.clone().arrived().await;
    }

    /// Every call is answered, and before the caller gives up.
    async fn in_time(&self, request: Request<Incoming>) -> Result<Bytes, Reason> {
        let time = grpc::timeout(request.headers()).map_or(PATIENCE, left);
        if time.is_zero() {
            return Err(Reason::Overloaded);
        }
        // What is done at once, as nearly everything is, costs no timer.
        let deadline = Instant::now() + time;
        let message = pin!(self.inbox.read(request.into_body()));
        let message =
            within(deadline, message, Reason::Overloaded).await?.map_err(|unread| match unread {
                Unread::NoRoom => Reason::Overloaded,
                Unread::Broken | Unread::Compressed | Unread::TooLong => Reason::RequestMalformed,
            })?;
        within(deadline, pin!(self.gate.frame(message)), Reason::Overloaded).await
    }
}

/// Exactly `/{service}/{method}`.
fn is_of(path: &str, service: &str) -> bool {
    path.strip_prefix('/')
        .and_then(|path| path.strip_prefix(service))
        .is_some_and(|method| method.starts_with('/'))
}

/// `work`, or `otherwise` once the deadline has passed. Work is not handed over: a future that takes another has room
/// for two, and all of that is moved to the heap with each check.
async fn within<T>(
    deadline: Instant,
    work: Pin<&mut impl Future<Output = T>>,
    otherwise: Reason,
) -> Result<T, Reason> {
    timeout_at(deadline, work).await.map_err(|_| otherwise)
}

/// Of the time that a caller gives, what is ours.
fn left(timeout: Duration) -> Duration {
    timeout.saturating_sub(WAY.min(timeout / 8)).min(PATIENCE)
}

/// What `check` answers. A panic must be a denial, not an RPC error, which fail-open would let by.
async fn answered<T>(mut check: Pin<&mut impl Future<Output = T>>, denial: impl FnOnce() -> T) -> T {
    let caught = poll_fn(|context| {
        match std::panic::catch_unwind(AssertUnwindSafe(|| check.as_mut().poll(context))) {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    });
    caught.await.unwrap_or_else(denial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_done_in_time_is_refused_and_what_is_done_at_once_is_never_late() {
        let past = Instant::now();
        assert_eq!(within(past, pin!(async { 1 }), Reason::Overloaded).await, Ok(1));
        let soon = past + Duration::from_millis(10);
        let never = std::future::pending::<()>();
        assert_eq!(within(soon, pin!(never), Reason::Overloaded).await, Err(Reason::Overloaded));
        assert!(Instant::now() >= soon);
    }

    #[test]
    fn an_answer_has_some_of_the_callers_time_for_its_way() {
        let milliseconds = Duration::from_millis;
        assert_eq!(left(milliseconds(250)), milliseconds(230));
        assert_eq!(left(milliseconds(8)), milliseconds(7));
        assert_eq!(left(Duration::from_hours(1)), PATIENCE);
        assert_eq!(left(Duration::ZERO), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_panic_is_a_denial() {
        assert_eq!(answered(pin!(async { "allowed" }), || "denied").await, "allowed");
        assert_eq!(answered(pin!(async { panic!("at once") }), || "denied").await, "denied");
        let later = async {
            tokio::task::yield_now().await;
            panic!("after waiting")
        };
        assert_eq!(answered(pin!(later), || "denied").await, "denied");
    }
}
