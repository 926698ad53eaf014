//! The decision alone, with the observer that hears nothing: by kind of caller, and by the number of partners. Flat
//! means that the number does not matter.
//!
//! Callers come from up to a thousand active partners of their kind, spread over the table; `mixed` takes every kind
//! in turn, and `uniform` comes from all partners of the table, so that its memory is walked at random.

#![expect(clippy::expect_used, reason = "without its fixtures there is nothing to measure")]

mod fixtures;
mod world;

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use fixtures::id::partner;
use fixtures::{Caller, Stance, guests_for_mfa};
use tenantgate::engine::{Reason, Resident, decide};
use tenantgate::token::{Home, Identity};
use world::{World, access};

/// Partners that callers come from, and callers.
const ACTIVE: usize = 1000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for partners in [10, 1000, 100_000, 1_000_000] {
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
        let members: Vec<_> = (0..).take(ACTIVE).map(Caller::Member).collect();
        self.case("internal", &members, Reason::Internal);
        self.case("guest_allowed", &self.guests(Some(Stance::Welcome)), Reason::Permitted);
        self.case("guest_denied", &self.guests(Some(Stance::Refused)), Reason::UsersAndApplicationsBlocked);
        self.case("inherited", &self.guests(Some(Stance::Silent)), Reason::Permitted);
        self.case("both_sides", &self.guests(Some(Stance::Hosted)), Reason::Permitted);
        let mixed = self.guests(None).into_iter().zip(members);
        let mixed: Vec<_> = mixed.flat_map(|(guest, member)| [guest, member]).take(ACTIVE).collect();
        self.measure("mixed", &mixed);
        self.uniform();
    }

    fn conditional(mut self) {
        self.case("conditional_access", &self.guests(Some(Stance::Welcome)), Reason::Permitted);
    }

    /// A thousand guests from up to a thousand partners of this stance, or of any, spread evenly.
    fn guests(&self, stance: Option<Stance>) -> Vec<Caller> {
        let is_meant = |number: &u32| stance.is_none_or(|stance| stance == Stance::of(*number));
        let meant: Vec<_> = (0..self.partners).filter(is_meant).collect();
        let active = meant.iter().step_by((meant.len() / ACTIVE).max(1)).take(ACTIVE);
        active.cycle().take(ACTIVE).map(|number| Caller::Guest(*number)).collect()
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

impl World {
    /// Decides and forgets everything but the reason, without the compiler's noticing.
    fn decide(&self, identity: &Identity) -> Reason {
        let access = access(black_box(identity));
        black_box(decide(&self.snapshot, &Resident, &self.rules, &access, &mut ())).reason()
    }
}
