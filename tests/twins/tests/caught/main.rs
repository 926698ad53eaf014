//! Each twin of the list, with what catches it; a twin that nothing catches is a rule that nothing holds.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may fail loudly"
)]

/// What is tried here is what ships, but for its switches.
extern crate twins as tenantgate;

mod answers;
#[path = "../../../it/authority.rs"]
mod authority;
mod bench;
#[expect(dead_code, reason = "the tests of etcd need more of it")]
#[path = "../../../etcd/cluster.rs"]
mod cluster;
mod egress;
mod etcd;
#[expect(dead_code, unused_imports, reason = "the integration tests need more of it")]
#[path = "../../../it/harness/mod.rs"]
mod harness;
mod import;
mod interleavings;
mod invitee;
mod keys;
mod payload;
mod ports;
#[expect(dead_code, reason = "the integration tests need more of it")]
#[path = "../../../it/raw.rs"]
mod raw;
mod refused;
mod remembered;
mod store;
mod table;
mod written;

use std::path::Path;

use tenantgate::id;
use tenantgate::twin::{self, Entry};
use tokio::runtime::{Builder, Runtime};

use crate::bench::Bench;
use crate::harness::cases;
use crate::refused::Refused;
use crate::table::Caught;

/// How something came out.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    AsExpected,
    /// Somebody got more than they should.
    Milder,
    Otherwise,
}

/// One thing to try under each twin.
enum Trial {
    Case(Box<Bench>),
    Bundle(Refused),
    Rule(&'static Rule),
}

impl Trial {
    fn name(&self) -> &str {
        match self {
            Self::Case(bench) => bench.name(),
            Self::Bundle(bundle) => &bundle.name,
            Self::Rule(rule) => rule.name,
        }
    }

    fn run(&self, twin: Option<&Entry>, runtime: &Runtime) -> Outcome {
        let as_expected = match self {
            Self::Case(bench) => return bench.run(twin, runtime),
            Self::Bundle(bundle) => bundle.is_refused(),
            Self::Rule(rule) => (rule.holds)(runtime),
        };
        if as_expected { Outcome::AsExpected } else { Outcome::Milder }
    }
}

/// What no case can tell.
struct Rule {
    name: &'static str,
    holds: fn(&Runtime) -> bool,
}

#[test]
fn with_no_twin_everything_is_as_it_should_be() {
    let runtime = runtime();
    let wrong: Vec<_> = trials(0, 1)
        .iter()
        .chain(&elsewhere())
        .filter(|trial| trial.run(None, &runtime) != Outcome::AsExpected)
        .map(|trial| trial.name().to_owned())
        .collect();
    assert!(wrong.is_empty(), "the copy is not the original:\n{}", wrong.join("\n"));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a name to try alone")]
fn every_twin_is_caught() {
    let only = std::env::var("TWIN").unwrap_or_default();
    let wanted = |entry: &Entry| !entry.fault && entry.name.contains(&only);
    let twins: Vec<_> = (0..twin::LIST.len()).filter(|index| wanted(&twin::LIST[*index])).collect();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut caught = std::thread::scope(|scope| {
        let part = |part| {
            let twins = &twins;
            scope.spawn(move || try_all(&trials(part, threads), twins))
        };
        let parts: Vec<_> = (0..threads).map(part).collect();
        parts.into_iter().map(|part| part.join().unwrap()).reduce(Caught::with).unwrap()
    });
    // What takes keys and sockets is tried where nothing else knows the rule.
    let mut missed: Vec<_> = twins.iter().copied().filter(|twin| !caught.has(*twin)).collect();
    for trial in elsewhere() {
        caught = caught.with(try_all(&[trial], &missed));
        missed.retain(|twin| !caught.has(*twin));
    }
    println!("{}", caught.table(&twins));
    let missed: Vec<_> = missed.into_iter().map(|twin| twin::LIST[twin].name).collect();
    assert!(missed.is_empty(), "no test catches {} twin(s):\n{}", missed.len(), missed.join("\n"));
}

fn try_all(trials: &[Trial], twins: &[usize]) -> Caught {
    let runtime = runtime();
    let mut caught = Caught::default();
    for trial in trials {
        trial.run(None, &runtime);
        for &index in twins {
            let outcome = twin::acting(Some(index), || trial.run(Some(&twin::LIST[index]), &runtime));
            caught.note(index, trial.name(), &outcome);
        }
    }
    caught
}

/// One part of what is quickly tried.
fn trials(part: usize, of: usize) -> Vec<Trial> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance");
    let cases = cases(&folder).into_iter().map(|case| Trial::Case(Box::new(Bench::new(case))));
    let bundles = refused::bundles().into_iter().map(Trial::Bundle);
    cases.chain(bundles).skip(part).step_by(of).collect()
}

fn elsewhere() -> Vec<Trial> {
    let rules = [
        refused::RULES,
        answers::RULES,
        egress::RULES,
        invitee::RULES,
        written::RULES,
        remembered::RULES,
        keys::RULES,
        payload::RULES,
        import::RULES,
        store::RULES,
        etcd::RULES,
        ports::RULES,
        // The slowest, and the last.
        interleavings::RULES,
    ];
    rules.into_iter().flatten().map(Trial::Rule).collect()
}

/// Of one thread, or the code that it runs would be another twin's.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
