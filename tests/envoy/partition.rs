//! Two Envoys and three tenantgates, each a host of its own. A link is cut, and no answer is wrong; it is healed.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use tempfile::TempDir;
use tenantgate::telemetry::unix_now;
use tenantgate::token::DevelopmentIssuer;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::client::{Answer, Request};
use crate::envoy::{OVER_TCP, binary, change};
use crate::gate::{self, BLOCKED, EXAMPLE, TENANT, USER, write_policy};
use crate::network::{Host, Network, Process};
use crate::patience::until;
use crate::upstream::Upstream;

const TENANTGATE: &str = env!("CARGO_BIN_EXE_tenantgate");

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_cut_and_healed_makes_no_answer_wrong() {
    let Some(mut network) = Network::enter("partition::a_link_that_is_cut_and_healed_makes_no_answer_wrong")
    else {
        return;
    };
    let directory = TempDir::new().unwrap();
    let directory = directory.path();
    let issuer = DevelopmentIssuer::keygen(&directory.join("issuer")).unwrap();
    let mint = |claims: serde_json::Value| issuer.mint(&claims.to_string(), unix_now(), 3600).unwrap();
    write_policy(directory, EXAMPLE);
    let upstream = Upstream::on(TcpListener::bind((Network::TEST, 0)).await.unwrap());

    let gates = ["gate1", "gate2", "gate3"].map(|name| network.host(name));
    let _gates: Vec<_> = gates.iter().map(|host| tenantgate(host, directory)).collect();
    for gate in &gates {
        until("a tenantgate to be ready", async || is_ready(gate).await.then_some(())).await;
    }
    let envoys = ["envoy1", "envoy2"].map(|name| network.host(name));
    let _envoys: Vec<_> =
        envoys.iter().map(|host| envoy(host, directory, upstream.address, &gates)).collect();
    for host in &envoys {
        until("Envoy to find them all", async || (trusted(host).await == 3).then_some(())).await;
    }

    let idp = format!("https://sts.windows.net/{BLOCKED}/");
    let allowed = mint(json!({"tid": TENANT, "aud": "api://orders", "oid": USER}));
    let blocked = mint(json!({"tid": TENANT, "idp": idp, "aud": "api://orders", "oid": USER, "acct": 1}));
    let clients = Clients::start(&envoys, &allowed, &blocked);
    clients.more(200).await;
    assert_eq!(clients.unanswered(), 0, "before anything is cut");

    let [_, cut, _] = &gates;
    cut.cut();
    for host in &envoys {
        until("Envoy to give it up", async || (trusted(host).await == 2).then_some(())).await;
    }
    // Checks that were under way give up when their time is over.
    clients.more_of_each(2).await;
    let unanswered = clients.unanswered();
    clients.more(400).await;
    assert_eq!(clients.unanswered(), unanswered, "with a link cut, traffic goes on by the others");

    cut.heal();
    for host in &envoys {
        until("Envoy to find it again", async || (trusted(host).await == 3).then_some(())).await;
    }
    let before = checks(cut).await;
    clients.more(400).await;
    assert_eq!(clients.unanswered(), unanswered, "with the link healed");
    until("it to be asked again", async || (checks(cut).await > before).then_some(())).await;
    clients.end().await;
}

fn tenantgate(host: &Host, directory: &Path) -> Process {
    let file = directory.join(format!("{}.json", host.address));
    let mut document = gate::document();
    document["listen"] = json!({"check": host.at(9191), "admin": host.at(9192)});
    fs::write(&file, document.to_string()).unwrap();
    let arguments = ["serve", "--config"].map(OsStr::new);
    let [serve, config] = arguments;
    host.start(Path::new(TENANTGATE), &[serve, config, file.as_os_str()], &file.with_extension("log"))
}

