//! `tenantgate serve --config` as a process, started and watched as systemd would.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Ended when dropped.
pub(crate) struct Process {
    child: Child,
    notified: UnixDatagram,
    terminated: Option<Instant>,
}

impl Process {
    /// With `config.json` of the directory, on `sockets`, of which there are up to two; waits until it is ready.
    pub(crate) fn start(directory: &Path, sockets: &[BorrowedFd<'_>]) -> Self {
        Self::start_after("", directory, sockets)
    }

    /// After a shell's commands.
    pub(crate) fn start_after(commands: &str, directory: &Path, sockets: &[BorrowedFd<'_>]) -> Self {
        let process = Self::spawn(commands, directory, sockets);
        let mut said = [0; 64];
        let count = process.notified.recv(&mut said).expect("the process to say that it is ready");
        assert_eq!(said[..count].trim_ascii_end(), b"READY=1\nSTATUS=ready");
        process
    }

    pub(crate) fn try_start(directory: &Path, sockets: &[BorrowedFd<'_>]) -> Self {
        Self::spawn("", directory, sockets)
    }

    fn spawn(commands: &str, directory: &Path, sockets: &[BorrowedFd<'_>]) -> Self {
        let path = directory.join(format!("notify-{}", std::fs::read_dir(directory).unwrap().count()));
        let notified = UnixDatagram::bind(&path).unwrap();
        notified.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        // As systemd numbers them; the shell is what can hand a socket over without unsafe code.
        let serve = match sockets.len() {
            0 => r#"exec "$0" serve --config "$1""#,
            1 => r#"LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" serve --config "$1" 3<&0 0</dev/null"#,
            _ => r#"LISTEN_FDS=2 LISTEN_PID=$$ exec "$0" serve --config "$1" 3<&0 4<&1 0</dev/null 1>&2"#,
        };
        let socket = |index: usize| match sockets.get(index) {
            Some(socket) => Stdio::from(socket.try_clone_to_owned().unwrap()),
            None => Stdio::null(),
        };
        let child = Command::new("/bin/sh")
            .args(["-c", &format!("{commands}\n{serve}"), env!("CARGO_BIN_EXE_tenantgate")])
            .arg(directory.join("config.json"))
            .env_clear()
            .env("NOTIFY_SOCKET", path)
            .stdin(socket(0))
            .stdout(socket(1))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, notified, terminated: None }
    }

    pub(crate) fn terminate(&mut self) {
        self.terminated = Some(Instant::now());
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// How it ended, and how long after it was told to.
    pub(crate) fn ended(&mut self) -> (ExitStatus, Duration) {
        let from = self.terminated.unwrap_or_else(Instant::now);
        (self.child.wait().unwrap(), from.elapsed())
    }

    /// What it said by the time that it ended.
    pub(crate) fn said(mut self) -> String {
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.child.stderr.take().unwrap(), &mut said).unwrap();
        said
    }

    /// The most memory that it had since this was asked before, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = self.about("status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kibibytes: u64 = peak.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        // The mark is put back to what there is now (proc(5)).
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
        kibibytes * 1024
    }

    /// How many file descriptors it may have, and how many it might.
    pub(crate) fn descriptors(&self) -> (u64, u64) {
        let limits = self.about("limits");
        let words = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
        let mut limits = words.split_whitespace().map_while(|word| word.parse().ok());
        (limits.next().unwrap(), limits.next().unwrap())
    }

    fn about(&self, what: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{what}", self.child.id())).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill().and_then(|()| self.child.wait()));
    }
}

/// An address that nobody has; somebody may take it, as anybody may any.
pub(crate) fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}
