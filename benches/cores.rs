//! Whether a second core adds what it can: whole checks of warm tokens by one thread and by two, through one gate.
//!
//! What two cores are worth differs from machine to machine, and from moment to moment where they are virtual. So the
//! same is measured in turn of what shares nothing: arithmetic, and checks through a gate for each thread.

#![expect(clippy::expect_used, clippy::panic, reason = "without its fixtures there is nothing to measure")]

mod fixtures;
mod gate;

use std::hint::black_box;
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fixtures::{Caller, bundle, claims, guests_for_mfa};
use prost::Message as _;
use rustix::thread::{CpuSet, sched_setaffinity};
use tempfile::TempDir;
use tenantgate::app::App;
use tenantgate::check::Gate;
use tenantgate::config::Config;
use tenantgate::source::Keys;
use tenantgate::telemetry::unix_now;
use tenantgate::token::DevelopmentIssuer;
use tokio::runtime::{Builder, Runtime};

/// As `src/main.rs`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const PARTNERS: u32 = 10_000;
const CALLERS: u32 = 1000;
const CORES: [usize; 2] = [0, 1];
const ROUNDS: usize = 21;
const ROUND: Duration = Duration::from_millis(200);

fn main() {
    let scene = Scene::set();
    let [shared, first, second] = [(); 3].map(|()| scene.gate());
    let mut factors = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let [arithmetic, apart, together] = &mut factors;
        arithmetic.push(factor(|_| compute));
        apart.push(factor(|core| scene.checks(if core == 0 { &first } else { &second }, core)));
        together.push(factor(|core| scene.checks(&shared, core)));
    }
    let [arithmetic, apart, together] = factors.map(median);
    say(&format!("two cores do, of what one does: {arithmetic:.2} times the arithmetic"));
    say(&format!("{apart:.2} times the checks, through a gate for each"));
    say(&format!("{together:.2} times the checks, through one gate"));
    say(&format!(
        "ratio: {:.3} of arithmetic, {:.3} of gates apart",
        together / arithmetic,
        together / apart
    ));
}

/// How much more two threads do than one, each on a core of its own, at what `work` makes for each.
fn factor<W: FnMut()>(work: impl Fn(usize) -> W + Sync) -> f64 {
    let [one, both] = [CORES.get(..1), CORES.get(..)].map(|cores| rate(cores.expect("some"), &work));
    both / one
}

fn rate<W: FnMut()>(cores: &[usize], work: impl Fn(usize) -> W + Sync) -> f64 {
    let start = Barrier::new(cores.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = cores
            .iter()
            .map(|core| {
                scope.spawn(|| {
                    pin_to(*core);
                    let mut work = work(*core);
                    start.wait();
                    let (began, mut done) = (Instant::now(), 0.0);
                    while began.elapsed() < ROUND {
                        for _ in 0..50 {
                            work();
                        }
                        done += 50.0;
                    }
                    done / began.elapsed().as_secs_f64()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a rate")).sum()
    })
}

/// About as long as a check, in registers alone.
fn compute() {
    let mut value = black_box(1_u64);
    for _ in 0..500 {
        value = value.wrapping_mul(6_364_136_223_846_793_005).rotate_left(7) ^ 1;
    }
    black_box(value);
}

/// Callers with their tokens, and gates that know them.
struct Scene {
    _directory: TempDir,
    config: Config,
    runtime: Runtime,
    messages: Vec<Bytes>,
}

impl Scene {
    fn set() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let issuer = DevelopmentIssuer::keygen(directory.path()).expect("a key");
        let config = gate::set(directory.path(), &bundle(PARTNERS, &[guests_for_mfa()]));
        let callers = (0..CALLERS).map(|number| match number % 3 {
            0 => Caller::Member(number),
            _ => Caller::Guest(number),
        });
        let message = |caller| {
            let token = issuer.mint(&claims(caller).to_string(), unix_now(), 3600).expect("a token");
            gate::check(&token).encode_to_vec().into()
        };
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { messages: callers.map(message).collect(), _directory: directory, config, runtime }
    }

    /// One that has verified every token.
    fn gate(&self) -> (Arc<Gate>, Keys) {
        self.runtime.block_on(async {
            let (gate, keys) = App::gate_alone(&self.config).await.expect("a gate");
            for message in &self.messages {
                gate.check(message.clone()).await;
            }
            (gate, keys)
        })
    }

    fn checks<'a>(&'a self, (gate, _): &'a (Arc<Gate>, Keys), core: usize) -> impl FnMut() + 'a {
        // Whose count of references is no other thread's.
        let messages: Vec<_> = self.messages.iter().map(|message| Bytes::copy_from_slice(message)).collect();
        // As callers come: not the same at the same time.
        let mut next = (0..messages.len()).cycle().skip(core * messages.len() / CORES.len());
        move || {
            let message = messages.get(next.next().expect("some")).expect("one of them").clone();
            let check = pin!(gate.check(message));
            let Poll::Ready(answer) = check.poll(&mut Context::from_waker(Waker::noop())) else {
                panic!("a warm token need not wait")
            };
            black_box(answer);
        }
    }
}

fn pin_to(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).expect("two cores");
}

fn median(mut factors: Vec<f64>) -> f64 {
    factors.sort_unstable_by(f64::total_cmp);
    *factors.get(factors.len() / 2).expect("some")
}

#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
fn say(line: &str) {
    println!("{line}");
}
