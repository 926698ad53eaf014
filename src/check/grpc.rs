//! gRPC over HTTP/2, as much of it as a method needs that takes one message and answers with one ("gRPC over HTTP2").
//! What tonic does beyond that, no check needs and every check would pay for.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body, Frame};
use tonic::Status;

/// Before a message: whether it is compressed, and its length in four bytes.
const PREFIX: usize = 5;

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

/// Reads the one message of a request, of at most `limit` bytes, and to the request's end, at which most messages come.
pub(in crate::check) async fn message<B>(body: B, limit: usize) -> Result<Bytes, Status>
where
    B: Body<Data = Bytes, Error: std::fmt::Display>,
{
    let mut body = pin!(body);
    let mut received = Received::default();
    loop {
        if let Some(message) = received.message(limit)? {
            // What may come now is of no interest, but that the client has said all is part of the protocol.
            while !body.is_end_stream() && matches!(frame(body.as_mut()).await, Some(Ok(_))) {}
            return Ok(message);
        }
        match frame(body.as_mut()).await {
            Some(Ok(frame)) => received.add(frame.into_data().unwrap_or_default()),
            Some(Err(error)) => return Err(Status::internal(format!("the request broke off: {error}"))),
            None => return Err(Status::internal("the request ended within a message")),
        }
    }
}

async fn frame<B: Body>(mut body: Pin<&mut B>) -> Option<Result<Frame<B::Data>, B::Error>> {
    poll_fn(|context| body.as_mut().poll_frame(context)).await
}

/// What has come of a request: nearly always all of it at once.
#[derive(Default)]
struct Received {
    first: Bytes,
    all: BytesMut,
}

impl Received {
    fn add(&mut self, bytes: Bytes) {
        if self.first.is_empty() && self.all.is_empty() {
            self.first = bytes;
        } else {
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
            self.all.extend_from_slice(&bytes);
        }
    }

    /// The message, once it is whole.
    fn message(&mut self, limit: usize) -> Result<Option<Bytes>, Status> {
        let received = if self.all.is_empty() { &*self.first } else { &*self.all };
        let Some(([compressed, length @ ..], content)) = received.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        if *compressed != 0 {
            return Err(Status::unimplemented("compressed messages are not read"));
        }
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > limit {
            return Err(Status::out_of_range(format!("a message of {length} bytes; the limit is {limit}")));
        }
        if content.len() < length {
            return Ok(None);
        }
        let end = PREFIX + length;
        Ok(Some(if self.all.is_empty() {
            self.first.slice(PREFIX..end)
        } else {
            std::mem::take(&mut self.all).freeze().slice(PREFIX..end)
        }))
    }
}

/// The body of a reply: its one frame, then the trailers; or whatever tonic has to say.
#[derive(Debug)]
pub(in crate::check) enum Reply {
    /// A frame, until it is sent.
    Frame(Option<Bytes>),
    /// Trailers only, or nothing any more.
    End,
    /// Health, and errors of the transport.
    Tonic(tonic::body::Body),
}

/// The reply with this frame.
pub(in crate::check) fn reply(frame: Bytes) -> Response<Reply> {
    let mut response = Response::new(Reply::Frame(Some(frame)));
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match &mut *self {
            Self::Frame(frame) => {
                if let Some(frame) = frame.take() {
                    return Poll::Ready(Some(Ok(Frame::data(frame))));
                }
                *self = Self::End;
                let mut trailers = HeaderMap::with_capacity(1);
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Self::End => Poll::Ready(None),
            Self::Tonic(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Frame(_) => false,
            Self::End => true,
            Self::Tonic(body) => body.is_end_stream(),
        }
    }
}

#[cfg(test)]
mod tests {
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

    async fn read(pieces: &[&'static [u8]]) -> Result<Bytes, tonic::Code> {
        message(Pieces(pieces.to_vec()), 3).await.map_err(|status| status.code())
    }

    #[tokio::test]
    async fn a_message_is_read_in_whatever_pieces_it_comes() {
        let expected = Ok(Bytes::from_static(b"abc"));
        assert_eq!(read(&[b"\0\0\0\0\x03abc"]).await, expected);
        assert_eq!(read(&[b"\0", b"\0\0", b"", b"\0\x03a", b"b", b"c", b""]).await, expected);
        assert_eq!(read(&[b"\0\0\0\0\x03abc", b"more"]).await, expected);
        assert_eq!(read(&[b"\0\0\0\0\0"]).await, Ok(Bytes::new()));
    }

    #[tokio::test]
    async fn what_is_no_message_is_an_error_of_the_transport() {
        use tonic::Code;
        assert_eq!(read(&[b"\0\0\0\0\x04abcd"]).await, Err(Code::OutOfRange));
        assert_eq!(read(&[b"\0\xff\xff\xff\xff"]).await, Err(Code::OutOfRange));
        assert_eq!(read(&[b"\x01\0\0\0\x03abc"]).await, Err(Code::Unimplemented));
        assert_eq!(read(&[b"\0\0\0\0\x03ab"]).await, Err(Code::Internal));
        assert_eq!(read(&[]).await, Err(Code::Internal));
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
