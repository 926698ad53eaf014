//! What the rounds come to: medians of what a kind adds to no filter in the same turn.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::envoy::kind::Kind;
use crate::envoy::load::CLIENTS;
use crate::envoy::{PARTNERS, cerbos, plot};
use crate::load::Round;
use crate::report::{median, quantile};
use crate::scene::CALLERS;

/// What one kind costs a request, in microseconds: without a filter all of it, otherwise what is added to that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    /// Requests per second at the peak.
    peak: f64,
    pub(crate) at_peak: Cost,
    /// At the fixed rate, as the rest.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    at_rate: Cost,
}

/// Time on the core, of Envoy and of what it asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    envoy: f64,
    service: f64,
}

impl Cost {
    pub(crate) fn total(self) -> f64 {
        self.envoy + self.service
    }

    fn json(self) -> Value {
        json!({"envoy": self.envoy, "service": self.service})
    }
}

/// Everything, for people and for programs.
#[derive(Debug)]
pub(crate) struct Report {
    envoy: String,
    rate: f64,
    rows: Vec<Row>,
    wrong: u32,
}

/// Requests per second of the slowest kind.
pub(crate) fn lowest_peak(peaks: &[Vec<Round>]) -> f64 {
    let kinds = peaks.first().map_or(0, Vec::len);
    (0..kinds).map(|kind| peak(peaks, kind)).fold(f64::INFINITY, f64::min)
}

fn peak(peaks: &[Vec<Round>], kind: usize) -> f64 {
    let rounds = peaks.iter().filter_map(|turn| turn.get(kind));
    median(rounds.map(|round| f64::from(round.answered) / round.elapsed.as_secs_f64()))
}

/// What a kind adds to a quantity of the first, which has no filter; of that one, the quantity.
fn added(turns: &[Vec<Round>], kind: usize, quantity: impl Fn(&Round) -> f64) -> f64 {
    let pairs = turns.iter().filter_map(|turn| Some((turn.first()?, turn.get(kind)?)));
    median(pairs.map(|(none, this)| {
        let without = if kind == 0 { 0.0 } else { quantity(none) };
        quantity(this) - without
    }))
}

fn cost(turns: &[Vec<Round>], kind: usize) -> Cost {
    let each = |round: &Round, spent: Duration| 1e6 * spent.as_secs_f64() / f64::from(round.answered);
    Cost {
        envoy: added(turns, kind, |round| each(round, round.cpu.iter().take(1).sum())),
        service: added(turns, kind, |round| each(round, round.cpu.iter().skip(1).sum())),
    }
}

impl Report {
    /// Of turns through these kinds, the first of which has no filter.
    pub(crate) fn of(
        envoy: &str,
        kinds: &[Kind],
        peaks: &[Vec<Round>],
        rate: f64,
        steadies: &[Vec<Round>],
    ) -> Self {
        let rows = kinds.iter().enumerate().map(|(number, kind)| Row {
            kind: *kind,
            peak: peak(peaks, number),
            at_peak: cost(peaks, number),
            p50: added(steadies, number, |round| quantile(round, 0.50)),
            p99: added(steadies, number, |round| quantile(round, 0.99)),
            at_rate: cost(steadies, number),
        });
        let wrong = peaks.iter().chain(steadies).flatten().map(|round| round.wrong).sum();
        Self { envoy: envoy.to_owned(), rate, rows: rows.collect(), wrong }
    }

    /// Whether every answer was what it should be.
    pub(crate) fn is_right(&self) -> bool {
        self.wrong == 0
    }

    /// Draws it.
    pub(crate) fn draw(&self, path: &Path) -> anyhow::Result<()> {
        Ok(fs::write(path, plot::svg(&self.rows))?)
    }

    pub(crate) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let Row { kind, peak, at_peak, p50, p99, at_rate } = row;
            let row = json!({
                "peak": peak, "cpu_at_peak": at_peak.json(),
                "p50": p50, "p99": p99, "cpu_at_rate": at_rate.json(),
            });
            (kind.name().to_owned(), row)
        });
        json!({
            "envoy": self.envoy, "callers": CALLERS, "partners": PARTNERS, "clients": CLIENTS,
            "wrong": self.wrong, "rate": self.rate, "added": rows.collect::<serde_json::Map<_, _>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { envoy, rate, rows, wrong } = self;
        let cerbos = cerbos::VERSION;
        writeln!(
            f,
            "Envoy {envoy}, Cerbos {cerbos}; {CALLERS} callers with warm tokens; {PARTNERS} partners"
        )?;
        writeln!(f, "peak: {CLIENTS} clients; rate: {rate:.0} requests per second; wrong answers: {wrong}")?;
        writeln!(
            f,
            "microseconds a request, added to those without a filter; CPU of Envoy + of the service\n"
        )?;
        let title = ["", "peak, 1/s", "CPU at peak", "p50", "p99", "CPU at rate"];
        line(f, title.map(str::to_owned))?;
        for row in rows {
            row.fmt(f)?;
        }
        if !rows.iter().any(|row| row.kind == Kind::Opa) {
            writeln!(f, "{:<26}skipped: OPA_ENVOY does not name its binary", Kind::Opa.title())?;
        }
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, peak, at_peak, p50, p99, at_rate } = self;
        let (peak, [p50, p99]) = (format!("{peak:.0}"), [p50, p99].map(|time| format!("{time:.0}")));
        line(f, [kind.title().to_owned(), peak, at_peak.to_string(), p50, p99, at_rate.to_string()])
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} + {:.1}", self.envoy, self.service)
    }
}

fn line(f: &mut fmt::Formatter<'_>, [name, peak, at_peak, p50, p99, at_rate]: [String; 6]) -> fmt::Result {
    writeln!(f, "{name:<26}{peak:>10}{at_peak:>16}{p50:>9}{p99:>9}{at_rate:>16}")
}
