//! The one message of a call, as it comes in.
//!
//! tonic would answer a message that is missing, compressed or too long with an RPC error, which fail-open lets by.
//! Here each is told apart, so that it can be denied.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Buf as _, Bytes, BytesMut};
use http_body::Body;

use crate::check::grpc::PREFIX;

/// Why there is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::check) enum Unread {
    /// The client broke off, or did not keep to the framing.
    #[error("no message, half of one, or more than one")]
    Broken,
    /// Compressed, which nobody offered.
    #[error("compressed")]
    Compressed,
    /// Longer than `limits.max_message`.
    #[error("too long")]
    TooLong,
    /// Too many others are waiting for the rest of theirs.
    #[error("no room")]
    NoRoom,
}

/// Takes messages in.
#[derive(Debug)]
pub(in crate::check) struct Inbox {
    max_message: usize,
    /// Bytes of messages whose rest is still to come.
    held: AtomicUsize,
}

/// Of messages that have not come whole, all together: whoever sends half of many shall not fill the memory.
const ROOM: usize = 64 << 20;

impl Inbox {
    pub(in crate::check) fn new(max_message: usize) -> Self {
        Self { max_message, held: AtomicUsize::new(0) }
    }

    /// The one message of a call.
    pub(in crate::check) async fn read<B: Body<Data = Bytes>>(&self, body: B) -> Result<Bytes, Unread> {
        let mut body = pin!(body);
        let mut first = next(body.as_mut()).await?.ok_or(Unread::Broken)?;
        // Nearly always everything comes in one piece.
        if body.is_end_stream() && self.missing(&first)? == Some(0) {
            first.advance(PREFIX);
            return Ok(first);
        }
        let mut held = Held { of: &self.held, bytes: 0 };
        held.add(first.len())?;
        let mut whole = BytesMut::from(first);
        self.missing(&whole)?;
        while let Some(more) = next(body.as_mut()).await? {
            held.add(more.len())?;
            whole.extend_from_slice(&more);
            self.missing(&whole)?;
        }
        if self.missing(&whole)? != Some(0) {
            return Err(Unread::Broken);
        }
        whole.advance(PREFIX);
        Ok(whole.freeze())
    }

    /// Bytes that have yet to come; None while that is not known.
    fn missing(&self, bytes: &[u8]) -> Result<Option<usize>, Unread> {
        let Some(([flag, length @ ..], rest)) = bytes.split_first_chunk::<PREFIX>() else { return Ok(None) };
        if *flag != 0 {
            return Err(Unread::Compressed);
        }
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > self.max_message {
            return Err(Unread::TooLong);
        }
        length.checked_sub(rest.len()).map(Some).ok_or(Unread::Broken)
    }
}

/// The next piece, passing over what is no data.
async fn next<B: Body<Data = Bytes>>(mut body: Pin<&mut B>) -> Result<Option<Bytes>, Unread> {
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        if let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// Room that is taken.
struct Held<'a> {
    of: &'a AtomicUsize,
    bytes: usize,
}

impl Held<'_> {
    fn add(&mut self, bytes: usize) -> Result<(), Unread> {
        let before = self.of.fetch_add(bytes, Ordering::Relaxed);
        self.bytes = self.bytes.saturating_add(bytes);
        if before.saturating_add(bytes) > ROOM { Err(Unread::NoRoom) } else { Ok(()) }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use http_body::Frame;

    use super::*;

    /// A request that comes in these pieces.
    struct Pieces(Vec<&'static [u8]>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            let next = (!self.0.is_empty()).then(|| self.0.remove(0));
            Poll::Ready(next.map(|piece| Ok(Frame::data(Bytes::from_static(piece)))))
        }

        fn is_end_stream(&self) -> bool {
            self.0.is_empty()
        }
    }

    async fn read(pieces: &[&'static [u8]]) -> Result<Bytes, Unread> {
        let inbox = Inbox::new(3);
        let message = inbox.read(Pieces(pieces.to_vec())).await;
        assert_eq!(inbox.held.into_inner(), 0, "nothing is held any more");
        message
    }

    #[tokio::test]
    async fn a_message_is_read_in_whatever_pieces_it_comes() {
        let expected = Ok(Bytes::from_static(b"abc"));
        assert_eq!(read(&[b"\0\0\0\0\x03abc"]).await, expected);
        assert_eq!(read(&[b"\0", b"\0\0", b"", b"\0\x03a", b"b", b"c", b""]).await, expected);
        assert_eq!(read(&[b"\0\0\0\0\0"]).await, Ok(Bytes::new()));
    }

    #[tokio::test]
    async fn what_is_no_message_is_told_apart() {
        assert_eq!(read(&[b"\0\0\0\0\x04abcd"]).await, Err(Unread::TooLong));
        assert_eq!(read(&[b"\0\xff\xff\xff\xff"]).await, Err(Unread::TooLong));
        assert_eq!(read(&[b"\x01\0\0\0\x03abc"]).await, Err(Unread::Compressed));
        assert_eq!(read(&[b"\0\0\0\0\x03ab"]).await, Err(Unread::Broken));
        assert_eq!(read(&[b"\0\0\0\0\x03abc", b"more"]).await, Err(Unread::Broken));
        assert_eq!(read(&[b"\0\0\0"]).await, Err(Unread::Broken));
        assert_eq!(read(&[]).await, Err(Unread::Broken));
    }
}
