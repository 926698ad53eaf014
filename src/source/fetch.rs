//! Small documents over HTTPS, with every bound that an attacker on the other side would like to be absent.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};

/// No key set is larger.
const MAX_BYTES: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Fetches documents.
#[derive(Debug, Clone)]
pub struct Fetch {
    client: Client,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The client could not be made.
    #[error("cannot make an HTTPS client")]
    Client(#[source] reqwest::Error),
    /// No connection, a bad certificate, a timeout, a body cut off.
    #[error("the request failed")]
    Request(#[source] reqwest::Error),
    /// Anything but 200.
    #[error("the answer was {0}")]
    Status(u16),
    /// More than a mebibyte.
    #[error("the answer is longer than 1 MiB")]
    TooLong,
}

impl Fetch {
    /// A client that follows no redirect and uses no proxy of the environment.
    pub fn new() -> Result<Self, FetchError> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT)
            .user_agent(concat!("tenantgate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(FetchError::Client)?;
        Ok(Self { client })
    }

    /// The document at `url`.
    pub async fn get(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let mut response = self.client.get(url.clone()).send().await.map_err(FetchError::Request)?;
        if response.status() != 200 {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(FetchError::Request)? {
            if document.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLong);
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document)
    }
}
