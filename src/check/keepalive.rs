//! Pings (RFC 9113, section 6.7), so that a peer that is gone does not keep its connection.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::time::{Instant, Sleep, sleep};

/// Between two pings, and what an answer may take.
const TIME: Duration = Duration::from_secs(20);

/// Pings one peer.
pub(in crate::check) struct Keepalive {
    pings: PingPong,
    timer: Pin<Box<Sleep>>,
    asked: bool,
}

impl Keepalive {
    pub(in crate::check) fn new(pings: PingPong) -> Self {
        Self { pings, timer: Box::pin(sleep(TIME)), asked: false }
    }

    /// Ready when the peer is gone.
    pub(in crate::check) fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.asked && self.pings.poll_pong(context).is_ready() {
                self.again();
                self.asked = false;
            }
            ready!(self.timer.as_mut().poll(context));
            // That cannot be sent where the connection has ended, whose business that is.
            if self.asked || self.pings.send_ping(Ping::opaque()).is_err() {
                return Poll::Ready(());
            }
            self.again();
            self.asked = true;
        }
    }

    fn again(&mut self) {
        self.timer.as_mut().reset(Instant::now() + TIME);
    }
}
