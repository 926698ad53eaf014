//! One HTTP/2 stream: a call and its answer.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response};
use http_body::{Body, Frame};

use crate::check::grpc::Reply;

/// What a call brings with it. What was taken of it makes room for more; where it ends in an error, there is nobody to
/// be answered, and nothing more comes.
pub(in crate::check) struct Incoming(RecvStream);

/// Answers a request by `call`, unless whoever asked is gone before.
pub(in crate::check) async fn answer<F, E>(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    call: impl FnOnce(Request<Incoming>) -> F,
) where
    F: Future<Output = Result<Response<Reply>, E>>,
{
    let replied = {
        let mut called = pin!(call(request.map(Incoming)));
        poll_fn(|context| match called.as_mut().poll(context) {
            Poll::Ready(replied) => Poll::Ready(Some(replied)),
            Poll::Pending => respond.poll_reset(context).map(|_| None),
        })
        .await
    };
    let sent = match replied {
        None => Ok(()),
        Some(Ok(reply)) => send(reply, respond).await,
        Some(Err(_)) => {
            respond.send_reset(Reason::INTERNAL_ERROR);
            Ok(())
        }
    };
    if let Err(error) = sent {
        tracing::debug!("an answer was not sent: {error}");
    }
}

async fn send(reply: Response<Reply>, mut respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    let (head, body) = reply.into_parts();
    let is_all = body.is_end_stream();
    let mut stream = respond.send_response(Response::from_parts(head, ()), is_all)?;
    let mut body = pin!(body);
    while !body.is_end_stream() {
        match next(body.as_mut(), &mut stream).await {
            Next::Frame(frame) => put(frame, body.is_end_stream(), &mut stream).await?,
            Next::End => return stream.send_data(Bytes::new(), true),
            Next::Broken => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
            Next::Gone => return Ok(()),
        }
    }
    Ok(())
}

/// What follows of an answer.
enum Next {
    Frame(Frame<Bytes>),
    End,
    Broken,
    /// Nobody waits for it.
    Gone,
}

async fn next(mut body: Pin<&mut Reply>, stream: &mut SendStream<Bytes>) -> Next {
    poll_fn(|context| match body.as_mut().poll_frame(context) {
        Poll::Ready(Some(Ok(frame))) => Poll::Ready(Next::Frame(frame)),
        Poll::Ready(Some(Err(_))) => Poll::Ready(Next::Broken),
        Poll::Ready(None) => Poll::Ready(Next::End),
        Poll::Pending => stream.poll_reset(context).map(|_| Next::Gone),
    })
    .await
}

async fn put(frame: Frame<Bytes>, is_last: bool, stream: &mut SendStream<Bytes>) -> Result<(), h2::Error> {
    let mut data = match frame.into_data() {
        Ok(data) => data,
        Err(frame) => return frame.into_trailers().map_or(Ok(()), |trailers| stream.send_trailers(trailers)),
    };
    // h2 would keep what the peer does not take, and the call that this answers would be under way no more.
    loop {
        stream.reserve_capacity(data.len());
        let room = stream.capacity();
        if room >= data.len() {
            return stream.send_data(data, is_last);
        }
        if room > 0 {
            stream.send_data(data.split_to(room), false)?;
        } else {
            let Some(more) = poll_fn(|context| stream.poll_capacity(context)).await else { return Ok(()) };
            more?;
        }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let Some(data) = ready!(self.0.poll_data(context)) else {
            let trailers = ready!(self.0.poll_trailers(context));
            return Poll::Ready(trailers.transpose().map(|trailers| trailers.map(Frame::trailers)));
        };
        // `answer` is told of that by the other half of the stream. To answer it all the same is what a flood of resets
        // would cost most.
        let Ok(data) = data else { return Poll::Pending };
        let released = self.0.flow_control().release_capacity(data.len());
        Poll::Ready(Some(released.map(|()| Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}
