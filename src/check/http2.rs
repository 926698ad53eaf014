//! HTTP/2 (RFC 9113) on the check port, and its bounds.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::check::eager::Eager;
use crate::check::gathered::Gathered;
use crate::check::service::Services;
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

/// Serves the services over HTTP/2.
#[derive(Debug, Clone)]
pub struct Http2 {
    services: Services,
    limits: Http2Limits,
}

impl Http2 {
    /// Serves `services`.
    pub fn new(services: Services, limits: Http2Limits) -> Self {
        Self { services, limits }
    }
}

impl Protocol for Http2 {
    /// The client's preface (RFC 9113, section 3.4) and the head of the SETTINGS frame that must follow.
    const OPENING: usize = 24 + 9;

    async fn serve(self, connection: Opened, mut stop: Stop) {
        let Self { services, limits } = self;
        let mut http = http2::Builder::new(Eager);
        http.timer(TokioTimer::new())
            .max_concurrent_streams(limits.max_concurrent_streams)
            .max_header_list_size(limits.max_header_list)
            .keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            // Envoy resets a check whose client has gone, and many where clients go at once or time runs out. To end
            // its connection for that would be to end everyone else's checks.
            .max_pending_accept_reset_streams(usize::try_from(limits.max_concurrent_streams).ok())
            // No gRPC client reads it.
            .auto_date_header(false);
        // Counted by this connection alone, so that no count is shared between cores.
        let services = Arc::new(services.on_a_connection());
        let call = service_fn(|request| {
            let services = Arc::clone(&services);
            async move { services.call(request).await }
        });
        let connection = Gathered::new(connection);
        let mut serving = pin!(http.serve_connection(TokioIo::new(connection.share()), call));
        let ended = connection.while_polling(async {
            tokio::select! {
                ended = serving.as_mut() => ended,
                () = stop.called() => {
                    serving.as_mut().graceful_shutdown();
                    serving.await
                }
            }
        });
        if let Err(error) = ended.await {
            tracing::debug!("a connection ended with an error: {error}");
        }
    }
}
