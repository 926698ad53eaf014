//! The partners of one hosted tenant in one generation.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use crate::directory::caches::{Directory, Entry, Key};
use crate::directory::ledger::{Held, Kept, Ledger};
use crate::id::TenantId;
use crate::policy::{Fetch, Found, Partner, Shelf};

/// Reads records from where they are kept.
pub trait Loader: fmt::Debug + Send + Sync + 'static {
    /// The record that `tenant` keeps for `other` in `generation`: as any member of the store has it, or, where it must
    /// be `newest`, as the store has agreed on.
    fn load(&self, tenant: TenantId, generation: u64, other: TenantId, newest: bool) -> Load;
}

/// The work of reading one.
pub type Load = Pin<Box<dyn Future<Output = Result<Loaded, LoadError>> + Send>>;

/// A record, or that there is none, at a revision.
#[derive(Debug)]
pub struct Loaded {
    /// Which.
    pub revision: u64,
    /// The last one that had written the tenant's settings then.
    pub settings: u64,
    /// The one that had written the record; nothing where nothing was there.
    pub modified: Option<u64>,
    /// What was there.
    pub record: Record,
    /// As the store has it; nothing where nothing was there.
    pub text: Option<Box<[u8]>>,
}

/// What there is for one other tenant.
#[derive(Debug, Clone)]
pub enum Record {
    /// This.
    Partner(Arc<Partner>),
    /// Something that cannot be read; it permits nobody.
    Unreadable,
    /// Nothing.
    Absent,
}

/// The store did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store did not answer")]
pub struct LoadError;

/// What the watch tells of one record.
#[derive(Debug)]
pub struct Change {
    /// When.
    pub revision: u64,
    /// Whose record it is.
    pub other: TenantId,
    /// What it is from now on.
    pub record: Record,
    /// As the store has it; nothing where it is removed.
    pub text: Option<Box<[u8]>>,
}

/// What is at hand, to be put on a shelf again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtHand {
    /// Whose record it is.
    pub other: TenantId,
    /// When it was read.
    pub read_at: u64,
    /// As the store has it; nothing where nothing was there.
    pub text: Option<Arc<[u8]>>,
}

/// Attempts to read a record that changes meanwhile, or that a member of the store does not have yet.
const ATTEMPTS: usize = 4;
/// A read that takes longer has failed, whoever still waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The shelf.
pub struct PartnerShelf {
    directory: Arc<Directory>,
    number: u64,
    tenant: TenantId,
    generation: u64,
    ledger: Ledger,
    /// The revision that made another generation the active one.
    overruled: AtomicU64,
}

/// Of a shelf whose generation is the active one.
const NEVER: u64 = u64::MAX;

impl PartnerShelf {
    pub(in crate::directory) fn new(
        directory: Arc<Directory>,
        number: u64,
        tenant: TenantId,
        generation: u64,
        revision: u64,
    ) -> Self {
        let (ledger, overruled) = (Ledger::new(revision), AtomicU64::new(NEVER));
        Self { directory, number, tenant, generation, ledger, overruled }
    }

    /// Which generation it is of.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Through which revision the watch was applied.
    pub fn applied(&self) -> u64 {
        self.ledger.applied()
    }

    /// Since `revision` another generation is active, and what is active is refused. What happens to these partners,
    /// which may be removed, is nobody's policy, is not followed, and so is not known when they count again: that is for
    /// another shelf.
    pub fn overrule(&self, revision: u64) {
        self.overruled.fetch_min(revision, Ordering::SeqCst);
    }

    /// Whether it was overruled once.
    pub fn is_overruled(&self) -> bool {
        self.overruled.load(Ordering::SeqCst) != NEVER
    }

    /// Applies what the watch told, everything until `revision`; publish that revision afterwards. Until then the
    /// tenant's settings were those that the revision `settings` wrote.
    pub fn apply(&self, revision: u64, settings: u64, changes: Vec<Change>) {
        let whose: Vec<_> = changes.iter().map(|change| (change.revision, change.other)).collect();
        self.ledger.apply(revision, whose, || {
            for Change { revision: read_at, other, record, text } in changes {
                let key = self.key(other);
                // Nobody asks for most of a store's records.
                if self.directory.has_older(key, read_at) {
                    self.directory.put(key, Held { read_at, settings }, record, text.map(Into::into));
                }
            }
        });
    }

