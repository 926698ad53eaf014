//! Who listens to a decision while it is made.

use std::fmt;

use crate::engine::reason::Reason;
use crate::engine::verdict::Effect;

/// The steps of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// What Envoy's configuration says.
    Route,
    /// What tenant restrictions make of the host.
    Host,
    /// A tenant-restrictions header.
    Header,
    /// Whether there is a token.
    Token,
    /// Whether it proves anything.
    Verified,
    /// What the caller is to us.
    Relation,
    /// Tokens called back.
    Revocation,
    /// Microsoft clouds.
    Cloud,
    /// Our setting.
    Setting,
    /// The other tenant's setting.
    OtherSide,
    /// Domain lists.
    Domains,
    /// Conditional Access.
    Requirements,
    /// Invitation, redemption or synchronisation.
    Action,
}

impl Step {
    /// The word in an explanation.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Host => "host",
            Self::Header => "header",
            Self::Token => "token",
            Self::Verified => "verified",
            Self::Relation => "relation",
            Self::Revocation => "revocation",
            Self::Cloud => "cloud",
            Self::Setting => "setting",
            Self::OtherSide => "other_side",
            Self::Domains => "domains",
            Self::Requirements => "requirements",
            Self::Action => "action",
        }
    }
}

/// How a step came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The next one follows.
    Pass,
    /// It decided.
    Stop,
    /// It did not apply.
    Skip,
}

impl Outcome {
    /// The word in an explanation.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Stop => "stop",
            Self::Skip => "skip",
        }
    }
}

/// Named values of a step; formatted only by those who want them.
pub type Detail<'d> = &'d [(&'static str, &'d dyn fmt::Display)];

/// Hears of each step as it is taken. `()` hears nothing and costs nothing.
pub trait Observer {
    /// A step was taken.
    fn step(&mut self, _step: Step, _outcome: Outcome, _detail: Detail<'_>) {}

    /// A report-only Conditional Access policy would not have been satisfied.
    fn report_only(&mut self, _policy: &str, _effect: Effect, _reason: Reason) {}
}

impl Observer for () {}

/// One step as it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// Which.
    pub step: Step,
    /// How it came out.
    pub outcome: Outcome,
    /// What it saw.
    pub detail: Vec<(&'static str, String)>,
}

/// Keeps everything, for `explain`.
#[derive(Debug, Default)]
pub struct Explanation {
    /// The steps in their order.
    pub steps: Vec<Walked>,
    /// Report-only outcomes, as a decision prints them.
    pub report_only: Vec<String>,
}

impl Observer for Explanation {
    fn step(&mut self, step: Step, outcome: Outcome, detail: Detail<'_>) {
        let detail = detail.iter().map(|(name, value)| (*name, value.to_string())).collect();
        self.steps.push(Walked { step, outcome, detail });
    }

    fn report_only(&mut self, policy: &str, effect: Effect, reason: Reason) {
        self.report_only.push(reported(policy, effect, reason));
    }
}

/// Keeps report-only outcomes alone, for the answer to Envoy; allocates only when there is one.
impl Observer for Vec<String> {
    fn report_only(&mut self, policy: &str, effect: Effect, reason: Reason) {
        self.push(reported(policy, effect, reason));
    }
}

fn reported(policy: &str, effect: Effect, reason: Reason) -> String {
    format!("policy:{policy}:{}:{reason}", effect.word())
}
