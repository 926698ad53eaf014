//! What a connection has to say, said at once: HTTP/2 writes frame by frame, and a system call for each would cost as
//! much as everything else of a check. And what it has to be told, told in turns: HTTP/2 reads for as long as there is
//! something, and a peer that floods it would make all others wait.

use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::task::yield_now;

use crate::check::turn::Turn;
use crate::check::waking::Waking;

/// What is held back at most, in bytes.
const LIMIT: usize = 64 * 1024;
/// What a connection keeps for it, in bytes: as much as it says at once when it has much to do.
const ROOM: usize = 16 * 1024;

/// A connection that writes when [`Gathered::while_polling`] says so, or when it holds too much.
#[derive(Debug)]
pub(in crate::check) struct Gathered<C>(Arc<Mutex<Socket<C>>>);

#[derive(Debug)]
struct Socket<C> {
    inner: C,
    /// Written to us, from `sent` on not to the connection.
    held: Vec<u8>,
    sent: usize,
    turn: Turn,
    /// What writing came to, until whoever uses the connection is told.
    failed: Option<io::Error>,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Gathered<C> {
    pub(in crate::check) fn new(inner: C) -> Self {
        let (held, turn) = (Vec::new(), Turn::first());
        Self(Arc::new(Mutex::new(Socket { inner, held, sent: 0, turn, failed: None })))
    }

    /// The same connection, for whoever reads and writes.
    pub(in crate::check) fn user(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// Whether to read no more for now; whoever asks for more is woken again.
    pub(in crate::check) fn has_enough(&self, has_enough: bool) {
        self.socket().turn.has_enough(has_enough);
    }

    /// Drives `user` of this connection, and writes whenever it has nothing more to do for now.
    pub(in crate::check) async fn while_polling<T>(&self, user: impl Future<Output = T>) -> T {
        let mut user = pin!(user);
        let waking = Arc::new(Waking::default());
        let waker = Waker::from(Arc::clone(&waking));
        let mut turn = |task: &Waker| {
            let mut context = Context::from_waker(&waker);
            waking.begin(task);
            let polled = user.as_mut().poll(&mut context);
            self.socket().send_what_it_takes(&mut context);
            (polled, waking.end())
        };
        let mut gives_way = false;
        poll_fn(|context| {
            if mem::take(&mut gives_way) {
                // The runtime has looked, and goes on with us before those whom it found.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.socket().turn.begin();
            let (mut polled, mut is_woken) = turn(context.waker());
            // By its own answers, nearly always, and then there is nothing more to do.
            if polled.is_pending() && is_woken && self.socket().turn.was_short() {
                (polled, is_woken) = turn(context.waker());
            }
            if polled.is_pending() && is_woken {
                // Others first, also those of whom nobody knows yet.
                gives_way = true;
                ready!(pin!(yield_now()).poll(context));
            }
            polled
        })
        .await
    }

    fn socket(&self) -> MutexGuard<'_, Socket<C>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Socket<C> {
    fn hold(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        self.turn.said(bytes.len());
    }
}

impl<C: AsyncWrite + Unpin> Socket<C> {
    fn send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(unsent @ [_, ..]) = self.held.get(self.sent..) {
            match ready!(Pin::new(&mut self.inner).poll_write(context, unsent))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent += count,
            }
        }
        if !self.held.is_empty() {
            self.forget_held();
        }
        // TLS may hold records back that the connection did not take.
        Pin::new(&mut self.inner).poll_flush(context)
    }

    /// The connection wakes us when it takes more.
    fn send_what_it_takes(&mut self, context: &mut Context<'_>) {
        if let Poll::Ready(Err(error)) = self.send(context) {
            self.forget_held();
            self.failed = Some(error);
            // Whoever waits for something to read would not learn of it.
            context.waker().wake_by_ref();
        }
    }

    /// A burst must not be paid for as long as the connection lives: room that is not used is given back by halves.
    fn forget_held(&mut self) {
        let (used, room) = (self.held.len(), self.held.capacity());
        self.held.clear();
        self.sent = 0;
        if used < room / 4 {
            self.held.shrink_to((room / 2).max(ROOM));
        }
    }

    fn tell_failure(&mut self) -> io::Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    fn make_room(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tell_failure()?;
        // A peer that lets answers pile up, and then takes them all, would be told for as long as they last.
        if self.turn.is_told() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.send_where_full(context)
    }

    fn send_where_full(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.held.len() < LIMIT { Poll::Ready(Ok(())) } else { self.send(context) }
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gathered<C> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut socket = self.socket();
        socket.tell_failure()?;
        // Whoever takes no answers has to wait with what it asks: HTTP/2 would keep all of them.
        ready!(socket.send_where_full(context))?;
        let Some(at_once) = socket.turn.at_once() else {
            context.waker().wake_by_ref();
            return Poll::Pending;
        };
        let before = buffer.filled().len();
        let limit = u64::try_from(at_once).unwrap_or_default();
        let polled = Pin::new(&mut (&mut socket.inner).take(limit)).poll_read(context, buffer);
        let read = buffer.filled().get(before..).unwrap_or_default();
        socket.turn.read(read, read.len() == at_once);
        polled
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gathered<C> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut socket = self.socket();
        ready!(socket.make_room(context))?;
        socket.hold(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut socket = self.socket();
        ready!(socket.make_room(context))?;
        for slice in slices {
            socket.hold(slice);
        }
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Not yet: see [`Gathered::while_polling`].
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut socket = self.socket();
        ready!(socket.send(context))?;
        Pin::new(&mut socket.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::io::{AsyncWriteExt as _, DuplexStream};
    use tokio::net::UnixStream;
    use tokio::runtime::Builder;

    use super::*;
    use crate::check::turn::SHARE;

    /// Counts its writes.
    struct Counted(DuplexStream, usize);

    impl AsyncRead for Counted {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(context, buffer)
        }
    }

    impl AsyncWrite for Counted {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.1 += 1;
            Pin::new(&mut self.0).poll_write(context, bytes)
        }

        fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(context)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(context)
        }
    }

    fn pair(room: usize) -> (Gathered<Counted>, DuplexStream) {
        let (near, far) = tokio::io::duplex(room);
        (Gathered::new(Counted(near, 0)), far)
    }

    #[tokio::test]
    async fn what_is_written_in_one_poll_is_sent_with_one_write() {
        let (connection, mut far) = pair(4096);
        let mut user = connection.user();
        let written = async {
            for _ in 0..100 {
                user.write_all(b"frame").await.unwrap();
                user.flush().await.unwrap();
            }
        };
        connection.while_polling(written).await;
        let mut received = [0; 500];
        far.read_exact(&mut received).await.unwrap();
        assert_eq!(received, *b"frame".repeat(100));
        assert_eq!(connection.socket().inner.1, 1);
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_makes_the_user_wait() {
        let (connection, mut far) = pair(10);
        let mut user = connection.user();
        let mut writing = pin!(connection.while_polling(async {
            for _ in 0..6 {
                user.write_all(&vec![7; LIMIT]).await.unwrap();
            }
            user.shutdown().await.unwrap();
        }));
        assert!(tokio::time::timeout(Duration::from_millis(10), writing.as_mut()).await.is_err());
        assert!(connection.socket().held.len() <= 2 * LIMIT, "what is held has a bound");
        let mut received = Vec::new();
        let ((), read) = tokio::join!(writing, far.read_to_end(&mut received));
        assert_eq!(read.unwrap(), 6 * LIMIT);
        assert!(received.iter().all(|byte| *byte == 7));
    }

    #[tokio::test]
    async fn a_burst_is_not_paid_for_for_ever() {
        let (connection, mut far) = pair(2 * LIMIT);
        let mut user = connection.user();
        connection.while_polling(async { user.write_all(&vec![7; LIMIT]).await.unwrap() }).await;
        assert!(connection.socket().held.capacity() >= LIMIT);
        for _ in 0..10 {
            connection.while_polling(async { user.write_all(b"frame").await.unwrap() }).await;
        }
        assert_eq!(connection.socket().held.capacity(), ROOM);
        let mut received = vec![0; LIMIT + 50];
        far.read_exact(&mut received).await.unwrap();
    }

    #[tokio::test]
    async fn what_the_connection_holds_back_itself_is_flushed() {
        let (near, mut far) = tokio::io::duplex(4096);
        let connection = Gathered::new(tokio::io::BufWriter::new(near));
        let mut user = connection.user();
        connection.while_polling(async { user.write_all(b"record").await.unwrap() }).await;
        let mut received = [0; 6];
        far.read_exact(&mut received).await.unwrap();
        assert_eq!(received, *b"record");
    }

    /// How many turns `user` needs.
    async fn turns(connection: &Gathered<Counted>, user: impl Future<Output = ()>) -> usize {
        let (mut user, mut turns) = (pin!(user), 0);
        let counted = poll_fn(|context| {
            turns += 1;
            user.as_mut().poll(context)
        });
        connection.while_polling(counted).await;
        turns
    }

    #[tokio::test]
    async fn a_peer_that_always_has_more_to_say_lets_others_have_their_turn() {
        let (connection, mut far) = pair(20 * SHARE);
        let mut user = connection.user();
        far.write_all(&vec![7; 20 * SHARE]).await.unwrap();
        let reading = async {
            user.read_exact(&mut vec![0; 20 * SHARE]).await.unwrap();
        };
        assert_eq!(turns(&connection, reading).await, 20);
    }

    #[tokio::test]
    async fn so_does_one_that_is_told_much() {
        let (connection, _far) = pair(20 * SHARE);
        let mut user = connection.user();
        let writing = async {
            for _ in 0..20 * 4 {
                user.write_all(&[7; SHARE / 4]).await.unwrap();
            }
        };
        assert_eq!(turns(&connection, writing).await, 20);
    }

    #[tokio::test]
    async fn whoever_takes_nothing_is_not_read() {
        let (connection, mut far) = pair(10);
        let mut user = connection.user();
        far.write_all(b"more").await.unwrap();
        let mut both = pin!(connection.while_polling(async {
            user.write_all(&vec![7; LIMIT]).await.unwrap();
            user.read_u32().await.unwrap()
        }));
        assert!(tokio::time::timeout(Duration::from_millis(10), both.as_mut()).await.is_err());
        let mut taken = vec![0; LIMIT];
        let (read, _) = tokio::join!(both, far.read_exact(&mut taken));
        assert_eq!(read.to_be_bytes(), *b"more");
    }

    #[tokio::test]
    async fn no_more_is_read_while_there_is_enough() {
        let (connection, mut far) = pair(10);
        let mut user = connection.user();
        far.write_all(b"more").await.unwrap();
        connection.has_enough(true);
        let turns = turns(&connection, async {
            let mut more = [0; 4];
            {
                let mut reading = pin!(user.read_exact(&mut more));
                for _ in 0..10 {
                    poll_fn(|context| {
                        assert!(reading.as_mut().poll(context).is_pending());
                        Poll::Ready(())
                    })
                    .await;
                }
                connection.has_enough(false);
                reading.await.unwrap();
            }
            assert_eq!(more, *b"more");
        });
        assert_eq!(turns.await, 1);
    }

    #[test]
    fn so_does_one_that_wakes_itself() {
        let turns = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&turns);
        let restless = async move {
            let (connection, _far) = pair(10);
            connection.while_polling(restless(&count)).await;
        };
        let others = async move {
            let (mut here, there) = UnixStream::pair().unwrap();
            for _ in 0..10 {
                let before = turns.load(Ordering::Relaxed);
                there.try_write(b"news").unwrap();
                assert_eq!(here.read(&mut [0; 100]).await.unwrap(), 4);
                let meanwhile = turns.load(Ordering::Relaxed) - before;
                assert!(meanwhile <= 4, "{meanwhile} turns before anybody looks");
            }
        };
        // As the service has it, but for how seldom it would look if nobody gave way.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_io().event_interval(1000).build();
        runtime.unwrap().block_on(async {
            tokio::spawn(restless);
            tokio::spawn(others).await.unwrap();
        });
    }

    #[test]
    fn those_who_were_found_go_first() {
        let turns = AtomicUsize::new(0);
        let (connection, _far) = pair(10);
        let mut restless = pin!(connection.while_polling(restless(&turns)));
        let mut polled = || {
            let before = turns.load(Ordering::Relaxed);
            assert!(restless.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            turns.load(Ordering::Relaxed) - before
        };
        assert_eq!([(); 4].map(|()| polled()), [2, 0, 2, 0]);
    }

    async fn restless(turns: &AtomicUsize) {
        poll_fn::<(), _>(|context| {
            turns.fetch_add(1, Ordering::Relaxed);
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    #[tokio::test]
    async fn a_failed_write_is_told_to_the_next_writer() {
        let (connection, far) = pair(10);
        drop(far);
        let mut user = connection.user();
        connection.while_polling(async { user.write_all(b"lost").await.unwrap() }).await;
        assert!(user.write_all(b"told").await.is_err());
    }

    /// Takes nothing, and has nothing to say.
    struct Broken;

    impl AsyncRead for Broken {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Broken {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_write_is_told_to_whoever_only_reads() {
        let connection = Gathered::new(Broken);
        let mut user = connection.user();
        let told = connection.while_polling(async {
            user.write_all(b"lost").await.unwrap();
            user.read_u8().await.unwrap_err()
        });
        let told = tokio::time::timeout(Duration::from_mins(1), told).await;
        assert_eq!(told.unwrap().kind(), io::ErrorKind::TimedOut);
    }
}
