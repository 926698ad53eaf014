//! What Envoy asks: the processes behind one kind.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::SERVERS_CORE;
use crate::envoy::kind::Kind;
use crate::envoy::{cerbos, opa};
use crate::process::Process;
use crate::scene::Scene;
use crate::server::{Role, Server};
use crate::table::Table;

/// How long one may take to read its policy.
const START: Duration = Duration::from_mins(1);

/// Everything that runs for one kind, all on one core.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) kind: Kind,
    /// Where it takes checks, if it is outside of Envoy.
    pub(crate) check: Option<SocketAddr>,
    pub(crate) processes: Vec<Process>,
}

impl Service {
    /// Starts it, if it is there.
    pub(crate) fn start(kind: Kind, scene: &Scene, table: &Table) -> anyhow::Result<Option<Self>> {
        let server = |role, config: &Path| Server::start(role, config, SERVERS_CORE);
        let (check, processes) = match kind {
            Kind::NoFilter | Kind::MatcherTree | Kind::PolicyList => (None, Vec::new()),
            Kind::Tenantgate | Kind::DoNothing => {
                let role = if kind == Kind::Tenantgate { Role::Tenantgate } else { Role::DoNothing };
                let server = server(role, &scene.config())?;
                (Some(server.address), vec![server.process])
            }
            Kind::Cerbos => {
                let (process, address) = cerbos::start(scene, table)?;
                let config = scene.directory().join("adapter");
                fs::write(&config, address.to_string())?;
                let adapter = server(Role::Adapter, &config)?;
                (Some(adapter.address), vec![process, adapter.process])
            }
            Kind::Opa => {
                let Some(binary) = std::env::var_os("OPA_ENVOY").map(PathBuf::from) else { return Ok(None) };
                let (process, address) = opa::start(&binary, scene, table)?;
                (Some(address), vec![process])
            }
        };
        Ok(Some(Self { kind, check, processes }))
    }

    /// Lets it wait while others are measured.
    pub(crate) fn pause(&self) -> anyhow::Result<()> {
        self.processes.iter().try_for_each(Process::pause)
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) -> anyhow::Result<()> {
        self.processes.iter().try_for_each(Process::resume)
    }
}

/// An address that nobody has, for a program that takes none of the system's choice.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

/// Waits until somebody listens there.
pub(crate) fn listening(process: &mut Process, address: SocketAddr, log: &Path) -> anyhow::Result<()> {
    let until = Instant::now() + START;
    while TcpStream::connect(address).is_err() {
        let says = || fs::read_to_string(log).unwrap_or_default();
        process.ensure_running().with_context(says)?;
        ensure!(Instant::now() < until, "it does not listen: {}", says());
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
