//! The one Envoy of a run, with a listener for everything that is compared.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::envoy::kind::Kind;
use crate::envoy::target;
use crate::process::Process;

/// How long it may take to read its configuration.
const START: Duration = Duration::from_mins(1);

/// A running Envoy with one worker.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) process: Process,
    admin: SocketAddr,
}

impl Proxy {
    /// Starts it on a core; its files are in `directory`.
    pub(crate) fn start(bootstrap: &Value, directory: &Path, core: usize) -> anyhow::Result<Self> {
        let [configuration, admin, log] =
            ["envoy.json", "envoy.admin", "envoy.log"].map(|name| directory.join(name));
        fs::write(&configuration, bootstrap.to_string())?;
        let arguments = [
            "--disable-hot-restart".as_ref(),
            "--concurrency".as_ref(),
            "1".as_ref(),
            "--log-level".as_ref(),
            "error".as_ref(),
            "--config-path".as_ref(),
            configuration.as_os_str(),
            "--admin-address-path".as_ref(),
            admin.as_os_str(),
        ];
        let mut process = Process::start(&binary()?, arguments, core, &log)?;
        let until = Instant::now() + START;
        loop {
            let says = || fs::read_to_string(&log).unwrap_or_default();
            process.ensure_running().with_context(|| format!("Envoy said: {}", says()))?;
            ensure!(Instant::now() < until, "Envoy does not start: {}", says());
            if let Some(admin) = fs::read_to_string(&admin).ok().and_then(|address| address.parse().ok())
                && get(admin, "/ready").is_ok_and(|ready| ready.contains("LIVE"))
            {
                return Ok(Self { process, admin });
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Where it listens for this kind.
    pub(crate) fn entry(&self, kind: Kind) -> anyhow::Result<SocketAddr> {
        let listeners = get(self.admin, "/listeners")?;
        let prefix = format!("{}::", kind.name());
        let address = listeners.lines().find_map(|line| line.strip_prefix(&prefix));
        Ok(address.with_context(|| format!("Envoy has no listener {}", kind.name()))?.parse()?)
    }

    /// As it calls itself.
    pub(crate) fn version(&self) -> anyhow::Result<String> {
        let info = get(self.admin, "/server_info")?;
        let version = info.lines().find_map(|line| line.trim().strip_prefix(r#""version": ""#));
        // Commit, version, and what kind of build it is.
        let version = version.and_then(|version| version.split('/').nth(1));
        Ok(version.context("Envoy has no version")?.to_owned())
    }
}

/// What Envoy's administration answers, its head and the lengths of its pieces included.
fn get(admin: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut socket = TcpStream::connect(admin)?;
    socket.set_read_timeout(Some(START))?;
    write!(socket, "GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer)
}

/// `ENVOY`, or what `tests/run` installed.
fn binary() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("ENVOY") {
        return Ok(named.into());
    }
    let versions = fs::read_dir(target("tests/venv/lib")).into_iter().flatten().flatten();
    let mut known = versions.map(|version| version.path().join("site-packages/envoy/_bin/envoy"));
    known
        .find(|path| path.is_file())
        .context("there is no Envoy in target/tests/venv: ./tests/run installs it, or set ENVOY")
}
