//! What the operating system is asked for: cores, and the time that a process spent on them.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::Pid;
use rustix::thread::CpuSet;

/// Confines this thread, and every thread and process that it starts from now on, to one core.
pub(crate) fn pin(core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    rustix::thread::sched_setaffinity(None, &cores).with_context(|| format!("cannot use core {core}"))
}

/// Lets this thread run only where nobody else would (sched(7), `SCHED_IDLE`).
pub(crate) fn give_way() -> anyhow::Result<()> {
    let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
    let told = Command::new("chrt").args(["--idle", "--pid", "0", &thread]).status()?;
    ensure!(told.success(), "chrt does not let a thread give way");
    Ok(())
}

/// The time that a process has spent on cores, in user code and for it in the kernel: that of the threads that it has
/// (proc(5), `schedstat`: nanoseconds first).
pub(crate) fn cpu_time(process: Pid) -> anyhow::Result<Duration> {
    let mut spent = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{}/task", process.as_raw_nonzero()))? {
        // A thread may end while it is looked at.
        let Ok(times) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        spent += running(&times)?;
    }
    Ok(spent)
}

/// The same of this thread.
pub(crate) fn cpu_time_of_this_thread() -> anyhow::Result<Duration> {
    running(&fs::read_to_string("/proc/thread-self/schedstat")?)
}

fn running(times: &str) -> anyhow::Result<Duration> {
    let running = times.split_whitespace().next().context("/proc/*/schedstat has no times")?;
    Ok(Duration::from_nanos(running.parse()?))
}

/// The most memory that a process has had since this was asked before, in bytes (proc(5), `VmHWM`).
pub(crate) fn peak_memory(process: Pid) -> anyhow::Result<u64> {
    let proc = format!("/proc/{}", process.as_raw_nonzero());
    let status = fs::read_to_string(format!("{proc}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let kibibytes: u64 = peak.context("/proc/*/status has no VmHWM")?.parse()?;
    fs::write(format!("{proc}/clear_refs"), "5")?;
    Ok(kibibytes * 1024)
}
