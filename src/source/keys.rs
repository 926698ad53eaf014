//! The issuers' keys: files compared every two seconds, URLs refreshed in the background.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::source::chance::jittered;
use crate::source::fetch::{Fetch, FetchConfig, FetchError};
use crate::source::remote::{Loaded, Remote, RemoteError};
use crate::source::task::Task;
use crate::store::{Publisher, Reader, cell};
use crate::telemetry::{Metrics, unix_now};
use crate::token::{DevelopmentIssuer, Issuer, JwksError, KeyRing, KeySet, MintError};

const COMPARE_EVERY: Duration = Duration::from_secs(2);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_mins(1);

/// `tokens.keys`
#[derive(Debug, Clone)]
pub struct KeysConfig {
    /// How URLs are reached.
    pub fetch: FetchConfig,
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
            KeyOrigin::File(_) | KeyOrigin::Url(_) | KeyOrigin::WellKnown(_) => {
                KeySet::unknown(self.issuer.clone())
            }
            KeyOrigin::Development(_) => KeySet::empty(self.issuer.clone()),
        }
    }
}

/// A place to get keys from.
#[derive(Debug, Clone)]
pub enum KeyOrigin {
    /// A JWKS file.
    File(PathBuf),
    /// A JWKS document, or OpenID metadata that says where it is.
    Url(Url),
    /// The metadata of one of Entra's well-known issuers.
    WellKnown(Url),
    /// The development issuer in this directory, which is made where there is none.
    Development(PathBuf),
}

