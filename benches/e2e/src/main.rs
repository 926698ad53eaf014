//! Checks per second, latency and CPU per check: tenantgate against a tonic server on the crate `envoy-types` that
//! does nothing, side by side, in one run. `../../README.md` has the method.
//!
//! ```text
//! cargo run --release -p e2e             a table, after about a minute
//! cargo run --release -p e2e -- --json   the same for programs
//! cargo run --release -p e2e -- --envoy  through Envoy, beside what else people put there
//! cargo run --release -p e2e -- --hostile  what hostile clients cost, instead; or those that are named: --hostile "rapid reset"
//! cargo run --release -p e2e -- --quick  a moment, to see that it works; its numbers mean little
//! cargo run --release -p e2e -- --memory at rest, and with a million partners
//! cargo run --release -p e2e -- --overload  three times what it can do; needs root
//! cargo run --release -p e2e -- --soak   ten minutes of everything at once
//! cargo run --release -p e2e -- --etcd   a million partners in etcd; needs etcd-server
//! cargo run --release -p e2e -- --count  instructions and system calls, held against the baseline; needs valgrind
//! ```

#[path = "../../../tests/it/attack.rs"]
mod attack;
#[path = "../../../tests/etcd/cluster.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests need the rest of it, and may fail loudly"
)]
mod cluster;
mod connection;
mod count;
mod do_nothing;
mod envoy;
#[path = "../../fixtures/mod.rs"]
mod fixtures;
mod hostile;
mod http2;
mod load;
mod machine;
mod memory;
mod on_demand;
mod overload;
mod process;
mod report;
mod request;
mod scene;
mod server;
mod sink;
mod soak;
#[path = "../../peers/table.rs"]
mod table;
mod verify;

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::count::Count;
use crate::load::{Round, Span};
use crate::memory::Memory;
use crate::on_demand::OnDemand;
use crate::overload::Overload;
use crate::report::{Pair, Report};
use crate::scene::Scene;
use crate::server::{Role, Server};
use crate::soak::Soak;

/// As `src/main.rs`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Both servers take turns on this core.
const SERVERS_CORE: usize = 0;
/// The generator has one for itself.
const GENERATOR_CORE: usize = 1;

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let Some(role) = arguments.first().and_then(|argument| Role::of_argument(argument)) {
        return play(role, &arguments);
    }
    let (mut plan, mut envoy_plan, mut json, mut is_through_envoy) =
        (Plan::FULL, envoy::Plan::FULL, false, false);
    for (number, argument) in arguments.iter().enumerate() {
        match argument.as_str() {
            "--memory" => return tell(&Memory::take()?, Memory::hold),
            "--etcd" => return tell(&OnDemand::take()?, OnDemand::hold),
            "--count" => return count(arguments.iter().any(|argument| argument == "--write")),
            "--json" => json = true,
            "--hostile" => return attacked(arguments.get(number + 1..).unwrap_or_default()),
            "--overload" => return tell(&Overload::take()?, Overload::hold),
            "--soak" => return tell(&Soak::take()?, Soak::hold),
            "--envoy" => is_through_envoy = true,
            "--quick" => (plan, envoy_plan) = (Plan::QUICK, envoy::Plan::QUICK),
            other => bail!(
                "`{other}` is none of --json, --quick, --envoy, --etcd, --hostile, --overload, --soak, --memory and --count"
            ),
        }
    }
    if is_through_envoy {
        return through_envoy(&envoy_plan, json);
    }
    let report = plan.carry_out()?;
    print(&if json { format!("{:#}\n", report.json()) } else { report.to_string() });
    ensure!(report.is_right(), "some answers were wrong");
    Ok(ExitCode::SUCCESS)
}

/// Everything that can stand between a client and its upstream.
fn through_envoy(plan: &envoy::Plan, json: bool) -> anyhow::Result<ExitCode> {
    let report = plan.carry_out()?;
    print(&if json { format!("{:#}\n", report.json()) } else { report.to_string() });
    ensure!(report.is_right(), "some answers were wrong");
    Ok(ExitCode::SUCCESS)
}

