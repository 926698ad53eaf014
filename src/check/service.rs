//! The gRPC services of the check port: authorization and health.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic_health::pb::health_server::{Health, HealthServer};
use tower_service::Service;

use crate::check::codec::Raw;
use crate::check::gate::Gate;

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
}

impl<H> Clone for Services<H> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate), health: self.health.clone(), max_message: self.max_message }
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<H: Health> Service<Request<hyper::body::Incoming>> for Services<H> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<hyper::body::Incoming>) -> Answering {
        let path = request.uri().path();
        if path == CHECK {
            let mut grpc = Grpc::new(Raw).max_decoding_message_size(self.max_message);
            let check = Check(Arc::clone(&self.gate));
            return Box::pin(async move { Ok(grpc.unary(check, request).await) });
        }
        if is_of(path, <HealthServer<H> as NamedService>::NAME) {
            return Box::pin(self.health.call(request));
        }
        Box::pin(async { Ok(tonic::Status::unimplemented("").into_http()) })
    }
}

/// Exactly `/{service}/{method}`.
fn is_of(path: &str, service: &str) -> bool {
    path.strip_prefix('/')
        .and_then(|path| path.strip_prefix(service))
        .is_some_and(|method| method.starts_with('/'))
}

struct Check(Arc<Gate>);

impl UnaryService<Bytes> for Check {
    type Response = Bytes;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, tonic::Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let gate = Arc::clone(&self.0);
        Box::pin(async move {
            let check = gate.check(request.into_inner());
            Ok(tonic::Response::new(answered(check, || gate.internal_error()).await))
        })
    }
}

/// What `check` answers. A panic must be a denial, not an RPC error, which fail-open would let by.
async fn answered<T>(check: impl Future<Output = T>, denial: impl FnOnce() -> T) -> T {
    Caught(AssertUnwindSafe(Box::pin(check))).await.unwrap_or_else(|Panicked| denial())
}

/// A future whose panics are results.
struct Caught<F>(AssertUnwindSafe<Pin<Box<F>>>);

struct Panicked;

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    }
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
