//! Observers of decisions whose report-only outcomes become part of the answer.

use crate::engine::Explanation;

/// An observer that keeps report-only outcomes.
pub trait Reported {
    /// The one that let the request by.
    fn reported(&mut self, outcome: String);
    /// All of them.
    fn outcomes(&self) -> &[String];
    /// How much was heard so far.
    fn heard(&self) -> Heard;
    /// Forgets everything since, for what was heard since is heard again.
    fn forget_since(&mut self, heard: Heard);
}

/// How many steps, and how many outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard(usize, usize);

impl Reported for Vec<String> {
    fn reported(&mut self, outcome: String) {
        self.push(outcome);
    }

    fn outcomes(&self) -> &[String] {
        self
    }

    fn heard(&self) -> Heard {
        Heard(0, self.len())
    }

    fn forget_since(&mut self, heard: Heard) {
        self.truncate(heard.1);
    }
}

impl Reported for Explanation {
    fn reported(&mut self, outcome: String) {
        self.report_only.push(outcome);
    }

    fn outcomes(&self) -> &[String] {
        &self.report_only
    }

    fn heard(&self) -> Heard {
        Heard(self.steps.len(), self.report_only.len())
    }

    fn forget_since(&mut self, heard: Heard) {
        self.steps.truncate(heard.0);
        self.report_only.truncate(heard.1);
    }
}
