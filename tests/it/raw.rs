//! Checks on an HTTP/2 connection that the test itself holds, piece by piece.

use std::net::SocketAddr;

use bytes::Bytes;
use prost::Message as _;
use prost_types::value::Kind;
use tenantgate::pb::envoy::service::auth::v3::CheckResponse;
use tenantgate::port::Address;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::harness::{Asked, check_request};

pub(crate) struct Raw {
    client: h2::client::SendRequest<Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
}

/// A check whose message is still to come.
pub(crate) struct Begun {
    body: h2::SendStream<Bytes>,
    answer: h2::client::ResponseFuture,
}

pub(crate) fn tcp(address: &Address) -> SocketAddr {
    match address {
        Address::Tcp(address) => *address,
        Address::Unix(path) => panic!("a Unix socket: {}", path.display()),
    }
}

impl Raw {
    pub(crate) async fn to(address: &Address) -> Self {
        let stream = TcpStream::connect(tcp(address)).await.unwrap();
        // As Envoy does.
        stream.set_nodelay(true).unwrap();
        Self::over(stream).await.unwrap()
    }

    pub(crate) async fn over<T>(stream: T) -> Result<Self, h2::Error>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Self::with(&h2::client::Builder::new(), stream).await
    }

    pub(crate) async fn with<T>(builder: &h2::client::Builder, stream: T) -> Result<Self, h2::Error>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (client, connection) = builder.handshake(stream).await?;
        let connection = tokio::spawn(connection);
        Ok(Self { client: client.ready().await?, connection })
    }

    pub(crate) async fn begin(&mut self, headers: &[(&str, &str)]) -> Result<Begun, h2::Error> {
        self.client = self.client.clone().ready().await?;
        let mut request = http::Request::post("http://gate/envoy.service.auth.v3.Authorization/Check")
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (answer, body) = self.client.send_request(request.body(()).unwrap(), false)?;
        Ok(Begun { body, answer })
    }

    /// The gRPC status of another call, whose message may be half sent.
    pub(crate) async fn status_of(&mut self, path: &str, message: &[u8], last: bool) -> String {
        self.call(path, message, last).await.1
    }

    /// What another call is answered, and its gRPC status.
    pub(crate) async fn call(&mut self, path: &str, message: &[u8], last: bool) -> (Vec<u8>, String) {
        let request = http::Request::post(format!("http://gate{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        self.client = self.client.clone().ready().await.unwrap();
        let (answer, mut body) = self.client.send_request(request.body(()).unwrap(), false).unwrap();
        body.send_data(Bytes::copy_from_slice(message), last).unwrap();
        let answer = answer.await.unwrap();
        // Said at once, or after the answer.
        if let Some(status) = answer.headers().get("grpc-status") {
            return (Vec::new(), status.to_str().unwrap().to_owned());
        }
        let (mut answered, mut bytes) = (answer.into_body(), Vec::new());
        while let Some(data) = answered.data().await {
            let data = data.unwrap();
            answered.flow_control().release_capacity(data.len()).unwrap();
            bytes.extend_from_slice(&data);
        }
        let trailers = answered.trailers().await.unwrap().unwrap();
        (bytes, trailers["grpc-status"].to_str().unwrap().to_owned())
    }

    pub(crate) async fn check(&mut self, asked: &Asked) -> Result<CheckResponse, h2::Error> {
        self.begin(&[]).await?.finish(asked).await
    }

    /// Whether another check may begin.
    pub(crate) async fn is_open(&self) -> bool {
        self.client.clone().ready().await.is_ok()
    }

    /// Waits until the other side has ended the connection.
    pub(crate) async fn ended(self) {
        drop(self.client);
        drop(self.connection.await.unwrap());
    }
}

/// `asked` as gRPC frames it.
pub(crate) fn framed(asked: &Asked) -> Vec<u8> {
    let message = check_request(asked).encode_to_vec();
    let length = u32::try_from(message.len()).unwrap();
    [&[0], &length.to_be_bytes()[..], &message].concat()
}

impl Begun {
    /// Nobody waits for it any more.
    pub(crate) fn reset(mut self) {
        self.body.send_reset(h2::Reason::CANCEL);
    }

    pub(crate) fn send(&mut self, bytes: &[u8], last: bool) -> Result<(), h2::Error> {
        self.body.send_data(Bytes::copy_from_slice(bytes), last)
    }

    pub(crate) async fn finish(mut self, asked: &Asked) -> Result<CheckResponse, h2::Error> {
        self.send(&framed(asked), true)?;
        self.answer().await
    }

    /// The status that HTTP alone gives.
    pub(crate) async fn answer_status(self) -> Result<u16, String> {
        let _body = self.body;
        self.answer.await.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string())
    }

    /// The message of an answer whose status is OK on the wire.
    pub(crate) async fn answer(self) -> Result<CheckResponse, h2::Error> {
        // The request may be half sent.
        let _body = self.body;
        let answer = self.answer.await?;
        assert_eq!(answer.status(), 200);
        let mut body = answer.into_body();
        let mut message = Vec::new();
        while let Some(data) = body.data().await {
            let data = data?;
            body.flow_control().release_capacity(data.len())?;
            message.extend_from_slice(&data);
        }
        let trailers = body.trailers().await?.unwrap();
        assert_eq!(trailers["grpc-status"], "0", "an RPC error");
        Ok(CheckResponse::decode(&message[5..]).unwrap())
    }
}

/// Why the answer is what it is; an allowance is `allow`.
pub(crate) fn reason(answer: &CheckResponse) -> String {
    if answer.status.as_ref().unwrap().code == 0 {
        return "allow".to_owned();
    }
    let metadata = answer.dynamic_metadata.as_ref().unwrap();
    match &metadata.fields["reason"].kind {
        Some(Kind::StringValue(reason)) => reason.clone(),
        other => panic!("{other:?}"),
    }
}
