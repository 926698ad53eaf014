//! What reading a policy found: each with a stable code, a JSON pointer and what to do.

use std::borrow::Cow;
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
    pub remedy: Cow<'static, str>,
    /// Of the documents that were read together, the one that `pointer` points into.
    #[serde(skip)]
    pub document: usize,
}

impl Finding {
    pub(in crate::policy) fn malformed_json(pointer: String, message: String) -> Self {
        let remedy = "correct the document; a JSON checker shows the place".into();
        Self { code: "json_malformed", level: Level::Error, pointer, message, remedy, document: 0 }
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
pub struct Findings {
    found: Vec<Finding>,
    /// The document that is being read.
    document: usize,
}

impl Findings {
    /// What is found from here on is found in this document.
    pub(in crate::policy) fn enter(&mut self, document: usize) {
        self.document = document;
    }

    pub(in crate::policy) fn add(
        &mut self,
        level: Level,
        code: &'static str,
        at: &Pointer<'_>,
        message: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) {
        self.push(Finding {
            code,
            level,
            pointer: at.to_string(),
            message: message.into(),
            remedy: remedy.into(),
            document: 0,
        });
    }

    /// Adds one that already knows its place in the document that is being read.
    pub(in crate::policy) fn push(&mut self, finding: Finding) {
        self.found.push(Finding { document: self.document, ..finding });
    }

    /// Adds one whose place is given within what stands at `at`.
    pub(in crate::policy) fn push_within(&mut self, at: &Pointer<'_>, finding: Finding) {
        self.push(Finding { pointer: format!("{at}{}", finding.pointer), ..finding });
    }

    pub(in crate::policy) fn error(
        &mut self,
        code: &'static str,
        at: &Pointer<'_>,
        message: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) {
        self.add(Level::Error, code, at, message, remedy);
    }

    pub(in crate::policy) fn warn(
        &mut self,
        code: &'static str,
        at: &Pointer<'_>,
        message: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) {
        self.add(Level::Warning, code, at, message, remedy);
    }

    /// What the documents say by themselves, in their order; then what only shows when all of them are seen.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.found.iter()
    }

    /// Those of one level.
    pub fn of(&self, level: Level) -> impl Iterator<Item = &Finding> {
        self.found.iter().filter(move |finding| finding.level == level)
    }

    /// Whether the policy must be refused.
    pub fn refused(&self) -> bool {
        self.of(Level::Error).next().is_some()
    }

    /// The same with conflicts as errors, as `lint` and writes judge them.
    #[must_use]
    pub fn strict(mut self) -> Self {
        for finding in &mut self.found {
            if finding.level == Level::Conflict {
                finding.level = Level::Error;
            }
        }
        self
    }
}

impl<'f> IntoIterator for &'f Findings {
    type Item = &'f Finding;
    type IntoIter = std::slice::Iter<'f, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.found.into_iter()
    }
}
