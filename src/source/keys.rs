//! The issuers' keys: files compared every two seconds, URLs refreshed in the background.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::source::fetch::{Fetch, FetchError};
use crate::source::task::Task;
use crate::store::{Publisher, Reader, cell};
use crate::telemetry::{Metrics, unix_now};
use crate::token::{DevelopmentIssuer, Issuer, JwksError, KeyRing, KeySet, MintError};

const COMPARE_EVERY: Duration = Duration::from_secs(2);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_mins(1);

/// `tokens.keys`
#[derive(Debug, Clone, Copy)]
pub struct KeysConfig {
    /// How often URLs are asked.
    pub refresh: Duration,
    /// How long keys are believed after the last success.
    pub max_age: Duration,
    /// How soon an unknown key may cause the next request.
    pub unknown_kid_interval: Duration,
}

/// Where one issuer's keys are.
#[derive(Debug, Clone)]
pub struct KeySource {
    /// Whose.
    pub issuer: Issuer,
    /// What the metrics call it: the issuer as configured.
    pub name: Box<str>,
    /// Where.
    pub origin: KeyOrigin,
}

impl KeySource {
    /// Nothing is known of keys elsewhere; a development issuer that has yet to be made has none.
    fn before_loading(&self) -> KeySet {
        match self.origin {
            KeyOrigin::File(_) | KeyOrigin::Url(_) => KeySet::unknown(self.issuer.clone()),
            KeyOrigin::Development(_) => KeySet::empty(self.issuer.clone()),
        }
    }
}

/// A place to get keys from.
#[derive(Debug, Clone)]
pub enum KeyOrigin {
    /// A JWKS file.
    File(PathBuf),
    /// A JWKS document.
    Url(Url),
    /// The development issuer in this directory, which is made where there is none.
    Development(PathBuf),
}

