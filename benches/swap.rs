//! A policy of 100,000 partners: how long it takes to compile, whole and after one partner changed, and what checks
//! notice when another takes its place every 100 ms.
//!
//! Compiling is measured in time on the core, which a busy machine does not change much. Checks are whole ones, from
//! the message to the answer, of warm tokens; rounds with and without replacing alternate, and each figure is the
//! least of its rounds, of which each has ten policies: whatever else the machine does only adds to it.

#![expect(clippy::expect_used, reason = "without its fixtures there is nothing to measure")]

mod fixtures;
mod gate;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fixtures::id::{TENANT, partner};
use fixtures::{Caller, bundle, claims, guests_for_mfa};
use prost::Message as _;
use rustix::time::{ClockId, clock_gettime};
use tenantgate::check::{Gate, Judge, Tokens};
use tenantgate::policy::{Options, PartnerEdit, Revision, Snapshot, amend, compile};
use tenantgate::source::Keys;
use tenantgate::store::{Publisher, Status, cell};
use tenantgate::telemetry::{Metrics, unix_now};
use tenantgate::token::DevelopmentIssuer;
use tokio::runtime::{Builder, Runtime};

/// As `src/main.rs`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const PARTNERS: u32 = 100_000;
const EVERY: Duration = Duration::from_millis(100);
const SWAPS: usize = 10;
const ROUNDS: usize = 20;

fn main() {
    let bundle = bundle(PARTNERS, &[guests_for_mfa()]);
    let size = bundle.len() / 1_000_000;
    say(&format!("compile {PARTNERS} partners, {size} MB of JSON: {:.1?} on the core", whole(&bundle)));
    say(&format!("compile one partner's change: {:.1?} on the core", amendment(&bundle)));
    swaps(&bundle);
}

/// The fastest of five.
fn whole(bundle: &str) -> Duration {
    (0..5).map(|_| on_core(|| compiled(bundle)).1).min().expect("some")
}

/// The median of many, published or not.
fn amendment(bundle: &str) -> Duration {
    let base = compiled(bundle);
    let id = partner(3);
    let record = format!(r#"{{"tenantId":"{id}","inboundTrust":{{"isMfaAccepted":false}}}}"#);
    let amended = || {
        let edit = PartnerEdit { tenant: TENANT, partner: id, record: Some(record.as_bytes()) };
        let compiled = amend(&base, [edit], Revision("amended".into()), &Options::default());
        compiled.expect("it is good").snapshot.expect("it compiles")
    };
    median((0..1000).map(|_| on_core(amended).1).collect())
}

fn swaps(bundle: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let issuer = DevelopmentIssuer::keygen(directory.path()).expect("a key");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (gate, _keys, publisher) = runtime.block_on(async { opened(directory.path()) });
    let checks = [Caller::Member(1), Caller::Guest(3)].map(|caller| {
        let token = issuer.mint(&claims(caller).to_string(), unix_now(), 3600).expect("a token");
        Bytes::from(gate::check(&token).encode_to_vec())
    });
    publisher.publish(compiled(bundle));
    let mut rounds = [const { Vec::new() }; 2];
    let mut freed = Duration::ZERO;
    for _ in 0..ROUNDS {
        let snapshots: Vec<_> = (0..SWAPS).map(|_| compiled(bundle)).collect();
        let [quiet, swapped] = &mut rounds;
        quiet.push(latencies(&runtime, &gate, &checks, || {
            for _ in 0..SWAPS {
                std::thread::sleep(EVERY);
            }
        }));
        swapped.push(latencies(&runtime, &gate, &checks, || {
            for snapshot in snapshots {
                freed = freed.max(on_core(|| publisher.publish(snapshot)).1);
                std::thread::sleep(EVERY);
            }
        }));
    }
    let [quiet, swapped] = rounds.map(|rounds| {
        let at = |thousandths| rounds.iter().map(|round| quantile(round, thousandths)).min().expect("some");
        (at(500), at(999))
    });
    for (name, (middle, tail)) in [("left alone", quiet), ("replaced", swapped)] {
        say(&format!("checks while it is {name}: p50 {middle:.2?}, p99.9 {tail:.2?}"));
    }
    let ratio = |after: Duration, before: Duration| after.as_secs_f64() / before.as_secs_f64();
    say(&format!("ratio: p50 {:.2}, p99.9 {:.2}", ratio(swapped.0, quiet.0), ratio(swapped.1, quiet.1)));
    say(&format!("publishing, with the former one freed by the publisher: at most {freed:.1?} on the core"));
}

/// A gate as the service has it, whose policy is published here.
fn opened(directory: &Path) -> (Gate, Keys, Publisher<Snapshot>) {
    let composed = gate::set(directory, &bundle(1, &[])).compose().expect("complete");
    let metrics = Arc::new(Metrics::new(["development"]));
    let (publisher, policy) = cell();
    let keys = Keys::start(composed.keys, &composed.keys_config, &metrics).expect("keys");
    let (ring, wanted) = (keys.reader(), keys.wanted());
    let tokens = Tokens::new(composed.expected, ring, wanted, composed.token_limits, Arc::clone(&metrics));
    let (_, nobody) = cell();
    let status = Arc::new(Status::default());
    status.reached(unix_now());
    let judge = Judge::new(composed.judge, policy, nobody, status);
    (Gate::new(composed.gate, judge, tokens, metrics), keys, publisher)
}

fn compiled(bundle: &str) -> Snapshot {
    let compiled = compile([bundle.as_bytes()], Revision("bench".into()), &Options::default());
    compiled.snapshot.expect("the bundle compiles")
}

/// How long each check takes while `meanwhile` runs beside, sorted.
fn latencies(
    runtime: &Runtime,
    gate: &Gate,
    checks: &[Bytes],
    meanwhile: impl FnOnce() + Send,
) -> Vec<Duration> {
    let done = AtomicBool::new(false);
    let mut latencies = Vec::with_capacity(1 << 22);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            meanwhile();
            done.store(true, Ordering::Relaxed);
        });
        runtime.block_on(async {
            for check in checks.iter().cycle().take_while(|_| !done.load(Ordering::Relaxed)) {
                let started = Instant::now();
                let answer = black_box(gate.check(black_box(check.clone())).await);
                latencies.push(started.elapsed());
                assert!(memchr::memmem::find(&answer, b"allow").is_some(), "both callers are allowed");
            }
        });
    });
    latencies.sort_unstable();
    latencies
}

fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    quantile(&durations, 500)
}

fn quantile(sorted: &[Duration], thousandths: usize) -> Duration {
    *sorted.get(sorted.len() * thousandths / 1000).expect("some")
}

/// What it gives, and the time that this thread spent on a core for it.
fn on_core<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(now).expect("a time")
    };
    let started = now();
    let done = black_box(work());
    (done, now().saturating_sub(started))
}

#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
fn say(line: &str) {
    println!("{line}");
}