/// tenantgate alone, and clients who mean it harm: those that are `named`, or all.
fn attacked(named: &[String]) -> anyhow::Result<ExitCode> {
    let attacks = hostile::named(named)?;
    let scene = Scene::set()?;
    let server = Server::start(Role::Tenantgate, &scene.config(), SERVERS_CORE)?;
    machine::pin(GENERATOR_CORE)?;
    verify::answers(&server, &scene.requests)?;
    let report = hostile::Report::of(&attacks, &server, &scene, SERVERS_CORE)?;
    print(&report.to_string());
    ensure!(report.is_right(), "some answers were wrong");
    Ok(ExitCode::SUCCESS)
}

/// Counts, and holds it against the baseline or makes it that.
fn count(write: bool) -> anyhow::Result<ExitCode> {
    let count = Count::take()?;
    print(&count.to_string());
    if write {
        count.write()?;
    } else {
        count.hold()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells what was found, and holds it against what is allowed.
fn tell<T: Display>(found: &T, hold: impl FnOnce(&T) -> anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    print(&found.to_string());
    hold(found)?;
    Ok(ExitCode::SUCCESS)
}

/// A server's process.
fn play(role: Role, arguments: &[String]) -> anyhow::Result<ExitCode> {
    server::end_with_parent()?;
    match role {
        Role::Tenantgate => Ok(tenantgate::cli::main()),
        Role::DoNothing => do_nothing::serve().map(|()| ExitCode::SUCCESS),
        Role::Adapter => {
            envoy::adapter::serve(arguments.last().map(String::as_str)).map(|()| ExitCode::SUCCESS)
        }
    }
}

#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
fn print(report: &str) {
    print!("{report}");
}

/// How much is measured.
struct Plan {
    peaks: usize,
    peak: Span,
    steadies: usize,
    steady: Span,
}

impl Plan {
    const FULL: Self = Self {
        peaks: 7,
        peak: Span { before: Duration::from_millis(300), measured: Duration::from_millis(1500) },
        steadies: 5,
        steady: Span { before: Duration::from_millis(300), measured: Duration::from_secs(2) },
    };
    const QUICK: Self = Self {
        peaks: 1,
        peak: Span { before: Duration::from_millis(100), measured: Duration::from_millis(300) },
        steadies: 1,
        steady: Span { before: Duration::from_millis(100), measured: Duration::from_millis(300) },
    };

    fn carry_out(&self) -> anyhow::Result<Report> {
        let scene = Scene::set()?;
        let requests = &scene.requests;
        let servers = [Role::Tenantgate, Role::DoNothing].map(|role| {
            let server = Server::start(role, &scene.config(), SERVERS_CORE)?;
            machine::pin(GENERATOR_CORE)?;
            verify::answers(&server, requests)?;
            server.process.pause()?;
            anyhow::Ok(server)
        });
        let [tenantgate, do_nothing] = servers;
        let servers = [tenantgate?, do_nothing?];
        let peak = in_turn(self.peaks, &servers, |server| load::peak(server, requests, self.peak))?;
        let rate = report::peak(&peak).first().context("no throughput")?.lower() / 2.0;
        let steady =
            in_turn(self.steadies, &servers, |server| load::steady(server, requests, rate, self.steady))?;
        Ok(Report::of(requests, &peak, rate, &steady))
    }
}

/// Rounds of one server and the other, of which only the one under test runs.
fn in_turn(
    rounds: usize,
    [ours, theirs]: &[Server; 2],
    measure: impl Fn(&Server) -> anyhow::Result<Round>,
) -> anyhow::Result<Vec<Pair>> {
    let round = |server: &Server| {
        server.process.resume()?;
        let round = measure(server).with_context(|| format!("{:?} failed", server.role))?;
        server.process.pause()?;
        anyhow::Ok(round)
    };
    (0..rounds).map(|_| Ok([round(ours)?, round(theirs)?])).collect()
}
