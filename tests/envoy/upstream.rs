//! The protected service: answers with the request that reached it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use http::{HeaderMap, Uri};
use serde_json::json;
use tokio::net::TcpListener;

use crate::client::Answer;

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Upstream {
    /// Serves until the test's runtime ends.
    pub(crate) async fn start() -> Self {
        Self::on(TcpListener::bind(("127.0.0.1", 0)).await.unwrap())
    }

    /// The same, where `listener` is.
    pub(crate) fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let echo = move |uri: Uri, headers: HeaderMap, body: String| async move {
            counted.fetch_add(1, Ordering::Relaxed);
            tell(&uri, &headers, &body)
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(echo)).await });
        Self { address, requests }
    }

    /// How many requests reached it.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

fn tell(uri: &Uri, headers: &HeaderMap, body: &str) -> String {
    let mut told = BTreeMap::<&str, Vec<String>>::new();
    for (name, value) in headers {
        told.entry(name.as_str()).or_default().push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    json!({"path": uri.to_string(), "headers": told, "body": body}).to_string()
}

/// What the upstream saw.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }

    /// The one value of a header.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        match self.headers.get(name).map(Vec::as_slice) {
            None => None,
            Some([value]) => Some(value),
            Some(several) => panic!("{name} came {} times: {several:?}", several.len()),
        }
    }

    /// The names of everything that claims to come from tenantgate.
    pub(crate) fn ours(&self) -> Vec<&str> {
        let names = self.headers.keys().map(String::as_str);
        names.filter(|name| name.starts_with("x-tenantgate")).collect()
    }
}
