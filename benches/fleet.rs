//! Fifty sidecars on one etcd (Debian's `etcd-server`): how soon a change is enforced on each of them, and what the
//! store does for them; directly, and through etcd's own proxy.
//!
//! Time counts from before the write until a sidecar's snapshot has its revision and its shelf the new record. The
//! sidecars are in this process, and the store on the same cores.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what cannot go on has nothing to measure"
)]

#[path = "../tests/etcd/cluster.rs"]
#[expect(dead_code, reason = "tests need the rest of it")]
mod cluster;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::{Cluster, Writer};
use serde_json::{Value, json};
use tenantgate::directory::DirectoryConfig;
use tenantgate::id::TenantId;
use tenantgate::policy::{Found, Options, Shelf, Snapshot};
use tenantgate::source::{EtcdSettings, EtcdSource, Task};
use tenantgate::store::{Reader, Status, cell};
use tenantgate::telemetry::Metrics;

const SIDECARS: usize = 50;
const CHANGES: usize = 200;
/// How long the fleet is left alone: more than the time after which each compares everything.
const REST: Duration = Duration::from_mins(2);
const L: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
const P: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let cluster = Cluster::start(1).await;
    let mut writer = Writer(cluster.client().await);
    writer.partner(L, 1, &partner(true)).await;
    writer.active(L, 1).await;
    writer.settings(L, &json!({"tenantId": L, "crossTenantAccessPolicy": {}})).await;
    let (changes, rest) = if quick { (20, Duration::from_secs(2)) } else { (CHANGES, REST) };
    say("| | directly | by the proxy |\n|---|--:|--:|");
    let mut columns = Vec::new();
    let proxy = cluster.proxy().await;
    for endpoint in [&cluster.endpoints()[0], &proxy.endpoint] {
        let fleet = fleet(endpoint).await;
        columns.push(measure(&cluster, &mut writer, &fleet, changes, rest).await);
    }
    let [direct, by_proxy] = columns.try_into().expect("two");
    for ((what, direct), (_, by_proxy)) in direct.into_iter().zip(by_proxy) {
        say(&format!("| {what} | {direct} | {by_proxy} |"));
    }
}

struct Sidecar {
    policy: Reader<Snapshot>,
    _task: Task,
}

impl Sidecar {
    fn begin(endpoint: &str) -> Self {
        let settings = EtcdSettings {
            endpoints: vec![endpoint.to_owned()],
            prefix: "/tenantgate".to_owned(),
            cache: None,
            user: None,
            tls: None,
        };
        let partners = DirectoryConfig {
            capacity: 100_000,
            ttl: Duration::from_mins(5),
            negative_ttl: Duration::from_secs(30),
            load_timeout: Duration::from_secs(5),
            keep_texts: false,
        };
        let (publisher, policy) = cell();
        let (status, metrics) = (Arc::new(Status::default()), Arc::new(Metrics::new([])));
        let ends = (publisher, policy.clone());
        let source = EtcdSource::new(settings, partners, Options::default(), ends, status, metrics);
        Self { policy, _task: source.spawn() }
    }

    /// The shelf, and the revision to ask it with.
    fn shelf(&self) -> Option<(Arc<dyn Shelf>, u64)> {
        let snapshot = self.policy.borrow();
        let snapshot = snapshot.as_deref()?;
        let partners = snapshot.tenant(L.parse().unwrap())?.partners.shelf()?;
        Some((Arc::clone(partners), snapshot.at))
    }

    async fn fetches(&self) -> bool {
        let Some((partners, at)) = self.shelf() else { return false };
        partners.fetch(id(), at).await
    }

    /// Whether a decision made now is made on this revision, and this value.
    fn enforces(&self, revision: u64, provider: bool) -> bool {
        let Some((partners, at)) = self.shelf().filter(|(_, at)| *at >= revision) else { return false };
        matches!(partners.find(id(), at), Found::Partner(found) if found.is_service_provider == provider)
    }
}

async fn fleet(endpoint: &str) -> Vec<Sidecar> {
    let fleet: Vec<_> = (0..SIDECARS).map(|_| Sidecar::begin(endpoint)).collect();
    for sidecar in &fleet {
        while !sidecar.fetches().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    fleet
}

async fn measure(
    cluster: &Cluster,
    writer: &mut Writer,
    fleet: &[Sidecar],
    changes: usize,
    rest: Duration,
) -> Vec<(&'static str, String)> {
    let mut delays = Vec::new();
    let before = Load::of(cluster).await;
    for change in 0..changes {
        let provider = change % 2 == 0;
        let begun = Instant::now();
        let revision = writer.partner(L, 1, &partner(provider)).await.unsigned_abs();
        let mut waiting: Vec<_> = fleet.iter().collect();
        while !waiting.is_empty() {
            waiting.retain(|sidecar| {
                let enforces = sidecar.enforces(revision, provider);
                if enforces {
                    delays.push(begun.elapsed());
                }
                !enforces
            });
            assert!(begun.elapsed() < Duration::from_mins(1), "some sidecars do not follow");
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let changing = Load::of(cluster).await - before;
    let before = Load::of(cluster).await;
    tokio::time::sleep(rest).await;
    let resting = Load::of(cluster).await - before;
    delays.sort_unstable();
    let at = |thousandths: usize| delays[(delays.len() * thousandths / 1000).min(delays.len() - 1)];
    let each = |value: f64| value / f64::from(u32::try_from(changes).unwrap());
    let second = |value: f64| value / rest.as_secs_f64();
    vec![
        ("change to enforcement on a sidecar, median", format!("{:.1?}", at(500))),
        ("99 of 100", format!("{:.1?}", at(990))),
        ("the slowest of all", format!("{:.1?}", at(1000))),
        ("watches at the store", format!("{:.0}", changing.watchers)),
        ("the store's CPU a change, ms", format!("{:.2}", each(changing.cpu) * 1e3)),
        ("bytes sent by it a change", format!("{:.0}", each(changing.sent))),
        ("at rest, its CPU, % of a core", format!("{:.2}", second(resting.cpu) * 100.0)),
        ("bytes sent by it a second", format!("{:.0}", second(resting.sent))),
    ]
}

/// What etcd tells of itself.
struct Load {
    cpu: f64,
    sent: f64,
    watchers: f64,
}

impl Load {
    async fn of(cluster: &Cluster) -> Self {
        let answer = reqwest::get(format!("http://{}/metrics", cluster.address(0))).await.unwrap();
        let text = answer.text().await.unwrap();
        let sum = |name: &str| {
            let samples = text.lines().filter(|line| line.starts_with(name));
            samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
        };
        Self {
            cpu: sum("process_cpu_seconds_total "),
            sent: sum("etcd_network_client_grpc_sent_bytes_total "),
            watchers: sum("etcd_debugging_mvcc_watcher_total "),
        }
    }
}

impl std::ops::Sub for Load {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { cpu: self.cpu - before.cpu, sent: self.sent - before.sent, watchers: self.watchers }
    }
}

fn id() -> TenantId {
    P.parse().unwrap()
}

fn partner(is_service_provider: bool) -> Value {
    json!({"tenantId": P, "isServiceProvider": is_service_provider})
}

#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
fn say(line: &str) {
    println!("{line}");
}
