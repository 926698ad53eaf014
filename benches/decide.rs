//! The decision alone, with the observer that hears nothing: by kind of caller, and by the number of partners. Flat
//! means that the number does not matter.
//!
//! Callers come from up to a thousand active partners of their kind, spread over the table; `mixed` takes every kind
//! in turn, and `uniform` comes from all partners of the table, so that its memory is walked at random.

#![expect(clippy::expect_used, reason = "without its fixtures there is nothing to measure")]

mod callers;
mod fixtures;
mod world;

use std::time::Duration;

use callers::{SIZES, guests, kinds};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use fixtures::id::partner;
use fixtures::{Caller, Stance, guests_for_mfa};
use tenantgate::engine::Reason;
use tenantgate::token::Home;
use world::World;

/// As in `main`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for partners in SIZES {
        let mut group = criterion.benchmark_group("decide");
        group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
        Bench { group: &mut group, partners, world: World::new(partners, &[]) }.settings();
        Bench { group: &mut group, partners, world: World::new(partners, &[guests_for_mfa()]) }.conditional();
        group.finish();
    }
    criterion.final_summary();
}

/// One table of partners, and where its times are reported.
struct Bench<'g, 'c> {
    group: &'g mut BenchmarkGroup<'c, WallTime>,
    partners: u32,
    world: World,
}

impl Bench<'_, '_> {
    fn settings(mut self) {
        for (name, reason, callers) in kinds(self.partners) {
            match reason {
                Some(reason) => self.case(name, &callers, reason),
                None => self.measure(name, &callers),
            }
        }
        self.uniform();
    }

    fn conditional(mut self) {
        let welcome = guests(self.partners, Some(Stance::Welcome));
        self.case("conditional_access", &welcome, Reason::Permitted);
    }

    /// Measures what is known to come out so.
    fn case(&mut self, name: &str, callers: &[Caller], expected: Reason) {
        for caller in callers {
            let reason = self.world.decide(&self.world.identity(*caller));
            assert_eq!(reason, expected, "{name} measures something else: {caller:?}");
        }
        self.measure(name, callers);
    }

    fn measure(&mut self, name: &str, callers: &[Caller]) {
        let identities: Vec<_> = callers.iter().map(|caller| self.world.identity(*caller)).collect();
        let mut next = identities.iter().cycle();
        self.group.bench_function(BenchmarkId::new(name, self.partners), |bencher| {
            bencher.iter(|| next.next().map(|identity| self.world.decide(identity)));
        });
    }

    /// The same user, who is at home in each tenant of the table in turn.
    fn uniform(&mut self) {
        let homes: Vec<_> = (0..self.partners).map(partner).collect();
        let mut homes = homes.iter().cycle();
        let mut identity = self.world.identity(Caller::Guest(0));
        self.group.bench_function(BenchmarkId::new("uniform", self.partners), |bencher| {
            bencher.iter(|| {
                identity.home = homes.next().map_or(Home::NonEntra, |home| Home::Tenant(*home));
                self.world.decide(&identity)
            });
        });
    }
}
