//! Keys at a URL: either a key set, or the metadata that says where it is.

use reqwest::Url;

use crate::source::discovery::{self, BadMetadata, Metadata};
use crate::source::fetch::{Fetch, FetchError, Fetched, Validators};
use crate::token::Issuer;

/// One issuer's URL, and what is known of it.
#[derive(Debug)]
pub(in crate::source) struct Remote {
    url: Url,
    fetch: Fetch,
    expected: Issuer,
    well_known: bool,
    metadata: Option<(Metadata, Validators)>,
    /// Of the key set that was believed last.
    keys: Validators,
}

/// What became of the keys.
#[derive(Debug)]
pub(in crate::source) enum Loaded {
    /// They are those believed last.
    Unchanged,
    /// There is another key set; once it is believed, say so with its marks.
    Keys { issuer: Issuer, document: Vec<u8>, marks: Validators },
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(in crate::source) enum RemoteError {
    #[error("cannot fetch `{0}`")]
    Fetch(Url, #[source] FetchError),
    #[error("the metadata at `{0}`")]
    Metadata(Url, #[source] BadMetadata),
}

impl Remote {
    /// Keys of `expected` at `url`, which is what the program itself knows for a cloud if `well_known`.
    pub(in crate::source) fn new(url: Url, fetch: Fetch, expected: Issuer, well_known: bool) -> Self {
        Self { url, fetch, expected, well_known, metadata: None, keys: Validators::default() }
    }

    /// Asks for what may have changed.
    pub(in crate::source) async fn load(&mut self) -> Result<Loaded, RemoteError> {
        let known = self.metadata.as_ref().map_or(&self.keys, |(_, marks)| marks);
        if let Fetched::Document(document, marks) = self.get(&self.url, known).await? {
            let metadata = discovery::read(&document, &self.url, &self.expected, self.well_known)
                .map_err(|error| RemoteError::Metadata(self.url.clone(), error))?;
            // Keys of other metadata are other keys.
            self.keys = Validators::default();
            self.metadata = metadata.map(|metadata| (metadata, marks.clone()));
            if self.metadata.is_none() {
                return Ok(Loaded::Keys { issuer: self.expected.clone(), document, marks });
            }
        }
        let Some((metadata, _)) = &self.metadata else { return Ok(Loaded::Unchanged) };
        Ok(match self.get(&metadata.keys, &self.keys).await? {
            Fetched::NotModified => Loaded::Unchanged,
            Fetched::Document(document, marks) => {
                Loaded::Keys { issuer: metadata.issuer.clone(), document, marks }
            }
        })
    }

    /// The key set with these marks is believed: only a change of it is of interest now.
    pub(in crate::source) fn believed(&mut self, marks: Validators) {
        self.keys = marks;
    }

    async fn get(&self, url: &Url, known: &Validators) -> Result<Fetched, RemoteError> {
        self.fetch.get(url, known).await.map_err(|error| RemoteError::Fetch(url.clone(), error))
    }
}
