//! The generators reach every reason of their modes, and the model decides every case.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::generate::{self, Case};
use super::model;
use crate::Way;

const CASES: u32 = 200_000;

#[test]
fn every_reason_is_reached() {
    every_reason(Way::In, &generate::case());
}

#[test]
fn every_reason_is_reached_on_the_way_out() {
    every_reason(Way::Out, &generate::egress());
}

fn every_reason(way: Way, strategy: &impl Strategy<Value = Case>) {
    let mut runner = TestRunner::deterministic();
    let mut reached: BTreeMap<(String, String), u32> = BTreeMap::new();
    let (mut generating, mut deciding) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..CASES {
        let start = Instant::now();
        let case = strategy.new_tree(&mut runner).unwrap().current();
        let generated = Instant::now();
        let decision = model::decide(&case.request());
        generating += generated - start;
        deciding += generated.elapsed();
        *reached.entry((decision.reason, decision.effect)).or_default() += 1;
    }

    let mut out = std::io::stdout();
    for ((reason, effect), count) in &reached {
        writeln!(out, "{count:>7} {reason} ({effect})").unwrap();
    }
    let each = |total: Duration| total / CASES;
    writeln!(out, "a case: {:?} to generate, {:?} to decide", each(generating), each(deciding)).unwrap();

    let count = |reason: &str| -> u32 {
        reached.iter().filter(|((each, _), _)| each == reason).map(|(_, count)| count).sum()
    };
    for reason in crate::reasons(way) {
        assert!(count(reason) >= 20, "{reason} was reached {} times", count(reason));
    }
    for (reason, _) in reached.keys() {
        assert!(crate::reasons(way).any(|listed| listed == reason), "{reason} is said to be out of reach");
    }
}
