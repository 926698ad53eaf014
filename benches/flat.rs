//! What the size of a table costs a decision. The tables take turns, and the fastest round of each counts.
//!
//! `lines` is what is to be had at all: whoever depends on one of a thousand records of a large table reads a line of
//! memory that is a page away from the others.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "without its fixtures there is nothing to tell"
)]

mod callers;
mod fixtures;
mod world;

use std::hint::black_box;
use std::time::{Duration, Instant};

use callers::{ACTIVE, SIZES, kinds};
use fixtures::guests_for_mfa;
use world::World;

/// As in `main`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ROUNDS: usize = 200;
/// In a round, after one that does not count.
const REPEAT: u32 = 5;

fn main() {
    let tables = SIZES.map(|partners| (World::new(partners, &[guests_for_mfa()]), kinds(partners)));
    let names = kinds(1).map(|(name, ..)| name);
    println!("ns a decision, and how many times the first: {SIZES:?} partners");
    for (kind, name) in names.iter().enumerate() {
        let asked = tables.each_ref().map(|(world, kinds)| {
            let callers = kinds.get(kind).map(|(.., callers)| callers.as_slice()).unwrap_or_default();
            let identities: Vec<_> = callers.iter().map(|caller| world.identity(*caller)).collect();
            move || {
                for identity in &identities {
                    world.decide(identity);
                }
                identities.len()
            }
        });
        report(name, &asked);
    }
    report("lines", &SIZES.map(|partners| lines(ACTIVE.min(usize::try_from(partners).unwrap_or(ACTIVE)))));
}

/// `asked` asks once, and gives how many questions that were.
fn report(name: &str, asked: &[impl Fn() -> usize; SIZES.len()]) {
    let mut best = [Duration::MAX; SIZES.len()];
    for _ in 0..ROUNDS {
        for (best, asked) in best.iter_mut().zip(asked) {
            let count = u32::try_from(asked()).expect("they are some thousands");
            let begun = Instant::now();
            for _ in 0..REPEAT {
                asked();
            }
            *best = (*best).min(begun.elapsed() * 1000 / (REPEAT * count));
        }
    }
    let ns = best.map(|best| best.as_secs_f64() * 1e6);
    let told = ns.map(|ns_of| format!("{ns_of:8.1} {:5.2}", ns_of / ns[0]));
    println!("{name:>14}{}", told.concat());
}

/// Reads so many lines one after the other, each a page and a line from the next, for as long as `ACTIVE` decisions.
fn lines(count: usize) -> impl Fn() -> usize {
    const APART: usize = (4096 + 64) / size_of::<usize>();
    // A ring in an order that no prefetcher knows.
    let mut order: Vec<_> = (1..count).collect();
    let mut state = 1_u64;
    order.sort_by_cached_key(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    });
    let mut ring = vec![0; count * APART];
    let mut last = 0;
    for next in order {
        ring[last] = next * APART;
        last = next * APART;
    }
    move || {
        black_box((0..ACTIVE).fold(0, |at, _| ring[black_box(at)]));
        ACTIVE
    }
}