#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error("cannot read `{}`", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    #[error("cannot fetch `{0}`")]
    Fetch(Url, #[source] FetchError),
    #[error("the development issuer has no key")]
    Development(#[source] MintError),
    #[error("`{0}`")]
    Jwks(String, #[source] JwksError),
}

/// Every issuer's keys, kept fresh for as long as this lives.
#[derive(Debug)]
pub struct Keys {
    reader: Reader<KeyRing>,
    wanted: Box<[Arc<Notify>]>,
    fetches: bool,
    _tasks: Vec<Task>,
}

impl Keys {
    /// Loads what is in files at once and everything else in the background.
    pub fn start(
        sources: Vec<KeySource>,
        config: KeysConfig,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, FetchError> {
        let (publisher, reader) = cell();
        let sets = sources.iter().map(KeySource::before_loading).collect();
        let ring = Arc::new(Ring { state: Mutex::new((publisher, KeyRing { sets })) });
        let wanted: Box<[_]> = sources.iter().map(|_| Arc::new(Notify::new())).collect();
        let fetches = sources.iter().any(|source| matches!(source.origin, KeyOrigin::Url(_)));
        // Reading the system's certificates takes time that whoever has files alone need not spend.
        let fetch = fetches.then(Fetch::new).transpose()?;
        let mut tasks = Vec::new();
        ring.publish();
        for (index, (source, wanted)) in sources.into_iter().zip(&wanted).enumerate() {
            let loader = Loader {
                index,
                source,
                config,
                fetch: fetch.clone(),
                ring: Arc::clone(&ring),
                metrics: Arc::clone(metrics),
            };
            tasks.push(loader.start(Arc::clone(wanted)));
        }
        Ok(Self { reader, wanted, fetches, _tasks: tasks })
    }

    /// The present keys.
    pub fn reader(&self) -> Reader<KeyRing> {
        self.reader.clone()
    }

    /// Tells that a token named a key that nobody knows; those who may ask again soon will.
    pub fn wanted(&self) -> Arc<[Arc<Notify>]> {
        self.wanted.iter().cloned().collect()
    }

    /// Whether any has to be fetched, so that waiting may help.
    pub fn fetches(&self) -> bool {
        self.fetches
    }
}

/// The ring and its one publisher.
#[derive(Debug)]
struct Ring {
    state: Mutex<(Publisher<KeyRing>, KeyRing)>,
}

impl Ring {
    fn publish(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.publish(state.1.clone());
    }

    fn replace(&self, index: usize, document: &[u8], usable_until: i64) -> Result<(), JwksError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (publisher, ring) = &mut *state;
        if let Some(set) = ring.sets.get_mut(index) {
            *set = set.replaced(document, usable_until)?;
        }
        publisher.publish(ring.clone());
        Ok(())
    }
}

struct Loader {
    index: usize,
    source: KeySource,
    config: KeysConfig,
    fetch: Option<Fetch>,
    ring: Arc<Ring>,
    metrics: Arc<Metrics>,
}

impl Loader {
    fn start(self, wanted: Arc<Notify>) -> Task {
        match self.source.origin.clone() {
            KeyOrigin::Development(directory) => self.develop(directory),
            KeyOrigin::File(path) => {
                let mut last = Vec::new();
                // Files are there at once: whoever starts with a file is ready without waiting.
                self.compare(&path, &mut last);
                Task::spawn(async move {
                    loop {
                        tokio::time::sleep(COMPARE_EVERY).await;
                        self.compare(&path, &mut last);
                    }
                })
            }
            KeyOrigin::Url(url) => {
                let fetch = self.fetch.clone();
                Task::spawn(async move {
                    if let Some(fetch) = fetch {
                        self.refresh(url, fetch, wanted).await;
                    }
                })
            }
        }
    }

    /// To make a key takes longer than to start: nobody waits for it.
    fn develop(self, directory: PathBuf) -> Task {
        let open = |directory: &Path| {
            DevelopmentIssuer::open_or_keygen(directory).map(|issuer| issuer.jwks().to_string())
        };
        if DevelopmentIssuer::exists(&directory) {
            self.develop_with(open(&directory));
            return Task::spawn(async {});
        }
        Task::spawn(async move {
            if let Ok(made) = tokio::task::spawn_blocking(move || open(&directory)).await {
                self.develop_with(made);
            }
        })
    }

    fn develop_with(&self, jwks: Result<String, MintError>) {
        let applied =
            jwks.map_err(LoadError::Development).and_then(|jwks| self.apply(jwks.as_bytes(), i64::MAX));
        self.report(&applied);
    }

    /// A file is its own last good copy: its keys do not age.
    fn compare(&self, path: &Path, last: &mut Vec<u8>) {
        let loaded = match std::fs::read(path) {
            Ok(document) if document == *last => return,
            Ok(document) => {
                last.clone_from(&document);
                self.apply(&document, i64::MAX)
            }
            Err(error) => {
                if std::mem::replace(last, vec![0]) == [0] {
                    return;
                }
                Err(LoadError::File(path.to_owned(), error))
            }
        };
        self.report(&loaded);
    }

    async fn refresh(self, url: Url, fetch: Fetch, wanted: Arc<Notify>) {
        let mut retry = FIRST_RETRY;
        loop {
            let loaded = match fetch.get(&url).await {
                Ok(document) => {
                    let age = i64::try_from(self.config.max_age.as_secs()).unwrap_or(i64::MAX);
                    self.apply(&document, unix_now().saturating_add(age))
                }
                Err(error) => Err(LoadError::Fetch(url.clone(), error)),
            };
            self.report(&loaded);
            let now = Instant::now();
            let next = if loaded.is_ok() {
                retry = FIRST_RETRY;
                now + self.config.refresh
            } else {
                let wait = retry;
                retry = (retry * 2).min(LAST_RETRY);
                now + wait
            };
            let soonest = now + self.config.unknown_kid_interval;
            tokio::select! {
                () = sleep_until(next) => {}
                () = async { wanted.notified().await; sleep_until(soonest).await } => {}
            }
        }
    }

    fn apply(&self, document: &[u8], usable_until: i64) -> Result<(), LoadError> {
        let place = match &self.source.origin {
            KeyOrigin::File(path) | KeyOrigin::Development(path) => path.display().to_string(),
            KeyOrigin::Url(url) => url.to_string(),
        };
        self.ring.replace(self.index, document, usable_until).map_err(|error| LoadError::Jwks(place, error))
    }

    fn report(&self, loaded: &Result<(), LoadError>) {
        self.metrics.keys_fetched(&self.source.name, loaded.is_ok());
        match loaded {
            Ok(()) => tracing::info!(issuer = %self.source.name, "keys loaded"),
            Err(error) => {
                let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(issuer = %self.source.name, "keys not loaded, the last good ones stay: {error}: {cause}");
            }
        }
    }
}
