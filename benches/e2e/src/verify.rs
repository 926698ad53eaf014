//! Before anything is measured: every check once, through a client that is not ours, and every answer read whole.
//! What is measured later is answered from what this left warm.

use anyhow::{Context as _, ensure};
use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::google::protobuf::value::Kind;
use tokio::runtime;

use crate::request::{Code, Request};
use crate::server::{Role, Server};

/// Fails at the first answer that is not what it should be.
pub(crate) fn answers(server: &Server, requests: &[Request]) -> anyhow::Result<()> {
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut client = AuthorizationClient::connect(format!("http://{}", server.address)).await?;
        for (number, request) in requests.iter().enumerate() {
            let answer = client.check(request.check.clone()).await?.into_inner();
            let expected = server.role.expects(request);
            is(&answer, expected)
                .with_context(|| format!("{:?}, check {number}: {answer:?}", server.role))?;
            if server.role == Role::Tenantgate {
                is_explained(&answer, expected).with_context(|| format!("check {number}: {answer:?}"))?;
            }
        }
        Ok(())
    })
}

fn is(answer: &CheckResponse, expected: Code) -> anyhow::Result<()> {
    let code = answer.status.as_ref().context("no status, which allows")?.code;
    ensure!(code == i32::from(expected.0), "code {code} instead of {}", expected.0);
    Ok(())
}

/// An allow tells the upstream who it is, a denial tells the caller why, and both tell Envoy's log.
fn is_explained(answer: &CheckResponse, expected: Code) -> anyhow::Result<()> {
    match &answer.http_response {
        Some(HttpResponse::OkResponse(ok)) => {
            ensure!(expected == Code::OK && ok.headers.len() >= 4, "an allow without its headers");
        }
        Some(HttpResponse::DeniedResponse(denied)) => {
            let status = denied.status.as_ref().map(|status| status.code);
            ensure!(
                status == Some(403) && denied.body.contains("users_and_applications_blocked"),
                "no reason"
            );
        }
        Some(HttpResponse::ErrorResponse(_)) | None => anyhow::bail!("neither allow nor denial"),
    }
    let metadata = &answer.dynamic_metadata.as_ref().context("no metadata")?.fields;
    let effect = metadata.get("effect").and_then(|value| value.kind.as_ref());
    let word = if expected == Code::OK { "allow" } else { "deny" };
    ensure!(effect == Some(&Kind::StringValue(word.to_owned())), "metadata of another effect");
    ensure!(
        metadata.contains_key("decision_id") && metadata.contains_key("policy_revision"),
        "metadata is not whole"
    );
    Ok(())
}
