//! gRPC over HTTP/2, as much of it as a method needs that takes one message and answers with one ("gRPC over HTTP2").
//! What tonic does beyond that, no check needs and every check would pay for.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body, Frame};
use tonic::Status;

use crate::check::calls::Call;

/// Before a message: whether it is compressed, and its length in four bytes.
pub(in crate::check) const PREFIX: usize = 5;

/// A buffer with room for a message, to be written behind what it holds already.
pub(in crate::check) fn room(message: usize) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(PREFIX + message);
    buffer.extend_from_slice(&[0; PREFIX]);
    buffer
}

/// The frame of the message that was written into a [`room`].
pub(in crate::check) fn sealed(mut buffer: Vec<u8>) -> Bytes {
    let length = u32::try_from(buffer.len().saturating_sub(PREFIX)).unwrap_or(u32::MAX);
    if let Some(place) = buffer.get_mut(1..PREFIX) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    buffer.into()
}

/// The message in a frame.
pub(in crate::check) fn unsealed(mut frame: Bytes) -> Bytes {
    frame.advance(PREFIX.min(frame.len()));
    frame
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

/// The body of a reply. Its call is under way until all of it has been taken.
#[derive(Debug)]
pub(in crate::check) struct Reply {
    content: Content,
    _call: Call,
}

/// One frame, then the trailers; or whatever tonic has to say.
#[derive(Debug)]
enum Content {
    /// A frame, until it is sent.
    Frame(Option<Bytes>),
    /// Trailers only, or nothing any more.
    End,
    /// Health, and errors of the transport.
    Tonic(tonic::body::Body),
}

/// The reply with this frame.
pub(in crate::check) fn reply(frame: Bytes, call: Call) -> Response<Reply> {
    let mut response = Response::new(Reply { content: Content::Frame(Some(frame)), _call: call });
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// What tonic has to say.
pub(in crate::check) fn reply_of_tonic(response: Response<tonic::body::Body>, call: Call) -> Response<Reply> {
    response.map(|body| Reply { content: Content::Tonic(body), _call: call })
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match &mut self.content {
            Content::Frame(frame) => {
                if let Some(frame) = frame.take() {
                    return Poll::Ready(Some(Ok(Frame::data(frame))));
                }
                self.content = Content::End;
                let mut trailers = HeaderMap::with_capacity(1);
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Content::End => Poll::Ready(None),
            Content::Tonic(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Frame(_) => false,
            Content::End => true,
            Content::Tonic(body) => body.is_end_stream(),
        }
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

    #[test]
    fn a_frame_says_how_long_its_message_is() {
        let mut buffer = room(3);
        buffer.extend_from_slice(b"abc");
        let frame = sealed(buffer);
        assert_eq!(frame, &b"\0\0\0\0\x03abc"[..]);
        assert_eq!(unsealed(frame), &b"abc"[..]);
    }
}
