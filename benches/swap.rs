//! A policy of 100,000 partners: how long it takes to compile, and what checks notice when it is replaced every 100 ms.
//!
//! Compiling is measured in time on the core, which a busy machine does not change much.

#![expect(clippy::expect_used, reason = "without its fixtures there is nothing to measure")]

mod fixtures;
mod world;

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fixtures::{Caller, bundle, guests_for_mfa};
use rustix::time::{ClockId, clock_gettime};
use tenantgate::engine::{Resident, Rules, decide};
use tenantgate::policy::{Options, Revision, Snapshot, compile};
use tenantgate::store::{Reader, cell};
use tenantgate::token::Identity;
use world::{World, access};

const PARTNERS: u32 = 100_000;
const EVERY: Duration = Duration::from_millis(100);
const SWAPS: usize = 20;

fn main() {
    let bundle = bundle(PARTNERS, &[guests_for_mfa()]);
    let times = (0..5).map(|_| on_core(|| drop(black_box(compiled(&bundle)))));
    let fastest = times.min().expect("some");
    say(&format!(
        "compile {PARTNERS} partners, {} MB of JSON: {fastest:.1?} on the core",
        bundle.len() / 1_000_000
    ));

    let snapshots: Vec<_> = (0..SWAPS).map(|_| compiled(&bundle)).collect();
    let (publisher, reader) = cell();
    let world = World::new(PARTNERS, &[guests_for_mfa()]);
    let callers = [Caller::Member(1), Caller::Guest(3)].map(|caller| world.identity(caller));
    publisher.publish(world.snapshot);
    let quiet = latencies(&reader, &world.rules, &callers, || std::thread::sleep(EVERY * 20));
    let mut freed = Duration::ZERO;
    let swapped = latencies(&reader, &world.rules, &callers, || {
        for snapshot in snapshots {
            freed = freed.max(on_core(|| publisher.publish(snapshot)));
            std::thread::sleep(EVERY);
        }
    });
    for (name, latencies) in [("left alone", quiet), ("replaced", swapped)] {
        let at = |thousandths: usize| latencies.get(latencies.len() * thousandths / 100_000).expect("some");
        say(&format!("decisions while it is {name}: p50 {} ns, p99.9 {} ns", at(50_000), at(99_900)));
    }
    say(&format!("publishing, with the former one freed by the publisher: at most {freed:.1?} on the core"));
}

fn compiled(bundle: &str) -> Snapshot {
    let compiled = compile([bundle.as_bytes()], Revision("bench".into()), &Options::default());
    compiled.snapshot.expect("the bundle compiles")
}

/// Nanoseconds of each decision while `meanwhile` runs beside, sorted.
fn latencies(
    policy: &Reader<Snapshot>,
    rules: &Rules,
    callers: &[Identity],
    meanwhile: impl FnOnce() + Send,
) -> Vec<u32> {
    let done = AtomicBool::new(false);
    let mut latencies = Vec::with_capacity(1 << 26);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            meanwhile();
            done.store(true, Ordering::Relaxed);
        });
        for identity in callers.iter().cycle().take_while(|_| !done.load(Ordering::Relaxed)) {
            let started = Instant::now();
            let snapshot = policy.borrow();
            let snapshot = snapshot.as_deref().expect("a policy");
            black_box(decide(snapshot, &Resident, rules, &access(black_box(identity)), &mut ()).reason());
            latencies.push(u32::try_from(started.elapsed().as_nanos()).unwrap_or(u32::MAX));
        }
    });
    latencies.sort_unstable();
    latencies
}

/// Time that this thread spends on a core.
fn on_core(work: impl FnOnce()) -> Duration {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(now).expect("a time")
    };
    let started = now();
    work();
    now().saturating_sub(started)
}

#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
fn say(line: &str) {
    println!("{line}");
}
