//! The gRPC services of the check port: authorization and health.

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http::{Request, Response};
use tonic::Status;
use tonic::server::NamedService;
use tonic_health::pb::health_server::{Health, HealthServer};
use tower_service::Service as _;

use crate::check::gate::Gate;
use crate::check::grpc::{self, Reply};

/// Envoy's name of the service, for which health is told too.
pub const SERVICE: &str = "envoy.service.auth.v3.Authorization";
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// Both services behind one port.
#[derive(Debug)]
pub struct Services<H> {
    gate: Arc<Gate>,
    health: HealthServer<H>,
    max_message: usize,
}

impl<H: Health> Services<H> {
    /// Checks by `gate`, health by `health`; messages up to `max_message` bytes.
    pub fn new(gate: Arc<Gate>, health: HealthServer<H>, max_message: usize) -> Self {
        Self { gate, health, max_message }
    }

    /// Answers a call.
    pub(in crate::check) async fn call(&self, request: Request<hyper::body::Incoming>) -> Response<Reply> {
        let path = request.uri().path();
        if path == CHECK {
            return match grpc::message(request.into_body(), self.max_message).await {
                Ok(message) => {
                    let check = self.gate.frame(message);
                    grpc::reply(answered(check, || self.gate.internal_error_frame()).await)
                }
                Err(status) => status.into_http::<tonic::body::Body>().map(Reply::Tonic),
            };
        }
        if is_of(path, <HealthServer<H> as NamedService>::NAME) {
            let Ok(response) = self.health.clone().call(request).await;
            return response.map(Reply::Tonic);
        }
        Status::unimplemented("").into_http::<tonic::body::Body>().map(Reply::Tonic)
    }
}

impl<H> Clone for Services<H> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate), health: self.health.clone(), max_message: self.max_message }
    }
}

/// Exactly `/{service}/{method}`.
fn is_of(path: &str, service: &str) -> bool {
    path.strip_prefix('/')
        .and_then(|path| path.strip_prefix(service))
        .is_some_and(|method| method.starts_with('/'))
}

/// What `check` answers. A panic must be a denial, not an RPC error, which fail-open would let by.
async fn answered<T>(check: impl Future<Output = T>, denial: impl FnOnce() -> T) -> T {
    let mut check = pin!(check);
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
    async fn a_panic_is_a_denial() {
        assert_eq!(answered(async { "allowed" }, || "denied").await, "allowed");
        assert_eq!(answered(async { panic!("at once") }, || "denied").await, "denied");
        let later = async {
            tokio::task::yield_now().await;
            panic!("after waiting")
        };
        assert_eq!(answered(later, || "denied").await, "denied");
    }
}
