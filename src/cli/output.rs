//! The only place that prints.

use std::io::{IsTerminal as _, Write as _};

/// A line on standard output. A reader that went away is no error.
pub(in crate::cli) fn line(text: &str) {
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}

/// Standard output, for a document.
pub(in crate::cli) fn stream() -> std::io::StdoutLock<'static> {
    std::io::stdout().lock()
}

/// A line on standard error.
pub(in crate::cli) fn note(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// What went wrong, with its causes.
pub(in crate::cli) fn error(error: &anyhow::Error) {
    let head = if colour(std::io::stderr().is_terminal()) { "\x1b[31merror:\x1b[0m" } else { "error:" };
    note(&format!("{head} {error:#}"));
}

/// Colour only on a terminal, and not where `NO_COLOR` says no.
pub(in crate::cli) fn colour(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
