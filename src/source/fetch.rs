//! Small documents over HTTPS, with every bound that an attacker on the other side would like to be absent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::{
    ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Proxy, Url};

/// No key set is larger.
const MAX_BYTES: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(5);

/// How to get out.
#[derive(Debug, Clone, Default)]
pub struct FetchConfig {
    /// `tokens.proxy`
    pub proxy: Option<Url>,
    /// `tokens.extra_ca`: a PEM file of authorities to believe beside the system's.
    pub extra_ca: Option<PathBuf>,
}

/// Fetches documents.
#[derive(Debug, Clone)]
pub(in crate::source) struct Fetch {
    client: Client,
}

/// What was there.
#[derive(Debug)]
pub(in crate::source) enum Fetched {
    /// A document, and how to ask whether it changed.
    Document(Vec<u8>, Validators),
    /// The one that the validators are of.
    NotModified,
}

/// A document's marks (RFC 9110, section 8.8), to ask for it again only if it changed.
#[derive(Debug, Clone, Default)]
pub(in crate::source) struct Validators {
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The client could not be made.
    #[error("cannot make an HTTPS client")]
    Client(#[source] reqwest::Error),
    /// `tokens.extra_ca`.
    #[error("`tokens.extra_ca` `{}` cannot be read", .0.display())]
    ExtraCa(PathBuf, #[source] std::io::Error),
    /// `tokens.extra_ca` has none.
    #[error("`tokens.extra_ca` `{}` has no certificate in PEM", .0.display())]
    NoCertificate(PathBuf),
    /// No connection, a bad certificate, a timeout, a body cut off.
    #[error("the request failed")]
    Request(#[source] reqwest::Error),
    /// Anything but 200, or 304 where that was asked for.
    #[error("the answer was {0}")]
    Status(u16),
    /// More than a mebibyte.
    #[error("the answer is longer than 1 MiB")]
    TooLong,
}

impl FetchConfig {
    /// Fails where `tokens.extra_ca` cannot be read, or has no authority.
    pub fn validate(&self) -> Result<(), FetchError> {
        self.extra_ca.as_deref().map_or(Ok(()), |path| certificates(path).map(drop))
    }
}

impl Fetch {
    /// A client that follows no redirect and uses no proxy but the configured one.
    pub(in crate::source) fn new(config: &FetchConfig) -> Result<Self, FetchError> {
        let mut client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT)
            .user_agent(concat!("tenantgate/", env!("CARGO_PKG_VERSION")));
        if let Some(proxy) = &config.proxy {
            client = client.proxy(Proxy::https(proxy.clone()).map_err(FetchError::Client)?);
        }
        if let Some(path) = &config.extra_ca {
            client = client.tls_certs_merge(certificates(path)?);
        }
        Ok(Self { client: client.build().map_err(FetchError::Client)? })
    }

    /// The document at `url`, unless it is still the one that `known` are the marks of.
    pub(in crate::source) async fn get(&self, url: &Url, known: &Validators) -> Result<Fetched, FetchError> {
        let mut response = self
            .client
            .get(url.clone())
            .headers(known.conditions())
            .send()
            .await
            .map_err(FetchError::Request)?;
        match response.status().as_u16() {
            200 => {}
            304 if !known.conditions().is_empty() => return Ok(Fetched::NotModified),
            other => return Err(FetchError::Status(other)),
        }
        let validators = Validators::of(response.headers());
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(FetchError::Request)? {
            if document.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLong);
            }
            document.extend_from_slice(&chunk);
        }
        Ok(Fetched::Document(document, validators))
    }
}

impl Validators {
    fn of(headers: &HeaderMap) -> Self {
        let header = |name: HeaderName| headers.get(name).cloned();
        Self { etag: header(ETAG), last_modified: header(LAST_MODIFIED) }
    }

    fn conditions(&self) -> HeaderMap {
        let conditions = [(IF_NONE_MATCH, &self.etag), (IF_MODIFIED_SINCE, &self.last_modified)];
        conditions.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, FetchError> {
    let pem = std::fs::read(path).map_err(|error| FetchError::ExtraCa(path.to_owned(), error))?;
    let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if certificates.is_empty() { Err(FetchError::NoCertificate(path.to_owned())) } else { Ok(certificates) }
}
