//! Envoy's side of the wire, with the generated types: an independent reading of the protocol.

use std::collections::HashMap;

use bytes::{BufMut as _, Bytes};
use serde_json::{Map, Value};
use tenantgate::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use tenantgate::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use tenantgate::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use tenantgate::pb::envoy::service::auth::v3::check_response::HttpResponse;
use tenantgate::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use tenantgate::port::Address;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};

/// What is asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) route: Vec<(String, String)>,
    /// As with Envoy's `with_request_body`.
    pub(crate) body: String,
    /// As with Envoy's `encode_raw_headers` and `pack_as_bytes`.
    pub(crate) raw: bool,
}

impl Asked {
    pub(crate) fn with_token(token: &str) -> Self {
        let headers = vec![("authorization".to_owned(), format!("Bearer {token}"))];
        Self {
            method: "GET".to_owned(),
            host: "orders.contoso.example".to_owned(),
            path: "/".to_owned(),
            headers,
            ..Self::default()
        }
    }

    pub(crate) fn on(mut self, key: &str, value: &str) -> Self {
        self.route.push((key.to_owned(), value.to_owned()));
        self
    }
}

/// The request as Envoy 1.40 sends it: repeated headers joined with a comma, or raw and apart.
pub(crate) fn check_request(asked: &Asked) -> CheckRequest {
    let mut http = HttpRequest {
        id: "1".to_owned(),
        method: asked.method.clone(),
        host: asked.host.clone(),
        path: asked.path.clone(),
        scheme: "https".to_owned(),
        protocol: "HTTP/2".to_owned(),
        ..HttpRequest::default()
    };
    if asked.raw {
        http.raw_body = asked.body.clone().into_bytes();
        let value = |(key, value): &(String, String)| HeaderValue {
            key: key.clone(),
            raw_value: value.clone().into_bytes(),
            ..HeaderValue::default()
        };
        http.header_map = Some(HeaderMap { headers: asked.headers.iter().map(value).collect() });
    } else {
        http.body.clone_from(&asked.body);
        for (name, value) in &asked.headers {
            let joined = http.headers.entry(name.clone()).or_default();
            *joined = if joined.is_empty() { value.clone() } else { format!("{joined},{value}") };
        }
    }
    CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request { http: Some(http), ..Request::default() }),
            context_extensions: asked.route.iter().cloned().collect::<HashMap<_, _>>(),
            ..AttributeContext::default()
        }),
    }
}

/// A connection to the check port.
#[derive(Clone)]
pub(crate) struct Client {
    typed: AuthorizationClient<Channel>,
    channel: Channel,
}

/// Any bytes out, an answer in.
struct Frames;

impl Codec for Frames {
    type Encode = Bytes;
    type Decode = CheckResponse;
    type Encoder = Self;
    type Decoder = <tonic_prost::ProstCodec<CheckRequest, CheckResponse> as Codec>::Decoder;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self::Decoder {
        tonic_prost::ProstCodec::<CheckRequest, CheckResponse>::default().decoder()
    }
}

impl Encoder for Frames {
    type Item = Bytes;
    type Error = tonic::Status;

    fn encode(&mut self, frame: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        buffer.put(frame);
        Ok(())
    }
}

impl Client {
    pub(crate) fn connect(address: &Address) -> Self {
        let uri = match address {
            Address::Tcp(address) => format!("http://{address}"),
            Address::Unix(path) => format!("unix:{}", path.display()),
        };
        let channel = Endpoint::from_shared(uri).unwrap().connect_lazy();
        Self { typed: AuthorizationClient::new(channel.clone()), channel }
    }

    pub(crate) async fn check(&mut self, asked: &Asked) -> CheckResponse {
        self.send(check_request(asked)).await
    }

    pub(crate) async fn send(&mut self, request: CheckRequest) -> CheckResponse {
        self.typed.check(request).await.expect("an answer, never an RPC error").into_inner()
    }

    /// Bytes that no generated type would write.
    pub(crate) async fn send_frame(&mut self, frame: &[u8]) -> CheckResponse {
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/envoy.service.auth.v3.Authorization/Check");
        let frame = tonic::Request::new(Bytes::copy_from_slice(frame));
        client.unary(frame, path, Frames).await.expect("an answer, never an RPC error").into_inner()
    }

    /// The decision in the metadata, with what the answer says beside it.
    pub(crate) async fn decide(&mut self, asked: &Asked) -> Map<String, Value> {
        let response = self.check(asked).await;
        let mut decision = Map::new();
        for (name, value) in response.dynamic_metadata.clone().unwrap().fields {
            let value = json(value);
            let value = if TRUTHS.contains(&name.as_str()) { truth(&value) } else { value };
            decision.insert(name, value);
        }
        let allowed = response.status.as_ref().unwrap().code == 0;
        match response.http_response.unwrap() {
            HttpResponse::OkResponse(_) => {
                assert!(allowed, "an OK answer with a code that denies");
                decision.insert("http_status".to_owned(), 200.into());
            }
            HttpResponse::DeniedResponse(denied) => {
                assert!(!allowed, "a denial with a code that allows");
                decision.insert("http_status".to_owned(), denied.status.unwrap().code.into());
                for header in denied.headers.into_iter().filter_map(|option| option.header) {
                    if header.key == "www-authenticate" {
                        decision.insert("www_authenticate".to_owned(), header.value.into());
                    }
                }
                let body: Value = serde_json::from_str(&denied.body).unwrap();
                assert_eq!(body["reason"], decision["reason"], "body and metadata disagree");
                decision.insert("entra_code".to_owned(), body["entra_code"].clone());
            }
            HttpResponse::ErrorResponse(_) => panic!("an error response lets fail-open decide"),
        }
        decision
    }
}

/// Metadata has words for what JSON has booleans for.
const TRUTHS: [&str; 3] = ["invitation_email", "consent_prompt", "notification_email"];

fn truth(word: &Value) -> Value {
    word.as_str().unwrap().parse::<bool>().unwrap().into()
}

fn json(value: prost_types::Value) -> Value {
    use prost_types::value::Kind;
    match value.kind.unwrap() {
        Kind::StringValue(text) => text.into(),
        Kind::ListValue(list) => list.values.into_iter().map(json).collect(),
        other @ (Kind::NullValue(_) | Kind::NumberValue(_) | Kind::BoolValue(_) | Kind::StructValue(_)) => {
            panic!("metadata has strings and lists only, not {other:?}")
        }
    }
}
