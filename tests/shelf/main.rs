//! The interleavings of a watch, of loads and of checks, on exactly the ledger that shelves are kept by
//! (`src/directory/ledger.rs`), and on twins of it that lack one rule each: those must be caught.
//!
//! A store gives one partner a new value at each revision. The value *is* the revision, so that every check can tell
//! whether what it used is older than the revision that it named.

use std::panic::{AssertUnwindSafe, catch_unwind};

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};

/// What `crate::…` is in the ledger's file.
mod id {
    pub(crate) use tenantgate::id::TenantId;
}

/// The file of a ledger, with what it synchronises by under the scheduler's eyes.
macro_rules! ledger {
    ($name:ident, $path:literal) => {
        #[path = "."]
        mod $name {
            mod sync {
                pub(super) use std::sync::PoisonError;

                pub(super) use shuttle::sync::atomic::{AtomicU64, Ordering};
                pub(super) use shuttle::sync::{Mutex, MutexGuard};
            }
            #[expect(unreachable_pub, reason = "it is public where it is")]
            #[path = $path]
            mod ledger;
            scenes!(ledger);
        }
    };
}

macro_rules! scenes {
    ($ledger:ident) => {
        use std::collections::HashMap;

        use shuttle::sync::atomic::{AtomicU64 as Shared, Ordering::SeqCst};
        use shuttle::sync::{Arc, Mutex as Locked};
        use shuttle::thread;

        use self::$ledger::{Kept, Ledger};
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
            /// Each value with the revision that it was read at.
            entries: Locked<HashMap<TenantId, (u64, u64)>>,
        }

        impl World {
            fn put(&self, id: TenantId, read_at: u64, value: u64) {
                self.entries.lock().unwrap().insert(id, (read_at, value));
            }

            fn get(&self, id: TenantId) -> Option<(u64, u64)> {
                self.entries.lock().unwrap().get(&id).copied()
            }

            /// One change of P, and what the watch then tells.
            fn write(&self, revision: u64) {
                self.store.store(revision, SeqCst);
                thread::yield_now();
                self.ledger.apply(revision, [(revision, P)], || {
                    if self.get(P).is_some_and(|(read_at, _)| read_at < revision) {
                        self.put(P, revision, revision);
                    }
                });
                self.published.store(revision, SeqCst);
            }

            /// Reads P from the store, now; keeps it some time later.
            fn load(&self, wanted: u64) {
                for _ in 0..3 {
                    let value = self.store.load(SeqCst);
                    thread::yield_now();
                    let kept = self.ledger.keep(P, value, || {
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
                    Some(used) => assert!(used >= named, "a decision at {named} used the value of {used}"),
                    None => self.load(named),
                }
            }
        }

        fn world() -> Arc<World> {
            Arc::new(World {
                store: Shared::new(1),
                published: Shared::new(1),
                ledger: Ledger::new(1),
                entries: Locked::default(),
            })
        }

        pub(crate) const SCENES: [(&str, fn()); 5] = [
            ("changes", changes),
            ("settings", settings),
            ("together", together),
            ("others", others),
            ("lost", lost),
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
            let kept = world.ledger.keep(P, 1, || world.put(P, 1.max(world.ledger.applied()), 1));
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
    };
}

ledger!(original, "../../src/directory/ledger.rs");
ledger!(counted_first, "twins/counted_first.rs");
ledger!(entry_first, "twins/entry_first.rs");
ledger!(overtaken_kept, "twins/overtaken_kept.rs");
ledger!(never_too_old, "twins/never_too_old.rs");
ledger!(nothing_forgotten, "twins/nothing_forgotten.rs");

/// Each twin's file, and the one place where it differs from the original.
const TWINS: &[(&str, &str, &str)] = &[
    (
        "counted_first",
        "        change();\n        self.applied.store(revision.max(self.applied()), Ordering::Release);\n",
        "        self.applied.store(revision.max(self.applied()), Ordering::Release);\n        change();\n",
    ),
    (
        "entry_first",
        "        let applied = self.applied();\n        let (read_at, found) = get()?;\n",
        "        let (read_at, found) = get()?;\n        let applied = self.applied();\n",
    ),
    (
        "overtaken_kept",
        "if read_at < changes.since || newer().any(|(_, changed)| *changed == id) {",
        "if read_at < changes.since && newer().any(|(_, changed)| *changed == id) {",
    ),
    ("never_too_old", ">= revision)", ">= revision.min(1))"),
    ("nothing_forgotten", "        forget();\n", "        drop(forget);\n"),
];

#[test]
fn no_decision_uses_a_value_older_than_the_revision_it_names() {
    for (_, scene) in original::SCENES {
        everywhere(scene);
    }
}

#[test]
fn a_ledger_that_lacks_a_rule_is_caught() {
    for (twin, scenes, by) in [
        ("counted_first", counted_first::SCENES, "together"),
        ("entry_first", entry_first::SCENES, "together"),
        ("overtaken_kept", overtaken_kept::SCENES, "changes"),
        ("never_too_old", never_too_old::SCENES, "settings"),
        ("nothing_forgotten", nothing_forgotten::SCENES, "lost"),
    ] {
        let (_, scene) = scenes.into_iter().find(|(name, _)| *name == by).unwrap();
        assert!(is_caught(scene), "{twin} is not caught");
    }
}

/// `UPDATE=1` writes them anew.
#[test]
fn each_twin_is_the_original_but_for_one_rule() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let original = std::fs::read_to_string(root.join("src/directory/ledger.rs")).unwrap();
    for (name, rule, instead) in TWINS {
        assert_eq!(original.matches(rule).count(), 1, "{name} has no place any more");
        let path = root.join(format!("tests/shelf/twins/{name}.rs"));
        let twin = original.replacen(rule, instead, 1);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &twin).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), twin, "{name} is not what it says: UPDATE=1");
    }
}

fn everywhere(scene: fn()) {
    const ITERATIONS: usize = 5_000;
    Runner::new(RandomScheduler::new(ITERATIONS), Config::new()).run(scene);
    Runner::new(PctScheduler::new(4, ITERATIONS), Config::new()).run(scene);
}

fn is_caught(scene: fn()) -> bool {
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let caught = catch_unwind(AssertUnwindSafe(|| everywhere(scene))).is_err();
    std::panic::set_hook(loud);
    caught
}
