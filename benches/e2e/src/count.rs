//! What a clock cannot tell on a busy machine: the instructions and system calls of a check, counted by callgrind in
//! the real process of each server, its threads and its runtime included. A gate: `baseline.json` has what they were,
//! and a check that came to cost more fails the run.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::connection::{self, Connection};
use crate::load;
use crate::machine;
use crate::request::Request;
use crate::scene::{CALLERS, Scene};
use crate::server::{Role, Server};
use crate::verify;
use crate::{GENERATOR_CORE, SERVERS_CORE};

/// Each with one check at once.
const CONNECTIONS: usize = 32;
/// Every caller so many times, before anything is counted and while it is.
const BEFORE: usize = 1;
const COUNTED: usize = 4;
/// A policy that was just written is read once more, which is no check's doing.
const SETTLING: Duration = Duration::from_secs(8);
/// How much more than the baseline a check may cost. Runs of one build differ by less than a hundredth: by hash
/// seeds, and by how many frames the kernel hands over at once.
const TOLERANCE: f64 = 1.02;

/// What one check costs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Cost {
    instructions: f64,
    system_calls: f64,
}

/// Of both servers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Count {
    tenantgate: Cost,
    do_nothing: Cost,
}

impl Count {
    /// Runs both servers under callgrind.
    pub(crate) fn take() -> anyhow::Result<Self> {
        let scene = Scene::set()?;
        let cost = |role| cost(role, &scene).with_context(|| format!("{role:?} was not counted"));
        Ok(Self { tenantgate: cost(Role::Tenantgate)?, do_nothing: cost(Role::DoNothing)? })
    }

    /// Makes this what later runs are held against.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        Ok(fs::write(baseline(), format!("{:#}\n", serde_json::to_value(self)?))?)
    }

    /// Fails where a check costs more than it did.
    pub(crate) fn hold(&self) -> anyhow::Result<()> {
        let before: Self = serde_json::from_slice(&fs::read(baseline())?)?;
        let (now, before) = (self.tenantgate.instructions, before.tenantgate.instructions);
        ensure!(
            now <= before * TOLERANCE,
            "a check takes {now:.0} instructions, and took {before:.0}; where that is meant: --count --write"
        );
        Ok(())
    }
}

fn baseline() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline.json")
}

fn cost(role: Role, scene: &Scene) -> anyhow::Result<Cost> {
    let output = scene.directory().join(format!("callgrind.{role:?}"));
    let server = Server::start_counted(role, &scene.config(), SERVERS_CORE, &output)?;
    machine::pin(GENERATOR_CORE)?;
    verify::answers(&server, &scene.requests)?;
    let mut connections = load::many(&server, CONNECTIONS)?;
    let mut ask_all = |times| rounds(&server, &mut connections, &scene.requests, times);
    server.tell_callgrind("instrumentation on")?;
    ask_all(BEFORE)?;
    std::thread::sleep(SETTLING);
    server.tell_callgrind("zero")?;
    ask_all(COUNTED)?;
    server.tell_callgrind("dump")?;
    // The first dump of a process is numbered so.
    let totals = totals(&fs::read_to_string(output.with_extension(format!("{role:?}.1")))?)?;
    let checks = f64::from(u32::try_from(COUNTED * CALLERS)?);
    let [instructions, system_calls] = totals.map(|total| total / checks);
    Ok(Cost { instructions, system_calls })
}

/// Every request so often, one on each connection at a time, so that servers find the same in their sockets.
fn rounds(
    server: &Server,
    connections: &mut [Connection],
    requests: &[Request],
    times: usize,
) -> anyhow::Result<()> {
    let mut wrong = 0;
    let asked = std::iter::repeat_n(requests, times).flatten().collect::<Vec<_>>();
    for round in asked.chunks(connections.len()) {
        for (connection, request) in connections.iter_mut().zip(round) {
            let now = std::time::Instant::now();
            ensure!(connection.ask(request, server.role.expects(request), now), "no room for a check");
            connection.send()?;
        }
        while connections.iter().any(|connection| connection.waiting() > 0) {
            connection::wait(connections)?;
            for connection in &mut *connections {
                connection.receive(|answer| wrong += u32::from(!answer.right))?;
                connection.send()?;
            }
        }
    }
    ensure!(wrong == 0, "{wrong} answers were wrong");
    Ok(())
}

/// Instructions and system calls of a dump; the line `events` names the columns of the line `totals`.
fn totals(dump: &str) -> anyhow::Result<[f64; 2]> {
    let line = |name: &str| {
        let found = dump.lines().find_map(|line| line.strip_prefix(name));
        found.with_context(|| format!("callgrind's dump has no line `{name}`"))
    };
    let (events, totals) = (line("events: ")?, line("totals: ")?);
    let total = |wanted: &str| -> anyhow::Result<f64> {
        let mut columns = events.split_whitespace().zip(totals.split_whitespace());
        let (_, total) =
            columns.find(|(name, _)| *name == wanted).context("callgrind counted something else")?;
        Ok(total.parse()?)
    };
    Ok([total("Ir")?, total("sysCount")?])
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenantgate, do_nothing } = self;
        writeln!(f, "{:<34}{:>12}{:>12}{:>8}", "a check", "tenantgate", "do-nothing", "ratio")?;
        for (name, ours, theirs) in [
            ("instructions", tenantgate.instructions, do_nothing.instructions),
            ("system calls", tenantgate.system_calls, do_nothing.system_calls),
        ] {
            writeln!(f, "  {name:<32}{ours:>12.2}{theirs:>12.2}{:>8.2}", ours / theirs)?;
        }
        Ok(())
    }
}
