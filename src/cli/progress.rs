//! How far a long command is: a bar on a terminal, nothing elsewhere; and what it found, as it is found.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output;
use crate::policy::Level;
use crate::source::{Found, Progress};

/// Of each kind of finding; a million partners may have a million of one, and one of another.
const SHOWN: u64 = 20;

pub(in crate::cli) struct Bar {
    shown: ProgressBar,
    unit: &'static str,
    by_code: HashMap<&'static str, u64>,
}

impl Bar {
    pub(in crate::cli) fn new(unit: &'static str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::hidden();
        let filled = if output::colour(terminal) { "{bar:30.cyan}" } else { "{bar:30}" };
        let template = format!("{filled} {{bytes}} of {{total_bytes}}, {{msg}}, {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { shown: bar, unit, by_code: HashMap::new() }
    }

    /// Takes the bar away, and tells how many findings were not shown.
    pub(in crate::cli) fn finish(self) {
        self.shown.finish_and_clear();
        let mut rest: Vec<_> = self.by_code.into_iter().filter(|(_, count)| *count > SHOWN).collect();
        rest.sort_unstable();
        for (code, count) in rest {
            output::note(&format!(
                "{} more of {code}; `tenantgate lint` shows all of a bundle",
                count.saturating_sub(SHOWN)
            ));
        }
    }

    fn note(&self, text: &str) {
        self.shown.suspend(|| output::note(text));
    }
}

impl Progress for Bar {
    fn total(&mut self, bytes: u64) {
        self.shown.set_length(bytes);
        self.partners(0);
        if std::io::stderr().is_terminal() {
            self.shown.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    fn read(&mut self, bytes: u64) {
        if bytes > 0 {
            self.shown.inc(bytes);
        }
    }

    fn partners(&mut self, count: u64) {
        // Often enough to be seen, and not for each of a million.
        if count.is_multiple_of(1000) {
            self.shown.set_message(format!("{count} {}", self.unit));
        }
    }

    fn found(&mut self, found: Found) {
        let count = self.by_code.entry(found.finding.code).or_default();
        *count = count.saturating_add(1);
        if *count > SHOWN {
            return;
        }
        let level = match found.finding.level {
            Level::Error => "error",
            // What arrives by file may be an older one of Entra's, and is evaluated strictly.
            Level::Conflict | Level::Warning => "warning",
            Level::Advice => "advice",
        };
        self.note(&format!("{level}: {}: {}", found.path.display(), found.finding));
    }

    fn absent(&mut self, path: PathBuf, effect: &'static str) {
        self.note(&format!("note: {} tells nothing: {effect}", path.display()));
    }
}

/// Records that are written.
pub(in crate::cli) struct Records(ProgressBar);

impl Records {
    pub(in crate::cli) fn new(total: usize) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::hidden();
        bar.set_length(u64::try_from(total).unwrap_or_default());
        let filled = if output::colour(terminal) { "{bar:30.cyan}" } else { "{bar:30}" };
        let template = format!("{filled} {{pos}} of {{len}} records, {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("=> "));
        }
        if terminal {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        Self(bar)
    }

    pub(in crate::cli) fn written(&mut self, count: u64) {
        // Often enough to be seen, and not for each of a million.
        if count.is_multiple_of(1000) {
            self.0.set_position(count);
        }
    }

    pub(in crate::cli) fn finish(self) {
        self.0.finish_and_clear();
    }
}