    /// Everything that is good for a snapshot of `revision`, with its text: nothing where texts are not kept.
    pub fn at_hand(&self, revision: u64) -> Vec<AtHand> {
        let good = |other, entry: &Entry| {
            let at_hand = entry.at_hand(other)?;
            self.ledger.find(revision, || Some((entry.held, at_hand)))
        };
        self.directory.of_shelf(self.number).filter_map(|(other, entry)| good(other, &entry)).collect()
    }

    /// Puts on an empty shelf what was at hand for the revision that it begins after; `record` reads a text.
    pub fn take_back(&self, at_hand: Vec<AtHand>, record: impl Fn(TenantId, &[u8]) -> Record) {
        let settings = self.applied();
        for AtHand { other, read_at, text } in at_hand {
            let record = text.as_deref().map_or(Record::Absent, |text| record(other, text));
            self.directory.put(self.key(other), Held { read_at, settings }, record, text);
        }
    }

    /// Empties the shelf: what happened until `revision` is not known any more.
    pub fn restart(&self, revision: u64) {
        self.ledger.restart(revision, || self.directory.clear(self.number));
    }

    fn key(&self, other: TenantId) -> Key {
        (self.number, other)
    }

    /// The entry, if it is good for a snapshot of `revision`.
    fn good(&self, other: TenantId, revision: u64) -> Option<Arc<Entry>> {
        self.ledger.find(revision, || {
            let entry = self.directory.get(self.key(other))?;
            Some((entry.held, entry))
        })
    }

    /// Reads the record for all who wait, and keeps it; gives whether there is something good at hand now.
    async fn load(&self, other: TenantId, revision: u64) -> bool {
        for attempt in 0..ATTEMPTS {
            let begun = self.ledger.begin();
            let load = self.directory.loader.load(self.tenant, self.generation, other, attempt > 0);
            let Ok(Ok(Loaded { revision: read_at, settings, modified, record, text })) =
                timeout(PATIENCE, load).await
            else {
                break;
            };
            // What is at hand is still good for settings from before, and all there is if newer ones do not come.
            if !self.directory.behind.made_up_to(settings).await {
                break;
            }
            // What has been there since the generation counted was its policy.
            let overruled = self.overruled.load(Ordering::SeqCst);
            if overruled != NEVER && modified.is_none_or(|modified| modified > overruled) {
                break;
            }
            let kept = self.ledger.keep(other, begun, read_at, || {
                let held = Held { read_at: read_at.max(self.applied()), settings };
                self.directory.put(self.key(other), held, record, text.map(Into::into));
            });
            if matches!(kept, Kept::Until(until) if until >= revision) {
                return true;
            }
        }
        self.settle(other, revision)
    }

    /// Goes on with what is at hand, where that is good and only its time is over.
    fn settle(&self, other: TenantId, revision: u64) -> bool {
        let entry = self.good(other, revision);
        if let Some(entry) = &entry {
            self.directory.put_off(entry);
        }
        entry.is_some()
    }
}

impl Shelf for PartnerShelf {
    fn find(&self, other: TenantId, revision: u64) -> Found {
        let entry = self.good(other, revision).filter(|entry| !self.directory.is_due(entry));
        self.directory.metrics.partner_looked_up(entry.is_some());
        match entry.as_deref().map(|entry| &entry.record) {
            Some(Record::Partner(partner)) => Found::Partner(Arc::clone(partner)),
            Some(Record::Unreadable) => Found::Unreadable,
            Some(Record::Absent) => Found::Absent,
            None => Found::Away,
        }
    }

    fn fetch(self: Arc<Self>, other: TenantId, revision: u64) -> Fetch {
        Box::pin(async move {
            let loading = Arc::clone(&self);
            let load = async move { loading.load(other, revision).await };
            let landed = self.directory.flights.board(self.key(other), load);
            match timeout(self.directory.config.load_timeout, landed).await {
                Ok(found) => found,
                Err(_) => self.settle(other, revision),
            }
        })
    }
}

impl Drop for PartnerShelf {
    fn drop(&mut self) {
        self.directory.clear(self.number);
    }
}

