//! What reading a policy found: each with a stable code, a JSON pointer and what to do.

use std::fmt;

use serde::Serialize;

use crate::policy::pointer::Pointer;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The policy is refused.
    Error,
    /// Users and applications contradict each other: refused on writes, evaluated strictly when it arrives from
    /// elsewhere, since Entra may hold older ones.
    Conflict,
    /// Loaded, but probably not what was meant.
    Warning,
    /// Worth knowing.
    Advice,
}

/// One thing found in a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name of the kind of finding.
    pub code: &'static str,
    /// How much it matters.
    pub level: Level,
    /// Where: a JSON pointer into the bundle.
    pub pointer: String,
    /// What is there.
    pub message: String,
    /// What to do about it.
    pub remedy: &'static str,
}

impl Finding {
    pub(in crate::policy) fn malformed_json(pointer: String, message: String) -> Self {
        let remedy = "correct the document; a JSON checker shows the place";
        Self { code: "json_malformed", level: Level::Error, pointer, message, remedy }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() { "/" } else { &self.pointer };
        write!(f, "{pointer}: {} ({}); {}", self.message, self.code, self.remedy)
    }
}

/// Everything that one reading found.
#[derive(Debug, Clone, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    pub(in crate::policy) fn add(
        &mut self,
        level: Level,
        code: &'static str,
        at: &Pointer<'_>,
        message: impl Into<String>,
        remedy: &'static str,
    ) {
        self.push(Finding { code, level, pointer: at.to_string(), message: message.into(), remedy });
    }

    /// Adds one that already knows its place.
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    pub(in crate::policy) fn error(
        &mut self,
        code: &'static str,
        at: &Pointer<'_>,
        message: impl Into<String>,
        remedy: &'static str,
    ) {
        self.add(Level::Error, code, at, message, remedy);
    }

    pub(in crate::policy) fn warn(
        &mut self,
        code: &'static str,
        at: &Pointer<'_>,
        message: impl Into<String>,
        remedy: &'static str,
    ) {
        self.add(Level::Warning, code, at, message, remedy);
    }

    /// In the order of the document.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.0.iter()
    }

    /// Those of one level.
    pub fn of(&self, level: Level) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(move |finding| finding.level == level)
    }

    /// Whether the policy must be refused.
    pub fn refused(&self) -> bool {
        self.of(Level::Error).next().is_some()
    }

    /// The same with conflicts as errors, as `lint` and writes judge them.
    #[must_use]
    pub fn strict(mut self) -> Self {
        for finding in &mut self.0 {
            if finding.level == Level::Conflict {
                finding.level = Level::Error;
            }
        }
        self
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'f> IntoIterator for &'f Findings {
    type Item = &'f Finding;
    type IntoIter = std::slice::Iter<'f, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Extend<Finding> for Findings {
    fn extend<I: IntoIterator<Item = Finding>>(&mut self, findings: I) {
        self.0.extend(findings);
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
