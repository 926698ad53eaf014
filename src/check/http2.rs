//! HTTP/2 (RFC 9113) on the check port, and its bounds.

use std::time::Duration;

use http::Request;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tower_service::Service;

use crate::port::{Opened, Protocol, Stop};

/// `limits`, as far as HTTP/2 is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Http2Limits {
    /// Streams of one connection.
    pub max_concurrent_streams: u32,
    /// Bytes of one header list.
    pub max_header_list: u32,
}

/// A peer that does not answer a ping within this time is gone.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Serves a service over HTTP/2.
#[derive(Debug, Clone)]
pub struct Http2<S> {
    service: S,
    limits: Http2Limits,
}

impl<S> Http2<S> {
    /// Serves `service`.
    pub fn new(service: S, limits: Http2Limits) -> Self {
        Self { service, limits }
    }
}

impl<S> Protocol for Http2<S>
where
    S: Service<Request<hyper::body::Incoming>, Response = http::Response<tonic::body::Body>>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    S::Error: std::error::Error + Send + Sync + 'static,
{
    /// The client's preface (RFC 9113, section 3.4) and the head of the SETTINGS frame that must follow.
    const OPENING: usize = 24 + 9;

    async fn serve(self, connection: Opened, mut stop: Stop) {
        let Self { service, limits } = self;
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new())
            .max_concurrent_streams(limits.max_concurrent_streams)
            .max_header_list_size(limits.max_header_list)
            .keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE);
        let service = TowerToHyperService::new(service);
        let mut serving = std::pin::pin!(http.serve_connection(TokioIo::new(connection), service));
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = stop.called() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!("a connection ended with an error: {error}");
        }
    }
}
