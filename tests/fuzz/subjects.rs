//! What is fuzzed, and what must hold for any bytes. `targets/` gives each to cargo-fuzz; `tests/it/fuzz.rs` runs
//! what was found before, and mutations of it, in the normal run.

use std::sync::LazyLock;

use bytes::Bytes;
use prost::Message as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tenantgate::app::App;
use tenantgate::config::{Config, Environment};
use tenantgate::id::Cloud;
use tenantgate::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use tenantgate::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use tenantgate::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use tenantgate::policy::{Options, Revision, compile};
use tenantgate::port::Address;
use tenantgate::telemetry::unix_now;
use tenantgate::token::{Issuer, IssuerTemplate, KeySet, signed_by};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::forge::{self, KID, TENANT, good_at, ours};

/// One thing to fuzz.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// Panics where something does not hold.
    pub(crate) run: fn(&[u8]),
    /// What is good, so that mutations get far.
    pub(crate) seed: fn() -> Vec<u8>,
}

pub(crate) const SUBJECTS: [Subject; 5] = [
    Subject { name: "bearer", run: bearer, seed: || format!("Bearer {}", stand().token).into_bytes() },
    Subject { name: "claims", run: claims, seed: || good_at(unix_now()).payload_bytes() },
    Subject { name: "jwks", run: jwks, seed: || ours().jwks(KID) },
    Subject { name: "check_request", run: check_request, seed: || request(stand().bearer().as_bytes()) },
    Subject { name: "bundle", run: bundle, seed: || POLICY.into() },
];

const POLICY: &str = include_str!("../../deploy/example/policy.json");

/// Any `Authorization`: whoever is let in has the token.
pub(crate) fn bearer(credential: &[u8]) {
    let stand = stand();
    if stand.check(&request(credential)) {
        assert!(has(credential, stand.token.as_bytes()), "allowed without the token");
    }
}

/// Any payload, signed by a key that is believed: whoever is let in is somebody of ours, for this application, now.
pub(crate) fn claims(payload: &[u8]) {
    let token = good_at(unix_now()).raw_payload(payload).token();
    if stand().check(&request(format!("Bearer {token}").as_bytes())) {
        // serde_json passes over text that it does not want, and takes lone surrogates there for text.
        let Ok(claims) = serde_json::from_slice::<Value>(payload) else { return };
        // A GUID is the same in capitals.
        let tid = claims["tid"].as_str().map(str::to_ascii_lowercase);
        assert_eq!(tid.as_deref(), Some(TENANT), "of another tenant");
        // As text, in which JSON may write a slash with another before it.
        let audience = claims["aud"].as_str().or_else(|| claims["aud"][0].as_str());
        assert!(audience.is_some_and(|it| ["api://orders", APPLICATION].contains(&it)), "for {audience:?}");
        assert!(claims["exp"].as_i64().is_some_and(|exp| exp > unix_now() - 120), "expired");
    }
}

/// Any key set: it verifies our token only if it has our key.
pub(crate) fn jwks(document: &[u8]) {
    let template = IssuerTemplate::parse("https://login.microsoftonline.com/{tenantid}/v2.0").unwrap();
    let issuer = Issuer { template, cloud: Cloud::Commercial };
    let Ok(keys) = KeySet::unknown(issuer.clone()).replaced(&issuer, document, i64::MAX) else { return };
    if signed_by(&stand().token, &keys).is_ok() {
        let modulus = forge::encode(ours().modulus());
        assert!(has(document, modulus.as_bytes()), "verified by another key");
    }
}

/// Any message of a check, on a real connection: it is answered, and whoever is let in has the token or is not asked
/// for one.
pub(crate) fn check_request(message: &[u8]) {
    let stand = stand();
    if stand.check(message) {
        let asked = !has(message, b"tenant_restrictions");
        assert!(!asked || has(message, stand.token.as_bytes()), "allowed without the token");
    }
}

/// Any bundle: compiled in the same way twice.
pub(crate) fn bundle(document: &[u8]) {
    let compiled = || compile([document], Revision("1".into()), &Options::default());
    let (first, second) = (compiled(), compiled());
    assert_eq!(first.findings.iter().count(), second.findings.iter().count());
    assert_eq!(first.snapshot.is_some(), second.snapshot.is_some());
    assert!(first.snapshot.is_none() || std::str::from_utf8(document).is_ok(), "a policy of what is no text");
}