impl fmt::Debug for PartnerShelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartnerShelf").field("generation", &self.generation).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::sleep;

    use super::*;
    use crate::directory::DirectoryConfig;
    use crate::telemetry::Metrics;

    const L: TenantId = TenantId::from_u128(1);
    const P: TenantId = TenantId::from_u128(2);
    const Q: TenantId = TenantId::from_u128(3);

    type Answer = Result<Loaded, LoadError>;

    /// A store that answers as it was told to, each time after a while.
    #[derive(Debug, Clone, Default)]
    struct Told {
        answers: Arc<Mutex<VecDeque<Answer>>>,
        takes: Duration,
        asked: Arc<AtomicUsize>,
        newest: Arc<AtomicUsize>,
        at_once: Arc<AtomicUsize>,
        most_at_once: Arc<AtomicUsize>,
    }

    impl Loader for Told {
        fn load(&self, _tenant: TenantId, _generation: u64, _other: TenantId, newest: bool) -> Load {
            let told = self.clone();
            Box::pin(async move {
                told.asked.fetch_add(1, Ordering::SeqCst);
                told.newest.fetch_add(usize::from(newest), Ordering::SeqCst);
                let now = told.at_once.fetch_add(1, Ordering::SeqCst) + 1;
                told.most_at_once.fetch_max(now, Ordering::SeqCst);
                sleep(told.takes).await;
                told.at_once.fetch_sub(1, Ordering::SeqCst);
                let answer = told.answers.lock().unwrap().pop_front();
                answer.unwrap_or_else(|| Ok(at(10, Record::Absent)))
            })
        }
    }

    fn record() -> Record {
        Record::Partner(Arc::new(Partner { is_service_provider: true, ..Partner::default() }))
    }

    fn at(revision: u64, record: Record) -> Loaded {
        let text = (!matches!(record, Record::Absent)).then(|| b"text".as_slice().into());
        let modified = text.as_ref().map(|_| revision);
        Loaded { revision, settings: 0, modified, record, text }
    }

    fn shelf(told: &Told, ttl: u64, answers: impl IntoIterator<Item = Answer>) -> Arc<PartnerShelf> {
        told.answers.lock().unwrap().extend(answers);
        let config = DirectoryConfig {
            capacity: 100,
            ttl: Duration::from_millis(ttl),
            negative_ttl: Duration::from_millis(ttl),
            load_timeout: Duration::from_millis(400),
            keep_texts: true,
        };
        Directory::new(config, told.clone(), Arc::new(Metrics::new([]))).shelf(L, 1, 10)
    }

    async fn fetched(shelf: &Arc<PartnerShelf>, other: TenantId, revision: u64) -> bool {
        Arc::clone(shelf).fetch(other, revision).await
    }

    fn is_there(shelf: &PartnerShelf, other: TenantId, revision: u64) -> bool {
        matches!(shelf.find(other, revision), Found::Partner(_))
    }

    #[tokio::test]
    async fn what_was_read_is_at_hand_and_what_failed_is_not_absent() {
        let told = Told::default();
        let shelf =
            shelf(&told, 1000, [Err(LoadError), Ok(at(10, record())), Ok(at(10, Record::Unreadable))]);
        assert!(!fetched(&shelf, P, 10).await);
        assert!(matches!(shelf.find(P, 10), Found::Away));
        assert!(fetched(&shelf, P, 10).await && is_there(&shelf, P, 10));
        assert!(fetched(&shelf, Q, 10).await);
        assert!(matches!(shelf.find(Q, 10), Found::Unreadable));
        let nobody = TenantId::from_u128(4);
        assert!(fetched(&shelf, nobody, 10).await);
        assert!(matches!(shelf.find(nobody, 10), Found::Absent));
    }

    #[tokio::test]
    async fn all_who_wait_for_a_record_wait_for_one_read() {
        let told = Told { takes: Duration::from_millis(50), ..Told::default() };
        let shelf = shelf(&told, 1000, [Ok(at(10, record()))]);
        let waiting: Vec<_> = (0..100)
            .map(|_| {
                let shelf = Arc::clone(&shelf);
                tokio::spawn(async move { fetched(&shelf, P, 10).await })
            })
            .collect();
        for waiter in waiting {
            assert!(waiter.await.unwrap());
        }
        assert_eq!(told.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn the_store_is_asked_for_a_bounded_number_of_records_at_once() {
        let told = Told { takes: Duration::from_millis(300), ..Told::default() };
        let shelf = shelf(&told, 1000, []);
        let waiting: Vec<_> = (0..1000)
            .map(|other| {
                let shelf = Arc::clone(&shelf);
                tokio::spawn(async move { fetched(&shelf, TenantId::from_u128(other), 10).await })
            })
            .collect();
        let mut found = 0;
        for waiter in waiting {
            found += usize::from(waiter.await.unwrap());
        }
        // The others had no place in time.
        assert_eq!((found, told.most_at_once.load(Ordering::SeqCst)), (64, 64));
    }

    #[tokio::test]
    async fn a_late_answer_serves_whoever_comes_next() {
        let told = Told { takes: Duration::from_millis(700), ..Told::default() };
        let shelf = shelf(&told, 10_000, [Ok(at(10, record()))]);
        assert!(!fetched(&shelf, P, 10).await, "nobody waits so long");
        sleep(Duration::from_millis(600)).await;
        assert!(is_there(&shelf, P, 10));
    }

    #[tokio::test]
    async fn what_cannot_be_read_anew_is_served_for_as_long_as_it_is_good() {
        let told = Told::default();
        let shelf = shelf(&told, 100, [Ok(at(10, record())), Err(LoadError), Err(LoadError)]);
        assert!(fetched(&shelf, P, 10).await);
        sleep(Duration::from_millis(200)).await;
        assert!(matches!(shelf.find(P, 10), Found::Away), "its time is over");
        assert!(fetched(&shelf, P, 10).await && is_there(&shelf, P, 10));
        // At a later revision that the watch has not told everything until, it may be an old one.
        assert!(!fetched(&shelf, P, 11).await && !is_there(&shelf, P, 11));
    }

    #[tokio::test]
    async fn a_member_that_lags_is_not_believed() {
        let told = Told::default();
        let shelf = shelf(&told, 1000, [Ok(at(9, record())), Ok(at(12, Record::Absent))]);
        // The watch knows of everything until 10.
        assert!(fetched(&shelf, P, 10).await);
        assert!(matches!(shelf.find(P, 12), Found::Absent));
        assert_eq!(told.newest.load(Ordering::SeqCst), 1, "asked once more, for what the members agree on");
    }

    #[tokio::test]
    async fn what_goes_with_newer_settings_is_kept_when_those_are_there() {
        let told = Told::default();
        let newer = || Ok(Loaded { settings: 12, ..at(12, Record::Absent) });
        let shelf = shelf(&told, 100, [Ok(at(10, record())), newer(), newer()]);
        shelf.directory.settings_are_of(10);
        assert!(fetched(&shelf, P, 10).await);
        sleep(Duration::from_millis(200)).await;
        assert!(matches!(shelf.find(P, 10), Found::Away), "its time is over");
        // They do not come, and what was read with those that are there is still good.
        assert!(fetched(&shelf, P, 10).await && is_there(&shelf, P, 10));
        let source = Arc::clone(&shelf.directory);
        let source = tokio::spawn(async move {
            source.is_behind().await;
            source.settings_are_of(12);
        });
        assert!(fetched(&shelf, Q, 10).await);
        source.await.unwrap();
        assert!(matches!(shelf.find(Q, 11), Found::Away), "it was never so with settings from before");
        assert!(matches!(shelf.find(Q, 12), Found::Absent));
    }

    #[tokio::test]
    async fn the_watch_changes_what_is_at_hand_and_keeps_the_rest_good() {
        let told = Told::default();
        let shelf = shelf(&told, 10_000, [Ok(at(10, record())), Ok(at(10, record()))]);
        assert!(fetched(&shelf, P, 10).await && fetched(&shelf, Q, 10).await);
        shelf.apply(11, 0, vec![Change { revision: 11, other: P, record: Record::Absent, text: None }]);
        assert!(matches!(shelf.find(P, 11), Found::Absent));
        assert!(is_there(&shelf, Q, 11), "it did not change");
        assert!(!is_there(&shelf, Q, 12), "but at 12 it may have");
        shelf.restart(12);
        assert!(!is_there(&shelf, Q, 12) && !is_there(&shelf, Q, 1), "nothing is known any more");
    }

    #[tokio::test]
    async fn what_is_at_hand_can_be_put_on_another_shelf() {
        let told = Told::default();
        let shelf = shelf(&told, 10_000, [Ok(at(10, record())), Ok(at(10, Record::Absent))]);
        assert!(fetched(&shelf, P, 10).await && fetched(&shelf, Q, 10).await);
        let mut at_hand = shelf.at_hand(10);
        at_hand.sort_by_key(|held| held.other);
        let expected = [(P, Some(Arc::from(b"text".as_slice()))), (Q, None)].map(|(other, text)| AtHand {
            other,
            read_at: 10,
            text,
        });
        assert_eq!(at_hand, expected);
        assert_eq!(shelf.at_hand(11), [], "at 11 they may be others");
        let again = shelf.directory.shelf(L, 1, 10);
        again.take_back(at_hand, |_, text| if text == b"text" { record() } else { Record::Unreadable });
        assert!(is_there(&again, P, 10) && matches!(again.find(Q, 10), Found::Absent));
        assert_eq!(told.asked.load(Ordering::SeqCst), 2);
    }
}
