//! A process that is measured: it has a core of its own, stands still while others have their turn, and ends when it
//! is dropped.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

use crate::machine;

/// A running process.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pid: Pid,
}

impl Process {
    /// One that was started.
    pub(crate) fn of(child: Child) -> Self {
        Self { pid: Pid::from_child(&child), child }
    }

    /// Starts somebody else's program on a core, with nothing of our environment, and everything that it says in `log`.
    pub(crate) fn start<A: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        core: usize,
        log: &Path,
    ) -> anyhow::Result<Self> {
        machine::pin(core)?;
        let log = File::create(log)?;
        // It does not outlive us, however we end.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program).args(arguments);
        command.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        let child = command.stdout(log.try_clone()?).stderr(log).spawn();
        Ok(Self::of(child.with_context(|| format!("{} does not start", program.display()))?))
    }

    /// Its number.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// The time that it has spent on cores.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        machine::cpu_time(self.pid)
    }

    /// Fails once it has ended.
    pub(crate) fn ensure_running(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => anyhow::bail!("it ended, {status}"),
        }
    }

    /// Stops it where it is, so that it takes nothing from the others.
    pub(crate) fn pause(&self) -> anyhow::Result<()> {
        Ok(kill_process(self.pid, Signal::STOP)?)
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) -> anyhow::Result<()> {
        Ok(kill_process(self.pid, Signal::CONT)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
