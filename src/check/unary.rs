//! gRPC's framing of one call: a message in, a message out, and time that runs out (gRPC over HTTP/2).
//!
//! tonic would answer a message that is missing, compressed, too long or late with an RPC error, which fail-open lets
//! by. Here each is told apart, so that it can be denied.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};

/// A flag, which says whether the message is compressed, and four bytes of length.
const PREFIX: usize = 5;

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
    pub(in crate::check) async fn read(&self, mut body: Incoming) -> Result<Bytes, Unread> {
        let mut first = next(&mut body).await?.ok_or(Unread::Broken)?;
        // Nearly always everything comes in one piece.
        if body.is_end_stream() && self.missing(&first)? == Some(0) {
            first.advance(PREFIX);
            return Ok(first);
        }
        let mut held = Held { of: &self.held, bytes: 0 };
        held.add(first.len())?;
        let mut whole = BytesMut::from(first);
        self.missing(&whole)?;
        while let Some(more) = next(&mut body).await? {
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
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Unread> {
    while let Some(frame) = body.frame().await {
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

/// How long the caller will wait (`grpc-timeout`), if it says so.
pub(in crate::check) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count.saturating_mul(3600))),
        "M" => Some(Duration::from_secs(count.saturating_mul(60))),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// An answer on its way: its message, then the status OK.
#[derive(Debug)]
pub(in crate::check) struct Reply {
    message: Option<Bytes>,
    ended: bool,
}

impl Reply {
    /// The whole response.
    pub(in crate::check) fn to(message: &[u8]) -> http::Response<tonic::body::Body> {
        let mut framed = BytesMut::with_capacity(PREFIX.saturating_add(message.len()));
        framed.put_u8(0);
        // An answer takes one to two kilobytes.
        framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
        framed.put_slice(message);
        let body = Self { message: Some(framed.freeze()), ended: false };
        let mut response = http::Response::new(tonic::body::Body::new(body));
        let grpc = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert(http::header::CONTENT_TYPE, grpc);
        response
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        if let Some(message) = self.message.take() {
            return Poll::Ready(Some(Ok(Frame::data(message))));
        }
        if std::mem::replace(&mut self.ended, true) {
            return Poll::Ready(None);
        }
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", HeaderValue::from_str(value).unwrap());
        timeout(&headers)
    }

    #[test]
    fn a_timeout_has_up_to_eight_digits_and_a_unit() {
        assert_eq!(said("250m"), Some(Duration::from_millis(250)));
        assert_eq!(said("0n"), Some(Duration::ZERO));
        assert_eq!(said("99999999H"), Some(Duration::from_hours(99_999_999)));
        assert_eq!((said("1S"), said("1M")), (Some(Duration::from_secs(1)), Some(Duration::from_mins(1))));
        assert_eq!((said("5u"), said("5n")), (Some(Duration::from_micros(5)), Some(Duration::from_nanos(5))));
        for odd in ["", "m", "250", "250ms", "-1m", "+1m", "1 m", "123456789m", "1.5S", "1µ"] {
            assert_eq!(said(odd), None, "{odd}");
        }
    }
}
