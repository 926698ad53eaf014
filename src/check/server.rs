//! The check port: an accept loop with bounds, and an orderly end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tonic_health::pb::health_server::Health;

use crate::check::eager::Eager;
use crate::check::gathered::Gathered;
use crate::check::listen::{Bound, Connection};
use crate::check::patience::Patience;
use crate::check::service::Services;

/// `limits`, as far as the transport is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once.
    pub max_connections: usize,
    /// Streams of one connection.
    pub max_concurrent_streams: u32,
    /// Bytes of one header list.
    pub max_header_list: u32,
    /// How long a connection may take to begin.
    pub handshake_timeout: Duration,
    /// How long checks may take to end.
    pub drain: Duration,
}

/// A peer that does not answer a ping within this time is gone.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// After a failed accept, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// The listening port.
#[derive(Debug)]
pub struct Server {
    bound: Bound,
    limits: Limits,
}

/// Tells connections that the end has come.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// The signal and what it reaches.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (stop, stopped) = watch::channel(false);
        (stop, Self(stopped))
    }

    async fn called(&mut self) {
        // A sender that is gone will not call any more, but its owner is gone too.
        let _called = self.0.wait_for(|called| *called).await;
    }
}

impl Server {
    /// Serves on `bound`.
    pub fn new(bound: Bound, limits: Limits) -> Self {
        Self { bound, limits }
    }

    /// Where it listens.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Serves until `stop`; then sends GOAWAY, lets checks end, and cuts off what has not ended after `drain`.
    pub async fn run<H: Health>(self, services: Services<H>, mut stop: Stop) {
        let places = Arc::new(Semaphore::new(self.limits.max_connections));
        let mut connections = JoinSet::new();
        loop {
            let (connection, place) = tokio::select! {
                biased;
                () = stop.called() => break,
                Some(_ended) = connections.join_next() => continue,
                accepted = self.accept(&places) => match accepted {
                    Some(accepted) => accepted,
                    None => continue,
                },
            };
            let serving = serve(connection, self.limits, services.clone(), stop.clone());
            connections.spawn(async move {
                serving.await;
                drop(place);
            });
        }
        drop(self.bound);
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.limits.drain, ended).await.is_err() {
            tracing::warn!(connections = connections.len(), "cut off connections that did not end in time");
        }
    }

    /// The place comes first: beyond the limit, connections wait in the kernel's queue.
    async fn accept(&self, places: &Arc<Semaphore>) -> Option<(Box<dyn Connection>, OwnedSemaphorePermit)> {
        let place = Arc::clone(places).acquire_owned().await.ok()?;
        match self.bound.accept().await {
            Ok(connection) => Some((connection, place)),
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(PAUSE).await;
                None
            }
        }
    }
}

async fn serve<H: Health>(
    connection: Box<dyn Connection>,
    limits: Limits,
    services: Services<H>,
    mut stop: Stop,
) {
    let mut http = http2::Builder::new(Eager);
    http.timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_concurrent_streams)
        .max_header_list_size(limits.max_header_list)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        // No gRPC client reads it.
        .auto_date_header(false);
    // Counted by this connection alone, so that no count is shared between cores.
    let services = Arc::new(services);
    let call = service_fn(|request| {
        let services = Arc::clone(&services);
        async move { Ok::<_, Infallible>(services.call(request).await) }
    });
    let connection = Gathered::new(Patience::new(connection, limits.handshake_timeout));
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
