//! The measure of all things: a tonic server on the crate `envoy-types`, as its documentation has it, that reads
//! every check and answers OK.

use envoy_types::ext_authz::v3::CheckResponseExt as _;
use envoy_types::ext_authz::v3::pb::{Authorization, AuthorizationServer, CheckRequest, CheckResponse};
use serde_json::json;
use tokio::runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// Serves until killed.
pub(crate) fn serve() -> anyhow::Result<()> {
    serve_with(async { Ok(DoNothing) })
}

/// Answers checks by what `service` comes to, on the runtime that tenantgate has too.
pub(crate) fn serve_with<S: Authorization>(
    service: impl Future<Output = anyhow::Result<S>>,
) -> anyhow::Result<()> {
    runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let service = AuthorizationServer::new(service.await?);
        let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into())?.with_nodelay(Some(true));
        announce(&incoming)?;
        Ok(Server::builder().add_service(service).serve_with_incoming(incoming).await?)
    })
}

/// Tells the address as tenantgate's log does.
#[expect(clippy::print_stderr, reason = "this is the log of a process of its own")]
fn announce(incoming: &TcpIncoming) -> std::io::Result<()> {
    eprintln!("{}", json!({"message": "listening", "check": incoming.local_addr()?}));
    Ok(())
}

struct DoNothing;

#[tonic::async_trait]
impl Authorization for DoNothing {
    async fn check(&self, _: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        Ok(Response::new(CheckResponse::with_status(Status::ok(""))))
    }
}
