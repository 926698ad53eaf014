//! An issuer's web server: says what it is told to say, and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{L, World, signer};

/// What is said at one path.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    /// How long it takes to say so.
    pub(crate) delay: Duration,
}

impl Reply {
    pub(crate) fn ok(body: &impl ToString) -> Self {
        Self::status(200, &body.to_string())
    }

    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string(), delay: Duration::ZERO }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

/// The keys are at `/keys` until something else is said.
#[derive(Clone)]
pub(crate) struct KeyServer {
    replies: Arc<Mutex<HashMap<String, Reply>>>,
    asked: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    pub(crate) base: String,
}

impl KeyServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { replies: Arc::default(), asked: Arc::default(), base };
        server.say("/keys", Reply::ok(&signer().jwks));
        let router = server.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    pub(crate) fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    pub(crate) fn say(&self, path: &str, reply: Reply) {
        self.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    /// The headers of each request for `path` so far.
    pub(crate) fn asked(&self, path: &str) -> Vec<HeaderMap> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(known, _)| known == path).map(|(_, headers)| headers.clone()).collect()
    }

    /// Until `path` was asked for `more` times from now on.
    pub(crate) async fn until_asked(&self, path: &str, more: usize) {
        let wanted = self.asked(path).len() + more;
        while self.asked(path).len() < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A world whose one issuer has its keys at `path` here.
    pub(crate) fn world(&self, path: &str, keys: &Value) -> World {
        world(&json!({"jwks": format!("{}{path}", self.base)}), &json!({"keys": keys}))
    }
}

/// A world with one v2.0 issuer of the commercial cloud and these `tokens` settings.
pub(crate) fn world(issuer: &Value, tokens: &Value) -> World {
    let mut whole = json!({"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0", "cloud": "microsoftonline.com"});
    whole.as_object_mut().unwrap().extend(issuer.as_object().unwrap().clone());
    let mut config = json!({"tokens": tokens});
    config["tokens"]["issuers"] = json!([whole]);
    World::new(&config, &json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]}))
}

async fn answer(State(server): State<KeyServer>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().to_owned();
    server.asked.lock().unwrap().push((path.clone(), headers.clone()));
    let reply = server.replies.lock().unwrap().get(&path).cloned();
    let Some(reply) = reply else { return StatusCode::NOT_FOUND.into_response() };
    tokio::time::sleep(reply.delay).await;
    let etag = reply.headers.iter().find(|(name, _)| *name == "etag").map(|(_, value)| value);
    let known = headers.get("if-none-match").and_then(|value| value.to_str().ok());
    if etag.is_some_and(|etag| known == Some(etag)) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let mut response = (StatusCode::from_u16(reply.status).unwrap(), reply.body).into_response();
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
