//! Deadlines of a connection that HTTP/2 does not have: for its beginning, where h2 would wait for an HTTP/2 preface
//! for ever, and for a peer that reads nothing, which no ping would reach either.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::port::bound::Connection;

/// How long a peer may take nothing of what it is sent.
const DEAF: Duration = Duration::from_secs(20);

/// A connection whose TLS, if any, is done. Reads fail once the deadline has passed without an opening, writes when the
/// peer has not read for too long.
pub struct Opened {
    inner: Box<dyn Connection>,
    waiting: Option<Waiting>,
    /// Since the peer takes no more.
    stalled: Option<Pin<Box<Sleep>>>,
}

struct Waiting {
    deadline: Pin<Box<Sleep>>,
    missing: usize,
    begun: Arc<AtomicBool>,
}

impl Opened {
    /// `begun` becomes true with the last of the `opening` bytes.
    pub(in crate::port) fn new(
        inner: Box<dyn Connection>,
        opening: usize,
        deadline: Instant,
        begun: Arc<AtomicBool>,
    ) -> Self {
        let deadline = Box::pin(sleep_until(deadline));
        Self { inner, waiting: Some(Waiting { deadline, missing: opening, begun }), stalled: None }
    }

    /// What writing `came_to`, unless it has been pending for too long.
    fn unless_deaf<T>(
        &mut self,
        context: &mut Context<'_>,
        came_to: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if came_to.is_ready() {
            self.stalled = None;
            return came_to;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(DEAF)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("begun", &self.waiting.is_none()).finish_non_exhaustive()
    }
}

impl AsyncRead for Opened {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(waiting) = &mut self.waiting
            && waiting.deadline.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let read = buffer.filled().len().saturating_sub(before);
        if let Some(waiting) = &mut self.waiting {
            waiting.missing = waiting.missing.saturating_sub(read);
            if waiting.missing == 0 {
                waiting.begun.store(true, Ordering::Relaxed);
                self.waiting = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Opened {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.unless_deaf(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.unless_deaf(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        self.unless_deaf(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut_down = Pin::new(&mut self.inner).poll_shutdown(context);
        self.unless_deaf(context, shut_down)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;

    fn opened() -> (Opened, DuplexStream) {
        let (ours, theirs) = duplex(1);
        (Opened::new(Box::new(ours), 0, Instant::now() + DEAF / 2, Arc::default()), theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_nothing_is_given_up() {
        let (mut connection, _peer) = opened();
        let began = Instant::now();
        let given_up = timeout(2 * DEAF, connection.write_all(b"ab")).await;
        assert_eq!(given_up.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= DEAF);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_reads_slowly_is_not() {
        let (mut connection, mut peer) = opened();
        let writing = tokio::spawn(async move { connection.write_all(&[0; 10]).await });
        for _ in 0..10 {
            sleep(DEAF / 2).await;
            peer.read_u8().await.unwrap();
        }
        writing.await.unwrap().unwrap();
    }
}
