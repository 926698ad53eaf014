//! The accept loop.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::port::bound::{Bound, Connection};
use crate::port::certificates::Certificates;
use crate::port::connections::Connections;
use crate::port::descriptors;
use crate::port::patience::Opened;
use crate::port::stop::Stop;

/// `limits`, as far as connections are concerned.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once.
    pub max_connections: usize,
    /// How long a connection may take to begin.
    pub handshake_timeout: Duration,
    /// How long connections may take to end.
    pub drain: Duration,
}

/// What is spoken on a port.
pub trait Protocol: Clone + Send + 'static {
    /// Bytes by which a client shows that it means to speak it.
    const OPENING: usize;

    /// Serves one connection; once the end is called, until what has begun has ended, and once it has arrived, no
    /// longer than an answer takes.
    fn serve(self, connection: Opened, stop: Stop) -> impl Future<Output = ()> + Send;
}

/// After a failed accept.
const PAUSE: Duration = Duration::from_millis(50);
/// What the last answers may take on their way.
const LAST: Duration = Duration::from_secs(1);

/// The listening port.
#[derive(Debug)]
pub struct Server {
    bound: Bound,
    tls: Option<Certificates>,
    limits: Limits,
}

impl Server {
    /// Serves on `bound`.
    pub fn new(bound: Bound, tls: Option<Certificates>, limits: Limits) -> Self {
        Self { bound, tls, limits }
    }

    /// Where it listens.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Serves until `stop`; then refuses new connections and lets the others end. What has not ended after `drain` is
    /// answered as it stands, and a second later cut off.
    pub async fn run<P: Protocol>(self, protocol: P, mut stop: Stop) {
        let Self { bound, tls, limits } = self;
        let listening = match bound.listen() {
            Ok(listening) => listening,
            Err(error) => return tracing::error!("cannot accept connections: {error}"),
        };
        // Connections hear of the end after the port is closed: whoever comes back finds a successor, not us.
        let (ending, ended) = Stop::new();
        let serve = |connection, begun| {
            serve(protocol.clone(), connection, tls.clone(), limits.handshake_timeout, begun, ended.clone())
        };
        let mut connections = Connections::new(limits.max_connections);
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.called() => break,
                true = connections.one_ends() => continue,
                accepted = listening.accept() => accepted,
            };
            let connection = match accepted {
                Ok(connection) => connection,
                // Whoever opens many connections and begins none must not keep others out.
                Err(error) if descriptors::are_used_up(&error) && connections.end_oldest_opening().await => {
                    continue;
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    sleep(PAUSE).await;
                    continue;
                }
            };
            let place = tokio::select! {
                biased;
                place = connections.place() => place,
                () = stop.called() => None,
            };
            connections.spawn(place, |begun| serve(connection, begun));
        }
        for connection in listening.close() {
            connections.spawn(None, |begun| serve(connection, begun));
        }
        ending.call();
        if connections.end_within(limits.drain).await {
            return;
        }
        ending.arrive();
        if !connections.end_within(LAST).await {
            tracing::warn!(connections = connections.count(), "cut off connections that did not end in time");
        }
    }
}

/// One connection, from its TLS on; one deadline is for all that comes before it has begun.
async fn serve<P: Protocol>(
    protocol: P,
    connection: Box<dyn Connection>,
    tls: Option<Certificates>,
    limit: Duration,
    begun: Arc<AtomicBool>,
    stop: Stop,
) {
    let deadline = Instant::now() + limit;
    let connection = match tls {
        None => Ok(connection),
        Some(tls) => timeout_at(deadline, tls.accept(connection))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
    };
    match connection {
        Ok(connection) => {
            protocol.serve(Opened::new(connection, P::OPENING, deadline, begun), stop).await;
        }
        Err(error) => tracing::debug!("a TLS handshake failed: {error}"),
    }
}
