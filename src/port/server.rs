//! The accept loop.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::port::bound::{Bound, Connection};
use crate::port::certificates::Certificates;
use crate::port::patience::Opened;

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

    /// Serves one connection; once the end has come, until what has begun has ended.
    fn serve(self, connection: Opened, stop: Stop) -> impl Future<Output = ()> + Send;
}

/// After a failed accept, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Tells that the end has come.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// The signal and what it reaches.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (stop, stopped) = watch::channel(false);
        (stop, Self(stopped))
    }

    /// Waits for it.
    pub async fn called(&mut self) {
        // A sender that is gone will not call any more, but its owner is gone too.
        let _called = self.0.wait_for(|called| *called).await;
    }

    /// Whether it has come.
    pub fn is_called(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}

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

    /// Serves until `stop`; then refuses new connections, lets the others end, and cuts off what has not ended
    /// after `drain`.
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
            let connection = tokio::select! {
                biased;
                () = stop.called() => break,
                Some(_ended) = connections.all.join_next() => continue,
                accepted = listening.accept() => match accepted {
                    Ok(connection) => connection,
                    Err(error) => {
                        tracing::warn!("cannot accept a connection: {error}");
                        sleep(PAUSE).await;
                        continue;
                    }
                },
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
        ending.send_replace(true);
        connections.end(limits.drain).await;
    }
}

/// Every connection, and those that may not have begun.
struct Connections {
    all: JoinSet<()>,
    places: Arc<Semaphore>,
    /// The oldest first.
    openings: VecDeque<Opening>,
}

struct Opening {
    begun: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Opening {
    fn is_open(&self) -> bool {
        !self.begun.load(Ordering::Relaxed) && !self.task.is_finished()
    }
}

impl Connections {
    fn new(most: usize) -> Self {
        let places = Arc::new(Semaphore::new(most));
        Self { all: JoinSet::new(), places, openings: VecDeque::new() }
    }

    /// A place for one more: where all are taken, that of the oldest that has not begun, or the next to be free.
    async fn place(&mut self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(place);
        }
        self.openings.retain(Opening::is_open);
        if let Some(oldest) = self.openings.pop_front() {
            oldest.task.abort();
        }
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    fn spawn<F>(&mut self, place: Option<OwnedSemaphorePermit>, serve: impl FnOnce(Arc<AtomicBool>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let begun = Arc::new(AtomicBool::new(false));
        let serving = serve(Arc::clone(&begun));
        let task = self.all.spawn(async move {
            serving.await;
            drop(place);
        });
        while self.openings.front().is_some_and(|opening| !opening.is_open()) {
            self.openings.pop_front();
        }
        self.openings.push_back(Opening { begun, task });
    }

    async fn end(mut self, drain: Duration) {
        let ended = async { while self.all.join_next().await.is_some() {} };
        if timeout(drain, ended).await.is_err() {
            tracing::warn!(connections = self.all.len(), "cut off connections that did not end in time");
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
