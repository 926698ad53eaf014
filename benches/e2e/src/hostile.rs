//! What each attack costs: the service's peak memory, and how long somebody else's checks take meanwhile.

use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::anyhow;

use crate::attack::{ATTACKS, Attack, Outcome};
use crate::load::{self, Round, Span};
use crate::machine;
use crate::scene::Scene;
use crate::server::Server;

/// Checks of the well-behaved client, per second.
const RATE: f64 = 1000.0;
const SPAN: Span = Span { before: Duration::from_millis(200), measured: Duration::from_secs(3) };

/// The whole report.
pub(crate) struct Report {
    alone: Round,
    memory: u64,
    rows: Vec<(&'static str, Vec<Outcome>, u64, Round)>,
}

impl Report {
    /// Attacks `server` in every way, one after the other, each again and again for as long as is measured. Attackers
    /// have machines of their own; here they have what the service leaves of its `core`, so that what they cost others
    /// is what the service does for them.
    pub(crate) fn of(server: &Server, scene: &Scene, core: usize) -> anyhow::Result<Self> {
        let measure = || load::steady(server, &scene.requests, RATE, SPAN);
        let alone = measure()?;
        let memory = machine::peak_memory(server.process.pid())?;
        let mut rows = Vec::new();
        for attack in &ATTACKS {
            let over = AtomicBool::new(false);
            let (outcomes, round) = thread::scope(|scope| {
                let attacking = scope.spawn(|| again_and_again(attack, server, core, &over));
                let round = measure();
                over.store(true, Ordering::Relaxed);
                (attacking.join(), round)
            });
            let outcomes = outcomes.map_err(|_| anyhow!("the attack `{}` failed", attack.name))??;
            rows.push((attack.name, outcomes, machine::peak_memory(server.process.pid())?, round?));
        }
        Ok(Self { alone, memory, rows })
    }

    /// Whether every check was answered as it should be.
    pub(crate) fn is_right(&self) -> bool {
        self.rows.iter().all(|(.., round)| round.wrong == 0)
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
        writeln!(f, "{RATE} checks a second by somebody else meanwhile\n")?;
        writeln!(
            f,
            "| attack | times, cut off | peak memory, MiB | p50, µs | p99, µs |\n|---|---|---|---|---|"
        )?;
        let mut row = |name: &str, times: &str, memory: u64, round: &Round| {
            let at = |quantile| round.latency.value_at_quantile(quantile) / 1000;
            writeln!(f, "| {name} | {times} | {} | {} | {} |", memory >> 20, at(0.5), at(0.99))
        };
        row("none", "", self.memory, &self.alone)?;
        for (name, outcomes, memory, round) in &self.rows {
            let cut_off = outcomes.iter().filter(|outcome| **outcome == Outcome::CutOff).count();
            row(name, &format!("{}, {cut_off}", outcomes.len()), *memory, round)?;
        }
        Ok(())
    }
}
