//! What all shelves have in common: the caches, and the bounds.

use std::hash::{BuildHasher as _, Hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use moka::sync::Cache;
use tokio::time::Instant;

use crate::directory::behind::Behind;
use crate::directory::flights::Flights;
use crate::directory::ledger::Held;
use crate::directory::shelf::{AtHand, Loader, PartnerShelf, Record};
use crate::id::TenantId;
use crate::telemetry::Metrics;

/// How partners are kept.
#[derive(Debug, Clone, Copy)]
pub struct DirectoryConfig {
    /// `partners.cache_capacity`: records held.
    pub capacity: u64,
    /// `partners.ttl`
    pub ttl: Duration,
    /// `partners.negative_ttl`
    pub negative_ttl: Duration,
    /// `partners.load_timeout`
    pub load_timeout: Duration,
    /// Whether records are kept as text too.
    pub keep_texts: bool,
}

/// Absences held: they are for whoever asks again, and cheap to ask for once more.
const ABSENCES: u64 = 10_000;
/// For this long an entry whose reload failed is served without another attempt.
const GRACE: Duration = Duration::from_secs(1);
/// Reads at once.
const AT_ONCE: usize = 64;

/// A shelf's number, and the other tenant.
pub(in crate::directory) type Key = (u64, TenantId);

/// A record as it was read.
#[derive(Debug)]
pub(in crate::directory) struct Entry {
    pub(in crate::directory) held: Held,
    pub(in crate::directory) record: Record,
    text: Option<Arc<[u8]>>,
    /// Milliseconds after the start of the directory.
    due: AtomicU64,
}

impl Entry {
    /// The entry as text; nothing where that was not kept.
    pub(in crate::directory) fn at_hand(&self, other: TenantId) -> Option<AtHand> {
        let is_absent = matches!(self.record, Record::Absent);
        let kept = is_absent || self.text.is_some();
        kept.then(|| AtHand { other, read_at: self.held.read_at, text: self.text.clone() })
    }
}

/// Everything that is at hand.
#[derive(Debug)]
pub struct Directory {
    pub(in crate::directory) config: DirectoryConfig,
    pub(in crate::directory) loader: Box<dyn Loader>,
    pub(in crate::directory) flights: Flights,
    pub(in crate::directory) behind: Behind,
    pub(in crate::directory) metrics: Arc<Metrics>,
    records: Cache<Key, Arc<Entry>, RandomState>,
    absences: Cache<Key, Arc<Entry>, RandomState>,
    shelves: AtomicU64,
    /// Entries that were ever put.
    put: AtomicU64,
    started: Instant,
    seed: RandomState,
}

impl Directory {
    /// A directory that reads by `loader`.
    pub fn new(config: DirectoryConfig, loader: impl Loader, metrics: Arc<Metrics>) -> Arc<Self> {
        let cache = |capacity| {
            Cache::builder()
                .max_capacity(capacity)
                .support_invalidation_closures()
                .build_with_hasher(RandomState::default())
        };
        Arc::new(Self {
            config,
            loader: Box::new(loader),
            flights: Flights::new(AT_ONCE),
            behind: Behind::default(),
            metrics,
            records: cache(config.capacity),
            absences: cache(config.capacity.min(ABSENCES)),
            shelves: AtomicU64::new(0),
            put: AtomicU64::new(0),
            started: Instant::now(),
            seed: RandomState::default(),
        })
    }

    /// An empty shelf for the partners of `tenant` in `generation`, whose watch begins after `revision`.
    pub fn shelf(self: &Arc<Self>, tenant: TenantId, generation: u64, revision: u64) -> Arc<PartnerShelf> {
        let number = self.shelves.fetch_add(1, Ordering::Relaxed);
        Arc::new(PartnerShelf::new(Arc::clone(self), number, tenant, generation, revision))
    }

    /// Decisions are made on the settings of `revision` from now on.
    pub fn settings_are_of(&self, revision: u64) {
        self.behind.known_at(revision);
    }

    /// Waits until there is a record that goes with newer settings, so that it is of no use without them.
    pub async fn is_behind(&self) {
        self.behind.told().await;
    }

    /// Records and absences held.
    pub fn entries(&self) -> u64 {
        self.records.run_pending_tasks();
        self.absences.run_pending_tasks();
        self.records.entry_count().saturating_add(self.absences.entry_count())
    }

    /// Grows with each entry that comes or changes.
    pub fn changes(&self) -> u64 {
        self.put.load(Ordering::Relaxed)
    }

    /// What is at hand of one shelf.
    pub(in crate::directory) fn of_shelf(&self, wanted: u64) -> impl Iterator<Item = (TenantId, Arc<Entry>)> {
        let all = self.records.iter().chain(self.absences.iter());
        all.filter(move |(key, _)| key.0 == wanted).map(|(key, entry)| (key.1, entry))
    }

    pub(in crate::directory) fn get(&self, key: Key) -> Option<Arc<Entry>> {
        self.records.get(&key).or_else(|| self.absences.get(&key))
    }

    /// Whether something is at hand that was read before `revision`.
    pub(in crate::directory) fn has_older(&self, key: Key, revision: u64) -> bool {
        self.get(key).is_some_and(|entry| entry.held.read_at < revision)
    }

    pub(in crate::directory) fn put(&self, key: Key, held: Held, record: Record, text: Option<Arc<[u8]>>) {
        let text = text.filter(|_| self.config.keep_texts);
        let (here, there, ttl) = match &record {
            Record::Partner(_) | Record::Unreadable => (&self.records, &self.absences, self.config.ttl),
            Record::Absent => (&self.absences, &self.records, self.config.negative_ttl),
        };
        let due = AtomicU64::new(self.now().saturating_add(self.jittered(ttl, key)));
        here.insert(key, Arc::new(Entry { held, record, text, due }));
        there.invalidate(&key);
        self.put.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets a whole shelf.
    pub(in crate::directory) fn clear(&self, emptied: u64) {
        for cache in [&self.records, &self.absences] {
            // Fails only where closures are not supported.
            let _id = cache.invalidate_entries_if(move |(number, _), _| *number == emptied);
        }
    }

    pub(in crate::directory) fn is_due(&self, entry: &Entry) -> bool {
        entry.due.load(Ordering::Relaxed) <= self.now()
    }

    /// Serves the entry a little longer, for it cannot be read anew now.
    pub(in crate::directory) fn put_off(&self, entry: &Entry) {
        entry.due.store(self.now().saturating_add(milliseconds(GRACE)), Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        milliseconds(self.started.elapsed())
    }

    /// Nine to eleven tenths: what came together must not go together.
    fn jittered(&self, ttl: Duration, key: impl Hash) -> u64 {
        let ttl = milliseconds(ttl);
        let tenth = ttl / 10;
        let share = self.seed.hash_one(key) % tenth.saturating_mul(2).saturating_add(1);
        ttl.saturating_sub(tenth).saturating_add(share)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
