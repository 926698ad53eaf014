//! What the rounds come to: medians, and ratios of rounds that followed each other, since the machine changes
//! its speed from one second to the next.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::load::{CONNECTIONS, Round, STREAMS};
use crate::request::{Code, Request};
use crate::scene::PARTNERS;

/// One quantity, of both servers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    name: &'static str,
    tenantgate: f64,
    do_nothing: f64,
    ratio: f64,
}

/// A round of tenantgate and the do-nothing server's next to it.
pub(crate) type Pair = [Round; 2];

impl Row {
    fn of(name: &'static str, pairs: &[Pair], quantity: impl Fn(&Round) -> f64) -> Self {
        let of = |side: fn(&Pair) -> &Round| median(pairs.iter().map(|pair| quantity(side(pair))));
        let ratio = median(pairs.iter().map(|[ours, theirs]| quantity(ours) / quantity(theirs)));
        Self { name, tenantgate: of(|[ours, _]| ours), do_nothing: of(|[_, theirs]| theirs), ratio }
    }

    /// The lower one of both.
    pub(crate) fn lower(&self) -> f64 {
        self.tenantgate.min(self.do_nothing)
    }
}

/// What the closed loop shows.
pub(crate) fn peak(pairs: &[Pair]) -> [Row; 3] {
    [
        Row::of("checks per second", pairs, |round| f64::from(round.answered) / round.elapsed.as_secs_f64()),
        Row::of("CPU per check, µs", pairs, cpu_per_check),
        Row::of("busy with it, % of a core", pairs, |round| {
            100.0 * spent(round).div_duration_f64(round.elapsed)
        }),
    ]
}

/// What the open loop shows.
pub(crate) fn steady(pairs: &[Pair]) -> [Row; 3] {
    [
        Row::of("p50, µs", pairs, |round| quantile(round, 0.50)),
        Row::of("p99, µs", pairs, |round| quantile(round, 0.99)),
        Row::of("CPU per check, µs", pairs, cpu_per_check),
    ]
}

fn cpu_per_check(round: &Round) -> f64 {
    1e6 * spent(round).as_secs_f64() / f64::from(round.answered)
}

fn spent(round: &Round) -> Duration {
    round.cpu.iter().sum()
}

/// A latency in microseconds.
pub(crate) fn quantile(round: &Round, quantile: f64) -> f64 {
    f64::from(u32::try_from(round.latency.value_at_quantile(quantile)).unwrap_or(u32::MAX)) / 1e3
}

/// Between the two in the middle, where the number is even.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let (lower, upper) = (values.get((values.len() - 1) / 2), values.get(values.len() / 2));
    lower.zip(upper).map_or(f64::NAN, |(lower, upper)| f64::midpoint(*lower, *upper))
}

/// Everything, for people and for programs.
#[derive(Debug)]
pub(crate) struct Report {
    load: Load,
    peak: [Row; 3],
    rate: f64,
    steady: [Row; 3],
}

/// What was asked.
#[derive(Debug)]
struct Load {
    checks: usize,
    refused: usize,
    bytes: usize,
    wrong: u32,
}

impl Report {
    pub(crate) fn of(requests: &[Request], peak: &[Pair], rate: f64, steady: &[Pair]) -> Self {
        let load = Load {
            checks: requests.len(),
            refused: requests.iter().filter(|request| request.expected != Code::OK).count(),
            bytes: requests.iter().map(|request| request.message.len()).sum::<usize>()
                / requests.len().max(1),
            wrong: peak.iter().chain(steady).flatten().map(|round| round.wrong).sum(),
        };
        Self { load, peak: self::peak(peak), rate, steady: self::steady(steady) }
    }

    /// Whether every answer was what it should be.
    pub(crate) fn is_right(&self) -> bool {
        self.load.wrong == 0
    }

    pub(crate) fn json(&self) -> Value {
        let Load { checks, refused, bytes, wrong } = self.load;
        let rows =
            |rows: &[Row]| -> Value { rows.iter().map(|row| (row.name.to_owned(), row.json())).collect() };
        json!({
            "load": {
                "checks": checks, "refused": refused, "bytes": bytes, "partners": PARTNERS,
                "connections": CONNECTIONS, "streams": STREAMS, "wrong": wrong,
            },
            "peak": rows(&self.peak),
            "rate": self.rate,
            "steady": rows(&self.steady),
        })
    }
}

impl Row {
    fn json(&self) -> Value {
        json!({"tenantgate": self.tenantgate, "do_nothing": self.do_nothing, "ratio": self.ratio})
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load { checks, refused, bytes, wrong } = self.load;
        writeln!(
            f,
            "{checks} callers with warm tokens, {refused} of them refused; {bytes} bytes a check; {PARTNERS} partners"
        )?;
        writeln!(f, "wrong answers: {wrong}\n")?;
        let table = |f: &mut fmt::Formatter<'_>, title: &str, rows: &[Row]| {
            writeln!(f, "{title:<34}{:>12}{:>12}{:>8}", "tenantgate", "do-nothing", "ratio")?;
            for Row { name, tenantgate, do_nothing, ratio } in rows {
                let digits = usize::from(*tenantgate < 100.0);
                writeln!(f, "  {name:<32}{tenantgate:>12.digits$}{do_nothing:>12.digits$}{ratio:>8.2}")?;
            }
            Ok(())
        };
        table(f, &format!("peak, {CONNECTIONS} x {STREAMS} streams"), &self.peak)?;
        table(f, &format!("\nsteady, {:.0} checks per second", self.rate), &self.steady)
    }
}
