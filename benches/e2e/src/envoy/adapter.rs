//! Cerbos has no service for `ext_authz`. This is one as thin as [`crate::do_nothing`]: it hands the token on to
//! Cerbos' own gRPC API over one connection, and answers what that says.

use std::collections::HashMap;

use anyhow::Context as _;
use envoy_types::ext_authz::v3::CheckResponseExt as _;
use envoy_types::ext_authz::v3::pb::{Authorization, CheckRequest, CheckResponse};
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::do_nothing;

/// Serves until killed; `config` names a file that says where Cerbos is.
pub(crate) fn serve(config: Option<&str>) -> anyhow::Result<()> {
    let cerbos = std::fs::read_to_string(config.context("where is Cerbos?")?)?;
    do_nothing::serve_with(async move {
        Ok(Adapter { cerbos: Channel::from_shared(format!("http://{cerbos}"))?.connect().await? })
    })
}

struct Adapter {
    cerbos: Channel,
}

#[tonic::async_trait]
impl Authorization for Adapter {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let request = request.into_inner();
        let http = request.attributes.and_then(|attributes| attributes.request?.http);
        let header = http.and_then(|mut http| http.headers.remove("authorization")).unwrap_or_default();
        let token = header.strip_prefix("Bearer ").unwrap_or_default().to_owned();
        // A token that Cerbos does not believe is an error, and refused as well.
        let status = match self.is_allowed(token).await {
            Ok(true) => Status::ok(""),
            Ok(false) | Err(_) => Status::permission_denied(""),
        };
        Ok(Response::new(CheckResponse::with_status(status)))
    }
}

impl Adapter {
    async fn is_allowed(&self, token: String) -> Result<bool, Status> {
        let mut client = Grpc::new(self.cerbos.clone());
        client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let path = tonic::codegen::http::uri::PathAndQuery::from_static(CHECK_RESOURCES);
        let codec = ProstCodec::<CheckResources, CheckedResources>::default();
        let answer = client.unary(Request::new(question(token)), path, codec).await?.into_inner();
        Ok(answer.results.iter().all(|result| result.actions.get(ACTION) == Some(&EFFECT_ALLOW))
            && !answer.results.is_empty())
    }
}

fn question(token: String) -> CheckResources {
    CheckResources {
        principal: Some(Principal { id: "caller".to_owned(), roles: vec!["caller".to_owned()] }),
        resources: vec![Entry {
            actions: vec![ACTION.to_owned()],
            resource: Some(Resource { kind: "orders".to_owned(), id: "orders".to_owned() }),
        }],
        aux_data: Some(AuxData { jwt: Some(Jwt { token }) }),
    }
}

const CHECK_RESOURCES: &str = "/cerbos.svc.v1.CerbosService/CheckResources";
const ACTION: &str = "access";
const EFFECT_ALLOW: i32 = 1;

// As much of `cerbos.request.v1` and `cerbos.response.v1` as this needs.

#[derive(Clone, PartialEq, prost::Message)]
struct CheckResources {
    #[prost(message, optional, tag = "3")]
    principal: Option<Principal>,
    #[prost(message, repeated, tag = "4")]
    resources: Vec<Entry>,
    #[prost(message, optional, tag = "5")]
    aux_data: Option<AuxData>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Principal {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, repeated, tag = "3")]
    roles: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Entry {
    #[prost(string, repeated, tag = "1")]
    actions: Vec<String>,
    #[prost(message, optional, tag = "2")]
    resource: Option<Resource>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Resource {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "3")]
    id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AuxData {
    #[prost(message, optional, tag = "1")]
    jwt: Option<Jwt>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Jwt {
    #[prost(string, tag = "1")]
    token: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CheckedResources {
    #[prost(message, repeated, tag = "2")]
    results: Vec<Checked>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Checked {
    #[prost(map = "string, int32", tag = "2")]
    actions: HashMap<String, i32>,
}
