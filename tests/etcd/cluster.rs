//! Members of etcd, started for one test on ports of their own, with their data in a directory of their own.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use etcd_client::{Client, ConnectOptions, GetOptions};
use serde_json::Value;
use tempfile::TempDir;

/// One or three members.
pub(crate) struct Cluster {
    directory: TempDir,
    members: Vec<Member>,
    extra: Vec<String>,
    scheme: &'static str,
}

struct Member {
    client: u16,
    peer: u16,
    process: Option<Child>,
}

/// A port that nobody has, and none of those that the system hands out (ip(7), `ip_local_port_range`): one of these may
/// be somebody else's by the time that a member listens, or comes back.
pub(crate) fn free_port() -> u16 {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed)) % 20_000;
        let port = 10_000 + u16::try_from(number).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Cluster {
    pub(crate) async fn start(members: usize) -> Self {
        let cluster = Self::with(members, "http", &[]);
        cluster.settled().await;
        cluster
    }

    /// One with another id than any other has.
    pub(crate) async fn another() -> Self {
        let cluster = Self::with(1, "http", &["--initial-cluster-token", "another"].map(str::to_owned));
        cluster.settled().await;
        cluster
    }

    /// With more arguments; whoever speaks TLS knows better how to wait.
    pub(crate) fn with(members: usize, scheme: &'static str, extra: &[String]) -> Self {
        let member = |_| Member { client: free_port(), peer: free_port(), process: None };
        let mut cluster = Self {
            directory: tempfile::tempdir().unwrap(),
            members: (0..members).map(member).collect(),
            extra: extra.to_vec(),
            scheme,
        };
        (0..members).for_each(|index| cluster.run(index));
        cluster
    }

    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(|member| format!("{}://127.0.0.1:{}", self.scheme, member.client)).collect()
    }

    /// Starts a member, or starts it again on what it had.
    pub(crate) fn run(&mut self, index: usize) {
        let initial = (0..).zip(&self.members);
        let initial: Vec<_> = initial
            .map(|(index, member): (usize, _)| format!("m{index}=http://127.0.0.1:{}", member.peer))
            .collect();
        let member = &mut self.members[index];
        let (client, peer) = (
            format!("{}://127.0.0.1:{}", self.scheme, member.client),
            format!("http://127.0.0.1:{}", member.peer),
        );
        let process = Command::new("etcd")
            .args(["--name", &format!("m{index}"), "--log-level", "error", "--logger", "zap"])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &initial.join(",")])
            .args(["--heartbeat-interval", "50", "--election-timeout", "500", "--unsafe-no-fsync"])
            .args(&self.extra)
            .arg("--data-dir")
            .arg(self.directory.path().join(format!("m{index}")))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("etcd of the package etcd-server");
        member.process = Some(process);
    }

    /// As a crash does.
    pub(crate) fn kill(&mut self, index: usize) {
        if let Some(mut process) = self.members[index].process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Where a member listens.
    pub(crate) fn address(&self, index: usize) -> SocketAddr {
        ([127, 0, 0, 1], self.members[index].client).into()
    }

    /// Takes away all that a member has.
    pub(crate) fn wipe(&self, index: usize) {
        std::fs::remove_dir_all(self.directory.path().join(format!("m{index}"))).unwrap();
    }

    /// Makes a copy of all that a member has, while it does not run.
    pub(crate) fn back_up(&self, index: usize) {
        let (data, copy) = self.data_and_copy(index);
        assert!(Command::new("cp").arg("-r").args([data, copy]).status().unwrap().success());
    }

    /// Gives a member that copy, while it does not run.
    pub(crate) fn restore(&self, index: usize) {
        let (data, copy) = self.data_and_copy(index);
        std::fs::remove_dir_all(&data).unwrap();
        std::fs::rename(copy, data).unwrap();
    }

    fn data_and_copy(&self, index: usize) -> (PathBuf, PathBuf) {
        let path = |name: String| self.directory.path().join(name);
        (path(format!("m{index}")), path(format!("copy of m{index}")))
    }

    /// Stops a member without ending it, or lets it go on.
    pub(crate) fn pause(&self, index: usize, paused: bool) {
        let process = self.members[index].process.as_ref().unwrap();
        let signal = if paused { "-STOP" } else { "-CONT" };
        assert!(Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap().success());
    }

    pub(crate) async fn client(&self) -> Client {
        let options = ConnectOptions::new()
            .with_connect_timeout(Duration::from_secs(1))
            .with_timeout(Duration::from_secs(2));
        Client::connect(self.endpoints(), Some(options)).await.unwrap()
    }

    /// Waits until the cluster has a leader.
    pub(crate) async fn settled(&self) {
        let begun = Instant::now();
        loop {
            let mut client = self.client().await;
            if client.get("settled", Some(GetOptions::new())).await.is_ok() {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "the cluster does not come up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Which member leads.
    pub(crate) async fn leader(&self) -> usize {
        for (index, endpoint) in self.endpoints().iter().enumerate() {
            let Ok(mut client) = Client::connect([endpoint], None).await else { continue };
            let Ok(status) = client.status().await else { continue };
            if status.leader() == status.header().unwrap().member_id() {
                return index;
            }
        }
        panic!("nobody leads")
    }
}

/// etcd's proxy in front of a cluster.
pub(crate) struct EtcdProxy {
    pub(crate) endpoint: String,
    process: Child,
}

impl Cluster {
    pub(crate) async fn proxy(&self) -> EtcdProxy {
        let address = format!("127.0.0.1:{}", free_port());
        let process = Command::new("etcd")
            .args(["grpc-proxy", "start", "--endpoints", &self.endpoints().join(",")])
            .args(["--listen-addr", &address])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("etcd of the package etcd-server");
        let proxy = EtcdProxy { endpoint: format!("http://{address}"), process };
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the proxy does not come up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        proxy
    }
}

impl Drop for EtcdProxy {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        (0..self.members.len()).for_each(|index| self.kill(index));
    }
}

/// The keys of a policy, as somebody with `etcdctl` writes them.
pub(crate) struct Writer(pub(crate) Client);

impl Writer {
    /// Gives the revision.
    pub(crate) async fn put(&mut self, key: &str, value: &str) -> i64 {
        self.0.put(format!("/tenantgate/{key}"), value, None).await.unwrap().header().unwrap().revision()
    }

    pub(crate) async fn delete(&mut self, key: &str) -> i64 {
        self.0.delete(format!("/tenantgate/{key}"), None).await.unwrap().header().unwrap().revision()
    }

    pub(crate) async fn settings(&mut self, tenant: &str, settings: &Value) -> i64 {
        self.put(&format!("v1/tenants/{tenant}/settings"), &settings.to_string()).await
    }

    pub(crate) async fn active(&mut self, tenant: &str, generation: u64) -> i64 {
        self.put(&format!("v1/tenants/{tenant}/active"), &generation.to_string()).await
    }

    pub(crate) async fn partner(&mut self, tenant: &str, generation: u64, partner: &Value) -> i64 {
        let id = partner["tenantId"].as_str().unwrap();
        self.put(&format!("v1/tenants/{tenant}/gen/{generation}/partners/{id}"), &partner.to_string()).await
    }
}
