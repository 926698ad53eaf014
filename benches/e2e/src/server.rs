//! A server under test: this program again, in another role, as a process of its own on a core of its own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};

use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use serde_json::Value;

use crate::machine;
use crate::memory;
use crate::process::Process;
use crate::request::{Code, Request};

/// What this program can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The real tenantgate, by its own command line.
    Tenantgate,
    /// [`crate::do_nothing`]
    DoNothing,
    /// [`crate::envoy::adapter`]
    Adapter,
}

impl Role {
    /// The role that a first argument names.
    pub(crate) fn of_argument(argument: &str) -> Option<Self> {
        [Self::Tenantgate, Self::DoNothing, Self::Adapter]
            .into_iter()
            .find(|role| role.argument() == argument)
    }

    const fn argument(self) -> &'static str {
        match self {
            Self::Tenantgate => "serve",
            Self::DoNothing => "do-nothing",
            Self::Adapter => "adapter",
        }
    }

    /// The right answer.
    pub(crate) const fn expects(self, request: &Request) -> Code {
        match self {
            Self::Tenantgate | Self::Adapter => request.expected,
            Self::DoNothing => Code::OK,
        }
    }
}

/// A running server; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) role: Role,
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
}

impl Server {
    /// Starts it, confined to a core.
    pub(crate) fn start(role: Role, config: &Path, core: usize) -> anyhow::Result<Self> {
        Self::run(role, Command::new(std::env::current_exe()?), config, core)
    }

    /// Starts it under callgrind, which writes to `output` what it is told to count.
    pub(crate) fn start_counted(
        role: Role,
        config: &Path,
        core: usize,
        output: &Path,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new("valgrind");
        command.args([
            "--tool=callgrind",
            "--instr-atstart=no",
            "--collect-systime=yes",
            "--log-file=/dev/null",
        ]);
        command.arg(format!("--callgrind-out-file={}", output.display())).arg(std::env::current_exe()?);
        Self::run(role, command, config, core).context("is valgrind installed?")
    }

    fn run(role: Role, mut command: Command, config: &Path, core: usize) -> anyhow::Result<Self> {
        // The child inherits the core, and sizes its runtime by it.
        machine::pin(core)?;
        command.arg(role.argument()).arg("--config").arg(config);
        // A `TENANTGATE_…` variable would be another configuration.
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let log = child.stderr.take().context("no log")?;
        let process = Process::of(child);
        let address = listening(log).with_context(|| format!("{role:?} does not listen"))?;
        Ok(Self { role, address, process })
    }

    /// Memory in MiB: `VmRSS` for what it takes now, `VmHWM` for the most that it took.
    pub(crate) fn memory(&self, line: &str) -> anyhow::Result<f64> {
        memory::of_process(&PathBuf::from(format!("/proc/{}/status", self.process.pid())), line)
    }

    /// How many it has: `fd` for descriptors, `task` for threads.
    pub(crate) fn count(&self, what: &str) -> anyhow::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/{what}", self.process.pid()))?.count())
    }

    /// A command to the callgrind that it runs under.
    pub(crate) fn tell_callgrind(&self, command: &str) -> anyhow::Result<()> {
        let mut vgdb = Command::new("vgdb");
        vgdb.arg(format!("--pid={}", self.process.pid().as_raw_nonzero())).args(command.split(' '));
        let told = vgdb.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        ensure!(told.success(), "callgrind does not understand `{command}`");
        Ok(())
    }
}

/// Called by a role: it does not outlive whoever measures it.
pub(crate) fn end_with_parent() -> anyhow::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// Reads the log up to the address, and goes on reading, or the server would wait for us.
fn listening(log: ChildStderr) -> anyhow::Result<SocketAddr> {
    let mut lines = BufReader::new(log).lines();
    let mut said = Vec::new();
    let address = loop {
        let line = lines.next().with_context(|| format!("it ended, saying: {}", said.join("\n")))??;
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        if event.get("message").is_some_and(|message| message == "listening") {
            break event.get("check").and_then(Value::as_str).context("no address in its log")?.parse()?;
        }
        said.push(line);
    };
    std::thread::spawn(move || lines.for_each(drop));
    Ok(address)
}
