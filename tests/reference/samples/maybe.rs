//! A strategy that is there or not, for less than `prop::option::weighted`.
//!
//! That one clones a random number generator for each value that is there, to grow back what is
//! not; in a case of some hundred options this is most of the time. Nothing grows back here.

use proptest::prelude::*;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;

/// There with this probability; shrinks towards absence.
pub(crate) fn maybe<S: Strategy>(probability: f64, strategy: S) -> Maybe<S> {
    Maybe { coin: prop::bool::weighted(probability), strategy }
}

#[derive(Debug)]
pub(crate) struct Maybe<S> {
    coin: prop::bool::Weighted,
    strategy: S,
}

pub(crate) struct MaybeTree<T> {
    value: Option<T>,
    step: Step,
}

/// Absence is tried once, before anything smaller.
enum Step {
    Untried,
    Absent,
    Needed,
}

impl<S: Strategy> Strategy for Maybe<S> {
    type Tree = MaybeTree<S::Tree>;
    type Value = Option<S::Value>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let there = self.coin.new_tree(runner)?.current();
        let value = if there { Some(self.strategy.new_tree(runner)?) } else { None };
        Ok(MaybeTree { value, step: Step::Untried })
    }
}

impl<T: ValueTree> ValueTree for MaybeTree<T> {
    type Value = Option<T::Value>;

    fn current(&self) -> Self::Value {
        match self.step {
            Step::Absent => None,
            Step::Untried | Step::Needed => self.value.as_ref().map(ValueTree::current),
        }
    }

    fn simplify(&mut self) -> bool {
        match (&mut self.value, &self.step) {
            (None, _) | (_, Step::Absent) => false,
            (Some(_), Step::Untried) => {
                self.step = Step::Absent;
                true
            }
            (Some(value), Step::Needed) => value.simplify(),
        }
    }

    fn complicate(&mut self) -> bool {
        match (&mut self.value, &self.step) {
            (Some(_), Step::Absent) => {
                self.step = Step::Needed;
                true
            }
            (Some(value), Step::Needed) => value.complicate(),
            (None, _) | (_, Step::Untried) => false,
        }
    }
}
