//! What a store, a watch, loads and checks do at once.
//!
//! A store gives one partner a new value at each revision. The value *is* the revision, so that every check can tell
//! whether what it used is older than the revision that it named.

use std::collections::HashMap;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::atomic::{AtomicU64 as Shared, Ordering::SeqCst};
use shuttle::sync::{Arc, Mutex as Locked};
use shuttle::{Config, Runner, thread};

use super::ledger::{Held, Kept, Ledger};
use crate::id::TenantId;

const P: TenantId = TenantId::from_u128(1);
const Q: TenantId = TenantId::from_u128(2);

/// What a cluster and a sidecar have.
struct World {
    /// The store's revision, which is the value of P too.
    store: Shared,
    /// What checks are made on.
    published: Shared,
    ledger: Ledger,
    /// The revision that changes settings with P, if one does.
    settings: u64,
    entries: Locked<HashMap<TenantId, (Held, u64)>>,
}

impl World {
    fn put(&self, id: TenantId, read_at: u64, value: u64) {
        let held = Held { read_at, settings: self.settings(value) };
        self.entries.lock().unwrap().insert(id, (held, value));
    }

    /// The last revision until this one that had written settings.
    fn settings(&self, revision: u64) -> u64 {
        if revision < self.settings { 1 } else { self.settings }
    }

    fn get(&self, id: TenantId) -> Option<(Held, u64)> {
        self.entries.lock().unwrap().get(&id).copied()
    }

    /// One change of P, and what the watch then tells.
    fn write(&self, revision: u64) {
        self.store.store(revision, SeqCst);
        thread::yield_now();
        self.ledger.apply(revision, [(revision, P)], || {
            if self.get(P).is_some_and(|(held, _)| held.read_at < revision) {
                self.put(P, revision, revision);
            }
        });
        self.published.store(revision, SeqCst);
    }

    /// Reads P from the store, now; keeps it some time later.
    fn load(&self, wanted: u64) {
        for _ in 0..3 {
            let begun = self.ledger.begin();
            let value = self.store.load(SeqCst);
            thread::yield_now();
            let kept = self.ledger.keep(P, begun, value, || {
                self.put(P, value.max(self.ledger.applied()), value);
            });
            if matches!(kept, Kept::Until(until) if until >= wanted) {
                return;
            }
        }
    }

    fn check(&self) {
        let named = self.published.load(SeqCst);
        match self.ledger.find(named, || self.get(P)) {
            Some(used) => {
                assert!(used >= named, "a decision at {named} used the value of {used}");
                let (with, settings) = (self.settings(named), self.settings(used));
                assert_eq!(with, settings, "a decision joined settings of {with} to the value of {used}");
            }
            None => self.load(named),
        }
    }
}

fn world() -> Arc<World> {
    with_settings_changed_at(u64::MAX)
}

fn with_settings_changed_at(settings: u64) -> Arc<World> {
    Arc::new(World {
        store: Shared::new(1),
        published: Shared::new(1),
        ledger: Ledger::new(1),
        settings,
        entries: Locked::default(),
    })
}

pub(crate) const SCENES: [(&str, fn()); 7] = [
    ("changes", changes),
    ("settings", settings),
    ("together", together),
    ("joined", joined),
    ("others", others),
    ("lost", lost),
    ("restored", restored),
];

/// A partner that changes while it is loaded and asked for.
fn changes() {
    let world = world();
    let writer = Arc::clone(&world);
    let writer = thread::spawn(move || (2..=4).for_each(|revision| writer.write(revision)));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let world = Arc::clone(&world);
            thread::spawn(move || (0..3).for_each(|_| world.check()))
        })
        .collect();
    writer.join().unwrap();
    for reader in readers {
        reader.join().unwrap();
    }
    // At rest, P is found or found missing, and never old.
    world.check();
}

/// Settings that are published without a word from the watch: what was read before is not good for them.
fn settings() {
    let world = world();
    world.load(1);
    let writer = Arc::clone(&world);
    let writer = thread::spawn(move || {
        // P changes, and so do settings, which are read and published before the watch tells of P.
        writer.store.store(3, SeqCst);
        writer.published.store(3, SeqCst);
        thread::yield_now();
        writer.ledger.apply(2, [(2, P)], || writer.put(P, 2, 3));
    });
    world.check();
    world.check();
    writer.join().unwrap();
    world.check();
}

/// One transaction changes P and settings, which are read and published before the watch tells of P.
fn together() {
    let world = world();
    world.load(1);
    let writer = Arc::clone(&world);
    let writer = thread::spawn(move || {
        writer.store.store(2, SeqCst);
        writer.published.store(2, SeqCst);
        writer.write(2);
    });
    world.check();
    world.check();
    writer.join().unwrap();
    world.check();
}

/// One transaction changes P and settings, and whoever reads P, or is told of it, may be before those are published.
fn joined() {
    let world = with_settings_changed_at(2);
    world.load(1);
    let writer = Arc::clone(&world);
    let writer = thread::spawn(move || writer.write(2));
    let reader = Arc::clone(&world);
    let reader = thread::spawn(move || reader.load(2));
    world.check();
    world.check();
    writer.join().unwrap();
    reader.join().unwrap();
    world.check();
}

/// Many others change: a load is kept all the same, and good for what is published then.
fn others() {
    let world = world();
    let writer = Arc::clone(&world);
    let writer = thread::spawn(move || {
        for revision in 2..=4 {
            // P stays what it was at 1, and its value tells nothing here.
            writer.ledger.apply(revision, [(revision, Q)], || ());
            writer.published.store(revision, SeqCst);
        }
    });
    let kept =
        world.ledger.keep(P, world.ledger.begin(), 1, || world.put(P, 1.max(world.ledger.applied()), 1));
    assert!(matches!(kept, Kept::Until(_)), "what others change overtakes nothing");
    writer.join().unwrap();
    assert_eq!(world.ledger.find(4, || world.get(P)), Some(1));
}

/// The watch lost what was compacted, and starts anew.
fn lost() {
    let world = world();
    world.load(1);
    let watch = Arc::clone(&world);
    let watch = thread::spawn(move || {
        // P changed at 5, unheard.
        watch.store.store(5, SeqCst);
        thread::yield_now();
        watch.ledger.restart(5, || watch.entries.lock().unwrap().clear());
        watch.published.store(5, SeqCst);
    });
    world.check();
    world.check();
    watch.join().unwrap();
    world.check();
}

/// The store is there again as it was at 5, while P is read as it was at 9.
fn restored() {
    let world = world();
    world.store.store(9, SeqCst);
    let reader = Arc::clone(&world);
    let reader = thread::spawn(move || reader.load(1));
    world.store.store(5, SeqCst);
    thread::yield_now();
    world.ledger.restart(5, || world.entries.lock().unwrap().clear());
    world.published.store(5, SeqCst);
    reader.join().unwrap();
    let found = world.ledger.find(5, || world.get(P));
    assert!(found.is_none_or(|used| used == 5), "the value of {found:?} is none that the store has");
}

/// Tries the interleavings of a scene; panics at one that goes wrong.
pub(crate) fn everywhere(scene: fn()) {
    const ITERATIONS: usize = 5_000;
    Runner::new(RandomScheduler::new(ITERATIONS), Config::new()).run(scene);
    Runner::new(PctScheduler::new(4, ITERATIONS), Config::new()).run(scene);
}