#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error("cannot read `{}`", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error("the development issuer has no key")]
    Development(#[source] MintError),
    #[error("`{0}`")]
    Jwks(String, #[source] JwksError),
}

/// Every issuer's keys, kept fresh for as long as this lives.
#[derive(Debug)]
pub struct Keys {
    ring: Arc<Ring>,
    reader: Reader<KeyRing>,
    wanted: Box<[Arc<Notify>]>,
    fetches: bool,
    _tasks: Vec<Task>,
}

impl Keys {
    /// Loads what is in files at once and everything else in the background.
    pub fn start(
        sources: Vec<KeySource>,
        config: &KeysConfig,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, FetchError> {
        let (publisher, reader) = cell();
        let sets = sources.iter().map(KeySource::before_loading).collect();
        let reached = sources.iter().map(|_| AtomicI64::new(0)).collect();
        let ring = Arc::new(Ring { state: Mutex::new((publisher, KeyRing { sets })), reached });
        let wanted: Box<[_]> = sources.iter().map(|_| Arc::new(Notify::new())).collect();
        let is_remote =
            |source: &KeySource| matches!(source.origin, KeyOrigin::Url(_) | KeyOrigin::WellKnown(_));
        let fetches = sources.iter().any(is_remote);
        // Reading the system's certificates takes time that whoever has files alone need not spend.
        let fetch = fetches.then(|| Fetch::new(&config.fetch)).transpose()?;
        let mut tasks = Vec::new();
        ring.change(|_| Ok(()))?;
        for (index, (source, wanted)) in sources.into_iter().zip(&wanted).enumerate() {
            let loader = Loader {
                index,
                source,
                config: config.clone(),
                ring: Arc::clone(&ring),
                metrics: Arc::clone(metrics),
            };
            tasks.push(loader.start(fetch.clone(), Arc::clone(wanted)));
        }
        Ok(Self { ring, reader, wanted, fetches, _tasks: tasks })
    }

    /// Only whose keys there would be: none is looked for.
    pub fn unsought(sources: &[KeySource]) -> Result<Self, FetchError> {
        let (publisher, reader) = cell();
        let sets = sources.iter().map(|source| KeySet::unknown(source.issuer.clone())).collect();
        let ring =
            Arc::new(Ring { state: Mutex::new((publisher, KeyRing { sets })), reached: Box::default() });
        ring.change(|_| Ok::<_, FetchError>(()))?;
        Ok(Self { ring, reader, wanted: Box::default(), fetches: false, _tasks: Vec::new() })
    }

    /// The present keys.
    pub fn reader(&self) -> Reader<KeyRing> {
        self.reader.clone()
    }

    /// By issuer: tells that a token named a key that nobody knows. Who may ask again, soon will.
    pub fn wanted(&self) -> Arc<[Arc<Notify>]> {
        self.wanted.iter().cloned().collect()
    }

    /// Whether any has to be fetched, so that waiting may help.
    pub fn fetches(&self) -> bool {
        self.fetches
    }

    /// When each issuer's keys were last found where they are.
    pub fn reached(&self) -> Reached {
        Reached(Arc::clone(&self.ring))
    }
}

/// When keys were last found.
#[derive(Debug)]
pub struct Reached(Arc<Ring>);

impl Reached {
    /// Seconds since then, by issuer; None for never.
    pub fn ages(&self, now: i64) -> impl Iterator<Item = Option<i64>> {
        let reached = self.0.reached.iter().map(|reached| reached.load(Ordering::Relaxed));
        reached.map(move |reached| (reached > 0).then(|| now.saturating_sub(reached).max(0)))
    }
}

/// The ring and its one publisher.
#[derive(Debug)]
struct Ring {
    state: Mutex<(Publisher<KeyRing>, KeyRing)>,
    /// Unix seconds of the last success, by issuer; 0 for never.
    reached: Box<[AtomicI64]>,
}

impl Ring {
    fn change<E>(&self, change: impl FnOnce(&mut KeyRing) -> Result<(), E>) -> Result<(), E> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (publisher, ring) = &mut *state;
        change(ring)?;
        publisher.publish(ring.clone());
        Ok(())
    }

    fn reached(&self, index: usize, now: i64) {
        if let Some(reached) = self.reached.get(index) {
            reached.store(now, Ordering::Relaxed);
        }
    }
}

struct Loader {
    index: usize,
    source: KeySource,
    config: KeysConfig,
    ring: Arc<Ring>,
    metrics: Arc<Metrics>,
}

impl Loader {
    fn start(self, fetch: Option<Fetch>, wanted: Arc<Notify>) -> Task {
        match (self.source.origin.clone(), fetch) {
            (KeyOrigin::Development(directory), _) => self.develop(directory),
            (KeyOrigin::File(path), _) => self
                .compare(move || std::fs::read(&path).map_err(|error| LoadError::File(path.clone(), error))),
            (KeyOrigin::Url(url), Some(fetch)) => {
                let remote = Remote::new(url, fetch, self.source.issuer.clone(), false);
                Task::spawn(self.refresh(remote, wanted))
            }
            (KeyOrigin::WellKnown(url), Some(fetch)) => {
                let remote = Remote::new(url, fetch, self.source.issuer.clone(), true);
                Task::spawn(self.refresh(remote, wanted))
            }
            (KeyOrigin::Url(_) | KeyOrigin::WellKnown(_), None) => Task::spawn(async {}),
        }
    }

    /// To make a key takes longer than to start: nobody waits for it.
    fn develop(self, directory: PathBuf) -> Task {
        let read = |directory: &Path| {
            let issuer = DevelopmentIssuer::open(directory).map_err(LoadError::Development)?;
            Ok(issuer.jwks().to_string().into_bytes())
        };
        if DevelopmentIssuer::exists(&directory) {
            return self.compare(move || read(&directory));
        }
        Task::spawn(async move {
            let place = directory.clone();
            let made = tokio::task::spawn_blocking(move || DevelopmentIssuer::keygen(&place).map(drop)).await;
            if let Ok(Err(error)) = made {
                self.report(&Err(LoadError::Development(error)));
                self.forget();
            }
            // Somebody may make one later.
            let mut comparing = self.compare(move || read(&directory));
            drop(comparing.ended().await);
        })
    }

    /// Files are there at once: whoever starts with a file is ready without waiting. They are their own last good
    /// copy: their keys do not age.
    fn compare(self, read: impl Fn() -> Result<Vec<u8>, LoadError> + Send + 'static) -> Task {
        let mut last = Last::Nothing;
        self.compare_once(&read, &mut last);
        Task::spawn(async move {
            loop {
                tokio::time::sleep(COMPARE_EVERY).await;
                self.compare_once(&read, &mut last);
            }
        })
    }

    /// A failure is reported when it begins.
    fn compare_once(&self, read: &impl Fn() -> Result<Vec<u8>, LoadError>, last: &mut Last) {
        let document = read();
        let now = document.as_ref().map_or(Last::Unreadable, |document| Last::Document(document.clone()));
        if document.is_ok() {
            self.ring.reached(self.index, unix_now());
        }
        if now == *last {
            return;
        }
        *last = now;
        let issuer = &self.source.issuer;
        self.report(&document.and_then(|document| self.apply(issuer, &document, i64::MAX)));
    }

    async fn refresh(self, mut remote: Remote, wanted: Arc<Notify>) {
        let (mut retry, mut reached) = (FIRST_RETRY, Instant::now());
        loop {
            let loaded = self.refresh_once(&mut remote).await;
            self.report(&loaded);
            let now = Instant::now();
            let next = if loaded.is_ok() {
                (retry, reached) = (FIRST_RETRY, now);
                now + jittered(self.config.refresh)
            } else {
                // A clock that was set back would believe them longer.
                if now.saturating_duration_since(reached) >= self.config.max_age {
                    self.disbelieve();
                }
                let wait = retry;
                retry = (retry * 2).min(LAST_RETRY);
                now + jittered(wait)
            };
            let soonest = now + self.config.unknown_kid_interval;
            tokio::select! {
                () = sleep_until(next) => {}
                () = async { wanted.notified().await; sleep_until(soonest).await } => {}
            }
        }
    }

    async fn refresh_once(&self, remote: &mut Remote) -> Result<(), LoadError> {
        let loaded = remote.load().await?;
        let max_age = i64::try_from(self.config.max_age.as_secs()).unwrap_or(i64::MAX);
        // Their age is told from the moment that they are believed from.
        let now = unix_now();
        let usable_until = now.saturating_add(max_age);
        match loaded {
            Loaded::Unchanged => self.with_set(|set| Ok(set.believed_until(usable_until)))?,
            Loaded::Keys { issuer, document, marks } => {
                self.apply(&issuer, &document, usable_until)?;
                remote.believed(marks);
            }
        }
        self.ring.reached(self.index, now);
        Ok(())
    }

    fn apply(&self, issuer: &Issuer, document: &[u8], usable_until: i64) -> Result<(), LoadError> {
        self.with_set(|set| {
            set.replaced(issuer, document, usable_until).map_err(|error| LoadError::Jwks(self.place(), error))
        })
    }

    /// The keys are kept, for the issuer may say that they are the same, and not used until it does.
    fn disbelieve(&self) {
        // No success, and cannot fail.
        drop(self.with_set(|set| Ok(set.believed_until(i64::MIN))));
    }

    /// Nothing is known of this issuer any more.
    fn forget(&self) {
        // No success, and cannot fail.
        drop(self.with_set(|_| Ok(KeySet::unknown(self.source.issuer.clone()))));
    }

    fn with_set(&self, change: impl FnOnce(&KeySet) -> Result<KeySet, LoadError>) -> Result<(), LoadError> {
        self.ring.change(|ring| {
            if let Some(set) = ring.sets.get_mut(self.index) {
                *set = change(set)?;
            }
            Ok(())
        })
    }

    fn place(&self) -> String {
        match &self.source.origin {
            KeyOrigin::File(path) | KeyOrigin::Development(path) => path.display().to_string(),
            KeyOrigin::Url(url) | KeyOrigin::WellKnown(url) => url.to_string(),
        }
    }

    fn report(&self, loaded: &Result<(), LoadError>) {
        self.metrics.keys_fetched(&self.source.name, loaded.is_ok());
        match loaded {
            Ok(()) => tracing::debug!(issuer = %self.source.name, "keys loaded"),
            Err(error) => {
                let cause = causes(error);
                tracing::error!(issuer = %self.source.name, "keys not loaded, the last good ones stay: {error}{cause}");
            }
        }
    }
}

/// What a file was when it was read last, good or bad.
#[derive(PartialEq, Eq)]
enum Last {
    Nothing,
    Unreadable,
    Document(Vec<u8>),
}

fn causes(error: &LoadError) -> String {
    let first = std::error::Error::source(error);
    let chain = std::iter::successors(first, |error| error.source());
    chain.fold(String::new(), |told, error| format!("{told}: {error}"))
}
