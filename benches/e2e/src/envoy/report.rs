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
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// On the core, of Envoy and of what it asks.
    pub(crate) envoy: f64,
    pub(crate) service: f64,
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

impl Report {
    /// Of turns through these kinds, the first of which has no filter.
    pub(crate) fn of(
        envoy: &str,
        kinds: &[Kind],
        peaks: &[Vec<Round>],
        rate: f64,
        steadies: &[Vec<Round>],
    ) -> Self {
        let rows = kinds.iter().enumerate().map(|(number, kind)| {
            let added = |quantity: &dyn Fn(&Round) -> f64| {
                let turns = steadies.iter().filter_map(|turn| Some((turn.first()?, turn.get(number)?)));
                median(turns.map(|(none, this)| {
                    let without = if *kind == Kind::NoFilter { 0.0 } else { quantity(none) };
                    quantity(this) - without
                }))
            };
            Row {
                kind: *kind,
                peak: peak(peaks, number),
                p50: added(&|round| quantile(round, 0.50)),
                p99: added(&|round| quantile(round, 0.99)),
                envoy: added(&|round| each(round, round.cpu.iter().take(1).sum())),
                service: added(&|round| each(round, round.cpu.iter().skip(1).sum())),
            }
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
            let Row { kind, peak, p50, p99, envoy, service } = row;
            let row = json!({
                "peak": peak, "p50": p50, "p99": p99, "envoy_cpu": envoy, "service_cpu": service,
            });
            (kind.name().to_owned(), row)
        });
        json!({
            "envoy": self.envoy, "callers": CALLERS, "partners": PARTNERS, "clients": CLIENTS,
            "wrong": self.wrong, "rate": self.rate, "added": rows.collect::<serde_json::Map<_, _>>(),
        })
    }
}

/// Microseconds of this for each request of the round.
fn each(round: &Round, spent: Duration) -> f64 {
    1e6 * spent.as_secs_f64() / f64::from(round.answered)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { envoy, rate, rows, wrong } = self;
        writeln!(
            f,
            "Envoy {envoy}, Cerbos {}; {CALLERS} callers with warm tokens; {PARTNERS} partners",
            cerbos::VERSION
        )?;
        writeln!(
            f,
            "peak: {CLIENTS} clients; the others at {rate:.0} requests per second; wrong answers: {wrong}\n"
        )?;
        let columns = ["peak, 1/s", "p50, µs", "p99, µs", "Envoy, µs", "service, µs"];
        let [peak, p50, p99, of_envoy, of_service] = columns;
        writeln!(f, "{:<26}{peak:>12}{p50:>12}{p99:>12}{of_envoy:>12}{of_service:>13}", "")?;
        for Row { kind, peak, p50, p99, envoy, service } in rows {
            let title = kind.title();
            if *kind == Kind::NoFilter {
                writeln!(f, "{title:<26}{peak:>12.0}{p50:>12.1}{p99:>12.1}{envoy:>12.1}{:>13}", "")?;
            } else {
                writeln!(f, "{title:<26}{peak:>12.0}{p50:>+12.1}{p99:>+12.1}{envoy:>+12.1}{service:>+13.1}")?;
            }
        }
        if !rows.iter().any(|row| row.kind == Kind::Opa) {
            writeln!(f, "{:<26}skipped: OPA_ENVOY does not name its binary", Kind::Opa.title())?;
        }
        Ok(())
    }
}