const APPLICATION: &str = "11111111-2222-3333-4444-555555555555";

/// The service, and a connection to it.
struct Stand {
    runtime: Runtime,
    client: h2::client::SendRequest<Bytes>,
    token: String,
    _app: App,
    _files: TempDir,
}

fn stand() -> &'static Stand {
    static STAND: LazyLock<Stand> = LazyLock::new(Stand::set);
    &STAND
}

impl Stand {
    fn set() -> Self {
        let files = tempfile::tempdir().unwrap();
        std::fs::write(files.path().join("policy.json"), POLICY).unwrap();
        std::fs::write(files.path().join("jwks.json"), ours().jwks(KID)).unwrap();
        let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
        let document = json!({
            "listen": {"check": "127.0.0.1:0", "admin": "127.0.0.1:0"},
            "tenant": TENANT,
            "policy": {"path": "policy.json"},
            "tokens": {
                "issuers": [{"issuer": issuer, "jwks": "file:jwks.json", "cloud": "microsoftonline.com"}],
                "audiences": ["api://orders", APPLICATION],
            },
            "applications": {"api://orders": APPLICATION},
        });
        let config =
            Config::read(&document.to_string(), files.path().to_owned(), &Environment::default()).unwrap();
        let runtime = Runtime::new().unwrap();
        let (app, client) = runtime.block_on(async {
            let app = App::start(&config, None).await.unwrap();
            while !app.is_ready() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            let Address::Tcp(check) = app.check else { panic!("not TCP") };
            let stream = TcpStream::connect(check).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (client, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            (app, client)
        });
        let stand = Self { runtime, client, token: good_at(unix_now()).token(), _app: app, _files: files };
        assert!(stand.check(&request(stand.bearer().as_bytes())), "the seed is refused");
        stand
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// Whether a check is allowed. Whatever it is, the wire says OK.
    fn check(&self, message: &[u8]) -> bool {
        let answer = self.runtime.block_on(self.ask(message)).expect("an answer, never an RPC error");
        let code = answer.status.expect("a verdict").code;
        assert!([0, 7, 14, 16].contains(&code), "code {code}");
        code == 0
    }

    async fn ask(&self, message: &[u8]) -> Result<CheckResponse, h2::Error> {
        let request = http::Request::post("http://gate/envoy.service.auth.v3.Authorization/Check")
            .header("content-type", "application/grpc")
            .body(())
            .unwrap();
        let (answer, mut body) = self.client.clone().ready().await?.send_request(request, false)?;
        let length = u32::try_from(message.len()).unwrap();
        body.send_data([&[0], &length.to_be_bytes()[..], message].concat().into(), true)?;
        let answer = answer.await?;
        assert_eq!(answer.status(), 200);
        let mut body = answer.into_body();
        let mut frame = Vec::new();
        while let Some(data) = body.data().await {
            let data = data?;
            body.flow_control().release_capacity(data.len())?;
            frame.extend_from_slice(&data);
        }
        assert_eq!(body.trailers().await?.unwrap()["grpc-status"], "0");
        Ok(CheckResponse::decode(&frame[5..]).expect("a CheckResponse"))
    }
}

/// A request of Envoy's with this `Authorization`.
fn request(credential: &[u8]) -> Vec<u8> {
    let header = HeaderValue {
        key: "authorization".to_owned(),
        raw_value: credential.to_vec(),
        ..HeaderValue::default()
    };
    let http = HttpRequest {
        method: "GET".to_owned(),
        host: "orders.contoso.example".to_owned(),
        path: "/".to_owned(),
        header_map: Some(HeaderMap { headers: vec![header] }),
        ..HttpRequest::default()
    };
    let attributes = AttributeContext {
        request: Some(Request { http: Some(http), ..Request::default() }),
        context_extensions: [("application".to_owned(), "api://orders".to_owned())].into(),
        ..AttributeContext::default()
    };
    CheckRequest { attributes: Some(attributes) }.encode_to_vec()
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