/// The shipped configuration, with three endpoints instead of one.
fn envoy(host: &Host, directory: &Path, upstream: SocketAddr, gates: &[Host]) -> Process {
    let file = directory.join(format!("{}.yaml", host.address));
    let place = |address: SocketAddr| format!("address: {}, port_value: {}}}", address.ip(), address.port());
    let local = |port: u16| place(SocketAddr::from(([127, 0, 0, 1], port)));
    let endpoint =
        |place: &str| format!("              - endpoint: {{address: {{socket_address: {{{place}}}}}\n");
    let endpoints: String = gates.iter().map(|gate| endpoint(&place(gate.at(9191)))).collect();
    let changes = [
        (local(9901), place(host.at(9901))),
        (local(10000), place(host.at(10000))),
        (local(18080), place(upstream)),
        (endpoint(&local(9191)), endpoints),
        // How long a check or a health check takes here depends on what else the machine does.
        (" timeout: 0.25s".to_owned(), " timeout: 3s".to_owned()),
        (" timeout: 0.5s".to_owned(), " timeout: 3s".to_owned()),
    ];
    let placed = changes.iter().fold(OVER_TCP.to_owned(), |text, (from, to)| change(&text, from, to));
    fs::write(&file, placed).unwrap();
    let arguments = ["--disable-hot-restart", "--concurrency", "2", "--log-level", "warn", "--config-path"]
        .map(OsStr::new);
    let arguments: Vec<_> = arguments.into_iter().chain([file.as_os_str()]).collect();
    host.start(&binary(), &arguments, &file.with_extension("log"))
}

async fn is_ready(gate: &Host) -> bool {
    get(gate.at(9192), "/readyz").await.is_some_and(|answer| answer.status == 200)
}

/// How many tenantgates an Envoy believes to be there.
async fn trusted(envoy: &Host) -> usize {
    let clusters = get(envoy.at(9901), "/clusters").await.map_or(String::new(), |answer| answer.body);
    let gates = clusters.lines().filter(|line| line.starts_with("tenantgate::"));
    gates.filter(|line| line.ends_with("::health_flags::healthy")).count()
}

/// How many checks a tenantgate has answered.
async fn checks(gate: &Host) -> u64 {
    let metrics = get(gate.at(9192), "/metrics").await.map_or(String::new(), |answer| answer.body);
    let counts = metrics.lines().filter(|line| line.starts_with("tenantgate_checks_total{"));
    counts.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
}

async fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("http://{address}{path}")).send().await.ok()?;
    let status = answer.status().as_u16();
    Some(Answer::of(status, answer.text().await.ok()?))
}

/// Clients of every kind at every Envoy, who know the right answer.
struct Clients {
    asking: JoinSet<()>,
    /// By each of them.
    answered: Vec<Arc<AtomicUsize>>,
    unanswered: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Clients {
    fn start(envoys: &[Host], allowed: &str, blocked: &str) -> Self {
        let (mut all_answered, unanswered) = (Vec::new(), Arc::<AtomicUsize>::default());
        let over = Arc::<AtomicBool>::default();
        let mut asking = JoinSet::new();
        for envoy in envoys {
            let request = || Request::new(envoy.at(10000), "GET", "/orders");
            let kinds = [
                (request().bearer(allowed), 200, None),
                (request().bearer(blocked), 403, Some("users_and_applications_blocked")),
                (request(), 401, Some("token_missing")),
            ];
            for (request, status, reason) in kinds {
                let (answered, unanswered) = (Arc::<AtomicUsize>::default(), Arc::clone(&unanswered));
                all_answered.push(Arc::clone(&answered));
                let over = Arc::clone(&over);
                asking.spawn(async move {
                    while !over.load(Ordering::Relaxed) {
                        let answer = request.clone().send().await;
                        if answer.status == 503 && reason_of(&answer).is_none() {
                            unanswered.fetch_add(1, Ordering::Relaxed);
                        } else {
                            let right = answer.status == status && reason_of(&answer).as_deref() == reason;
                            assert!(right, "not {status}, {reason:?}, but {answer:?}");
                        }
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        }
        Self { asking, answered: all_answered, unanswered, over }
    }

    /// Waits for so many more answers.
    async fn more(&self, count: usize) {
        let all = || self.answered().sum::<usize>();
        let enough = all() + count;
        until("clients to be answered", async || (all() >= enough).then_some(())).await;
    }

    /// Waits until each of them has so many more.
    async fn more_of_each(&self, count: usize) {
        let enough: Vec<_> = self.answered().map(|answered| answered + count).collect();
        let each = async || self.answered().zip(&enough).all(|(now, enough)| now >= *enough).then_some(());
        until("every client to be answered", each).await;
    }

    fn answered(&self) -> impl Iterator<Item = usize> {
        self.answered.iter().map(|answered| answered.load(Ordering::Relaxed))
    }

    /// Requests that Envoy denied because no tenantgate answered.
    fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// A wrong answer has ended a client with a panic.
    async fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        self.asking.join_all().await;
    }
}

/// Why tenantgate denied, if it was tenantgate.
fn reason_of(answer: &Answer) -> Option<String> {
    let problem: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
    Some(problem.get("reason")?.as_str()?.to_owned())
}
