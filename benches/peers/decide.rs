//! The decision alone, beside Cedar and regorus: the same callers, the same partners, the same rules, and before
//! anything is measured the same answers. What each is asked is made before, and that of Cedar also as it is asked.
//!
//! ```text
//! cargo bench --manifest-path benches/peers/Cargo.toml
//! ```

mod case;
mod cedar;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod rego;
mod table;
#[expect(dead_code, reason = "here callers are their claims")]
#[path = "../world/mod.rs"]
mod world;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use case::{Case, Known};
use cedar::Cedar;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use fixtures::id::OTHER_APPLICATION;
use fixtures::{AUDIENCE, Caller, Stance, bundle, guests_for_mfa};
use rego::{Interpreter, Machine};
use serde_json::json;
use table::Table;
use tenantgate::engine::{Effect, Resident, decide};
use tenantgate::token::{Expectation, Identity, KeyRing, Unverified};
use world::{World, access};

const PARTNERS: u32 = 1000;
/// Callers of each kind.
const CALLERS: usize = 1000;

fn main() -> anyhow::Result<()> {
    let table = Table::of(&bundle(PARTNERS, &[guests_for_mfa()]))?;
    let mut everyone = Everyone {
        world: World::new(PARTNERS, &[guests_for_mfa()]),
        cedar: Cedar::new(&table)?,
        interpreter: Interpreter::new(&table)?,
        machine: Machine::new(&table)?,
    };
    for (name, permitted, case) in odd_cases() {
        let answer = everyone.agree_on(&case)?;
        ensure!(answer == permitted, "{name} comes out otherwise: {case:?}");
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("peers");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    let members: Vec<_> = (0..).take(CALLERS).map(Caller::Member).collect();
    everyone.measure(&mut group, "internal", Some(true), &members)?;
    everyone.measure(&mut group, "guest_allowed", Some(true), &guests(&[Stance::Welcome]))?;
    everyone.measure(&mut group, "guest_denied", Some(false), &guests(&[Stance::Refused]))?;
    everyone.measure(&mut group, "inherited", Some(true), &guests(&[Stance::Silent]))?;
    everyone.measure(&mut group, "both_sides", Some(true), &guests(&[Stance::Hosted]))?;
    let mixed = guests(&[Stance::Welcome, Stance::Refused, Stance::Silent, Stance::Hosted]);
    let mixed: Vec<_> = mixed.into_iter().zip(members).flat_map(<[_; 2]>::from).take(CALLERS).collect();
    everyone.measure(&mut group, "mixed", None, &mixed)?;
    group.finish();
    criterion.final_summary();
    Ok(())
}

/// What callers who do nothing unusual do not show.
fn odd_cases() -> [(&'static str, bool, Case); 6] {
    let guest = |stance| Case::of(guests(&[stance])[0]);
    [
        ("a user whom the partner's setting does not list", false, {
            guest(Stance::Welcome).with("home_oid", &json!("00000000-0000-4000-8000-000000000001"))
        }),
        ("no MFA", false, guest(Stance::Silent).with("amr", &json!(["pwd"]))),
        ("a tenant that is no partner, and whose MFA does not count", false, {
            let idp = "https://sts.windows.net/00000000-0000-4000-8000-000000000002/";
            guest(Stance::Silent).with("idp", &json!(idp))
        }),
        ("the other application", true, guest(Stance::Welcome).elsewhere()),
        ("the other application, which the other side keeps its users from", false, {
            guest(Stance::Hosted).elsewhere()
        }),
        ("no MFA, of a member", true, Case::of(Caller::Member(0)).with("amr", &json!(["pwd"]))),
    ]
}

/// A thousand from partners of these stances in turn.
fn guests(stances: &[Stance]) -> Vec<Caller> {
    let meant = (0..PARTNERS).filter(|number| stances.contains(&Stance::of(*number)));
    meant.cycle().take(CALLERS).map(Caller::Guest).collect()
}

/// All who are compared.
struct Everyone {
    world: World,
    cedar: Cedar,
    interpreter: Interpreter,
    machine: Machine,
}

impl Everyone {
    fn measure(
        &mut self,
        group: &mut BenchmarkGroup<'_, WallTime>,
        name: &str,
        permitted: Option<bool>,
        callers: &[Caller],
    ) -> anyhow::Result<()> {
        let cases: Vec<_> = callers.iter().map(|caller| Case::of(*caller)).collect();
        for case in &cases {
            let answer = self.agree_on(case)?;
            ensure!(
                permitted.is_none_or(|permitted| permitted == answer),
                "{name} comes out otherwise: {case:?}"
            );
        }
        let known: Vec<_> = cases.iter().map(Case::known).collect();
        let Self { world, cedar, interpreter, machine } = self;

        let identities: Vec<_> = cases.iter().map(|case| world.identified(case)).collect::<Result<_, _>>()?;
        time(group, "tenantgate", name, &identities, |identity| world.permits(identity));
        let requests = known.iter().map(|known| cedar.request(known)).collect::<Result<Vec<_>, _>>()?;
        time(group, "cedar", name, &requests, |request| cedar.permits(request));
        time(group, "cedar, asked", name, &known, |known| {
            cedar.request(known).map(|request| cedar.permits(&request))
        });
        let inputs = known.iter().map(rego::input).collect::<Result<Vec<_>, _>>()?;
        time(group, "regorus, interpreted", name, &inputs, |input| interpreter.permits(input));
        time(group, "regorus, compiled", name, &inputs, |input| machine.permits(input));
        Ok(())
    }

    /// The answer that all of them give.
    fn agree_on(&mut self, case: &Case) -> anyhow::Result<bool> {
        let known: Known = case.known();
        let (request, input) = (self.cedar.request(&known)?, rego::input(&known)?);
        let problems = self.cedar.problems(&request);
        ensure!(problems.is_empty(), "Cedar fails on {case:?}: {problems:?}");
        let ours = self.world.permits(&self.world.identified(case)?);
        let theirs =
            [self.cedar.permits(&request), self.interpreter.permits(&input)?, self.machine.permits(&input)?];
        ensure!(theirs == [ours; 3], "{case:?}: {ours} here, {theirs:?} of Cedar and of regorus both ways");
        Ok(ours)
    }
}

/// The questions in turn, without the compiler's noticing.
fn time<Q, A>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    who: &str,
    name: &str,
    questions: &[Q],
    mut answer: impl FnMut(&Q) -> A,
) {
    let mut next = questions.iter().cycle();
    group.bench_function(BenchmarkId::new(name, who), |bencher| {
        bencher.iter(|| next.next().map(|question| black_box(answer(black_box(question)))));
    });
}

impl World {
    /// Who the case's token would prove.
    fn identified(&self, case: &Case) -> anyhow::Result<Identity> {
        let expected = Expectation {
            audiences: Box::new([AUDIENCE.into(), OTHER_APPLICATION.to_string().into()]),
            skew: 0,
            max_bytes: 16 * 1024,
            applications: Arc::clone(&self.rules.applications),
        };
        Ok(Unverified(case.claims.to_string().as_bytes()).assume(&KeyRing::default(), &expected)?)
    }

    fn permits(&self, identity: &Identity) -> bool {
        decide(&self.snapshot, &Resident, &self.rules, &access(identity), &mut ()).effect() == Effect::Allow
    }
}
