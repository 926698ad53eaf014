//! HTTP/2 (RFC 9113) on the check port, and its bounds.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::server::{Builder, Connection};

use crate::check::eager;
use crate::check::frames;
use crate::check::gathered::Gathered;
use crate::check::keepalive::Keepalive;
use crate::check::service::{Connected, Services};
use crate::check::stream;
use crate::port::{Opened, Protocol, Stop};

/// `limits`, as far as HTTP/2 is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Http2Limits {
    /// Streams of one connection.
    pub max_concurrent_streams: u32,
    /// Bytes of one header list.
    pub max_header_list: u32,
}

/// What a peer may send ahead of one connection's checks, in bytes (RFC 9113, section 6.9): about two hundred and fifty of
/// them. A message that has to wait for room comes later than the call that it belongs to, and in pieces, which costs a
/// check half as much again; and calls are begun all the same, which nothing in HTTP/2 makes wait. How many, is for
/// Envoy to say (`max_requests`).
const AHEAD: u32 = 512 * 1024;
/// Streams that may be reset before they are looked at; one turn cannot bring so many. Envoy resets a check whose client
/// has gone, and many where clients go at once or time runs out: to end its connection for that would be to end everyone
/// else's checks.
const RESET: usize = 4096;
/// Streams of a connection that are remembered after an early answer, and how long: about a megabyte.
const ANSWERED: usize = 2048;
const REMEMBERED: Duration = Duration::from_secs(2);
/// Errors of a peer after which its connection ends, with everyone's checks: what it sends of a call that was answered
/// early and has been forgotten is one. As many that are meant (CVE-2025-8671) cost no more than other calls.
const ERRORS: usize = 8 * 1024;

/// Calls of one connection that are begun before others have their turn.
const IN_TURN: usize = 16;

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
    const OPENING: usize = frames::PREFACE + frames::HEADER;

    async fn serve(self, connection: Opened, stop: Stop) {
        let Self { services, limits } = self;
        // Counted by this connection alone, so that no count is shared between cores.
        let services = Arc::new(services.connected(stop.clone()));
        let connection = Gathered::new(connection);
        let ended = connection.while_polling(async {
            let http = limits.builder().handshake(connection.user()).await?;
            Serving::new(http, connection.user(), services).until_end(stop).await
        });
        if let Err(error) = ended.await {
            tracing::debug!("a connection ended with an error: {error}");
        }
    }
}

impl Http2Limits {
    fn builder(self) -> Builder {
        let mut builder = Builder::new();
        builder
            .initial_connection_window_size(AHEAD)
            .max_concurrent_streams(self.max_concurrent_streams)
            .max_header_list_size(self.max_header_list)
            .max_concurrent_reset_streams(ANSWERED)
            .reset_stream_duration(REMEMBERED)
            .max_local_error_reset_streams(Some(ERRORS))
            .max_pending_accept_reset_streams(RESET);
        builder
    }
}

/// One connection.
struct Serving {
    http: Connection<Gathered<Opened>, Bytes>,
    socket: Gathered<Opened>,
    services: Arc<Connected>,
    keepalive: Option<Keepalive>,
}

impl Serving {
    fn new(
        mut http: Connection<Gathered<Opened>, Bytes>,
        socket: Gathered<Opened>,
        services: Arc<Connected>,
    ) -> Self {
        let keepalive = http.ping_pong().map(Keepalive::new);
        Self { http, socket, services, keepalive }
    }

    /// Answers, and once the end is called until what has begun has been answered.
    async fn until_end(mut self, mut stop: Stop) -> Result<(), h2::Error> {
        let mut called = pin!(stop.called());
        let mut is_ending = false;
        poll_fn(|context| {
            if !is_ending && called.as_mut().poll(context).is_ready() {
                is_ending = true;
                self.http.graceful_shutdown();
            }
            self.keep_alive(context);
            self.poll_answered(context)
        })
        .await
    }

    fn keep_alive(&mut self, context: &mut Context<'_>) {
        if let Some(keepalive) = &mut self.keepalive
            && keepalive.poll_gone(context).is_ready()
        {
            tracing::debug!("a peer does not answer pings");
            self.keepalive = None;
            self.http.abrupt_shutdown(Reason::NO_ERROR);
        }
    }

    /// Ready at the connection's end.
    fn poll_answered(&mut self, context: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        let mut begun = 0;
        while begun < IN_TURN {
            let Poll::Ready(accepted) = self.http.poll_accept(context) else {
                self.socket.has_enough(false);
                return Poll::Pending;
            };
            let Some(accepted) = accepted else { return Poll::Ready(Ok(())) };
            let (request, mut respond) = accepted?;
            // In a flood of resets this is nearly all of them.
            if respond.poll_reset(&mut Context::from_waker(Waker::noop())).is_ready() {
                continue;
            }
            let services = Arc::clone(&self.services);
            eager::execute(async move {
                stream::answer(request, respond, |request| services.call(request)).await;
            });
            begun += 1;
        }
        // What has begun is answered before more is read: each turn would begin more than it answers.
        self.socket.has_enough(true);
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
