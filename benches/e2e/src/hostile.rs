//! What each attack costs: the service's peak memory, and how long somebody else's checks take meanwhile.

use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use crate::attack::{ATTACKS, Attack, Outcome};
use crate::load::{self, Round, Span};
use crate::machine;
use crate::report::quantile;
use crate::scene::Scene;
use crate::server::Server;

/// Checks of the well-behaved client, per second.
const RATE: f64 = 1000.0;
const SPAN: Span = Span { before: Duration::from_millis(200), measured: Duration::from_secs(1) };
/// Without an attacker and with it in turn, so many times: a machine that is slow for a while is so for both.
const ROUNDS: usize = 10;

/// The whole report.
pub(crate) struct Report(Vec<Row>);

struct Row {
    attack: &'static str,
    /// The most in bytes, without the attacker and with it.
    memory: [u64; 2],
    outcomes: Vec<Outcome>,
    /// Without the attacker, and with it.
    rounds: Vec<[Round; 2]>,
}

impl Report {
    /// Attacks `server` in these ways, one after the other, each again and again for as long as is measured. Attackers
    /// have machines of their own; here they have what the service leaves of its `core`, so that what they cost others
    /// is what the service does for them.
    pub(crate) fn of(
        attacks: &[&'static Attack],
        server: &Server,
        scene: &Scene,
        core: usize,
    ) -> anyhow::Result<Self> {
        attacks
            .iter()
            .map(|attack| Row::of(attack, server, scene, core))
            .collect::<anyhow::Result<_>>()
            .map(Self)
    }

    /// Whether every check was answered as it should be.
    pub(crate) fn is_right(&self) -> bool {
        self.0.iter().flat_map(|row| row.rounds.iter().flatten()).all(|round| round.wrong == 0)
    }
}

/// The attacks of these names; all where none is named.
pub(crate) fn named(names: &[String]) -> anyhow::Result<Vec<&'static Attack>> {
    if names.is_empty() {
        return Ok(ATTACKS.iter().collect());
    }
    let attack = |name: &String| {
        let attack = ATTACKS.iter().find(|attack| attack.name == name);
        attack.with_context(|| {
            format!("`{name}` is none of: {}", ATTACKS.each_ref().map(|attack| attack.name).join(", "))
        })
    };
    names.iter().map(attack).collect()
}

impl Row {
    fn of(attack: &'static Attack, server: &Server, scene: &Scene, core: usize) -> anyhow::Result<Self> {
        let measure = || load::steady(server, &scene.requests, RATE, SPAN);
        let mut row = Self { attack: attack.name, memory: [0; 2], outcomes: Vec::new(), rounds: Vec::new() };
        let [before, meanwhile] = &mut row.memory;
        for _ in 0..ROUNDS {
            let alone = measure()?;
            *before = machine::peak_memory(server.process.pid())?.max(*before);
            let over = AtomicBool::new(false);
            let (outcomes, attacked) = thread::scope(|scope| {
                let attacking = scope.spawn(|| again_and_again(attack, server, core, &over));
                let attacked = measure();
                over.store(true, Ordering::Relaxed);
                (attacking.join(), attacked)
            });
            *meanwhile = machine::peak_memory(server.process.pid())?.max(*meanwhile);
            row.outcomes.extend(outcomes.map_err(|_| anyhow!("the attack `{}` failed", attack.name))??);
            row.rounds.push([alone, attacked?]);
        }
        Ok(row)
    }

    /// Others' latency without and with an attacker, in microseconds, each of the round where it was least: whatever
    /// else the machine does can only add to it.
    fn latency(&self, at: f64) -> [f64; 2] {
        let rounds = self.rounds.iter().map(|rounds| rounds.each_ref().map(|round| quantile(round, at)));
        rounds.reduce(|[a, b], [c, d]| [a.min(c), b.min(d)]).unwrap_or([f64::NAN; 2])
    }
}

fn again_and_again(
    attack: &Attack,
    server: &Server,
    core: usize,
    over: &AtomicBool,
) -> anyhow::Result<Vec<Outcome>> {
    machine::pin(core)?;
    machine::give_way()?;
    let mut outcomes = Vec::new();
    while !over.load(Ordering::Relaxed) {
        outcomes.push(attack.run(server.address));
    }
    Ok(outcomes)
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(rows) = self;
        writeln!(
            f,
            "{RATE} checks a second by somebody else, without and with an attacker, the least of {ROUNDS} rounds\n"
        )?;
        writeln!(f, "| attack | times | cut off | peak memory, MiB | p50, µs | times | p99, µs | times |")?;
        writeln!(f, "|---|--:|--:|--:|--:|--:|--:|--:|")?;
        for row in rows {
            let Row { attack, memory: [before, meanwhile], outcomes, .. } = row;
            let cut_off = outcomes.iter().filter(|outcome| **outcome == Outcome::CutOff).count();
            write!(
                f,
                "| {attack} | {} | {cut_off} | {}, {} |",
                outcomes.len(),
                before >> 20,
                meanwhile >> 20
            )?;
            for [alone, attacked] in [0.5, 0.99].map(|at| row.latency(at)) {
                write!(f, " {alone:.0}, {attacked:.0} | {:.2} |", attacked / alone)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
