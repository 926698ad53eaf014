//! Binds everything. The same in production and in tests, which listen on port 0 and read the addresses.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::admin::{
    self, CertificatesState, KeysState, Observed, PolicyState, Readiness, Report, StoreState,
};
use crate::check::{Gate, Health, Http2, Http2Limits, Judge, Services, Tokens};
use crate::config::{Composed, Config, ConfigError, PortConfig};
use crate::directory::Directory;
use crate::port::{
    Address, BadSocket, Bound, Certificates, Ending, Handed, ListenError, Renewal, Server, Stop, TlsError,
    wait_for_turn,
};
use crate::source::{
    BadPrincipals, Feed, FetchError, KeySource, Keys, KeysConfig, Principals, Reached, Task,
};
use crate::store::{Status, cell};
use crate::telemetry::{Metrics, Port, unix_now};
use crate::token::KeySet;

/// Why the application did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    /// A port.
    #[error("the {} port cannot be opened", .0.word())]
    Listen(Port, #[source] ListenError),
    /// Its TLS.
    #[error("the {} port has no TLS", .0.word())]
    Tls(Port, #[source] TlsError),
    /// What was handed over.
    #[error("a socket cannot be used")]
    Handed(#[from] BadSocket),
    /// The admin port's thread.
    #[error("there is no thread for the admin port")]
    Thread(#[source] std::io::Error),
    /// The principal map.
    #[error("the principal map cannot be used")]
    Principals(#[from] BadPrincipals),
    /// The HTTPS client.
    #[error("keys cannot be fetched")]
    Keys(#[from] FetchError),
}

/// The file that the configuration came from, to notice when it changes.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    /// Where.
    pub path: PathBuf,
    /// What it said.
    pub text: String,
}

/// A running application; dropping it stops everything at once.
#[derive(Debug)]
pub struct App {
    /// Where checks are answered.
    pub check: Address,
    /// Where health and metrics are told.
    pub admin: Address,
    gate: Arc<Gate>,
    readiness: Arc<Readiness>,
    health: Health,
    /// How long the port may stay open after the end was told; None where it is not told.
    farewell: Option<Duration>,
    ending: Ending,
    serving: Task,
    _admin: admin::Serving,
    _tasks: Vec<Task>,
    _keys: Keys,
}

/// The longest farewell.
const FAREWELL: Duration = Duration::from_secs(3);

impl App {
    /// Loads what is there, opens both ports and serves. A policy or key that is missing keeps the service from
    /// being ready, not from answering: such checks are denied with a reason.
    pub async fn start(config: &Config, file: Option<ConfigFile>) -> Result<Self, StartError> {
        Self::start_on(config, file, Handed::default()).await
    }

    /// The same, on sockets that were `handed` over, where there are any for its addresses.
    pub async fn start_on(
        config: &Config,
        file: Option<ConfigFile>,
        mut handed: Handed,
    ) -> Result<Self, StartError> {
        let Parts {
            gate,
            status,
            metrics,
            issuers,
            feed,
            keys,
            principals,
            check,
            admin,
            http2,
            max_message,
        } = Parts::of(config.compose()?)?;
        let readiness = Arc::new(Readiness::default());
        let health = Health::new();
        let mut ports =
            Ports { metrics: Arc::clone(&metrics), certificates: Vec::new(), renewals: Vec::new() };
        let check_tls = ports.tls(Port::Check, &check)?;
        let admin_tls = ports.tls(Port::Admin, &admin)?;
        let Ports { metrics: _, certificates, renewals } = ports;

        let observed = AppObserved {
            gate: Arc::clone(&gate),
            status,
            readiness: Arc::clone(&readiness),
            issuers,
            reached: keys.reached(),
            certificates,
            directory: feed.directory(),
            file,
        };
        let server = open(Port::Admin, admin, admin_tls, &mut handed)?;
        let admin = server.bound().address().clone();
        let router = admin::router(observed, metrics);
        let serving_admin = admin::serve(server, router).map_err(StartError::Thread)?;

        let ready = become_ready(Arc::clone(&gate), Arc::clone(&readiness), health.clone());
        let mut tasks = vec![feed.spawn(), Task::spawn(ready)];
        tasks.extend(principals.map(Principals::spawn));
        tasks.extend(renewals.into_iter().map(|renewal| Task::spawn(renewal.run())));
        let queue = handed.queue(&check.address);
        let shared = check.reuse_port || queue.is_some();
        // An address has one health in the eyes of those who ask: to call it bad is to say so of whoever is beside us.
        let farewell = (!shared).then(|| FAREWELL.min(check.limits.drain / 3));
        wait_for_turn(&check.address, queue, check.reuse_port, until_ready(&readiness)).await;
        let server = open(Port::Check, check, check_tls, &mut handed)?;
        handed.all_taken()?;
        let check = server.bound().address().clone();
        let (ending, stop) = Stop::new();
        let services = Services::new(Arc::clone(&gate), health.clone(), max_message);
        let serving = Task::spawn(server.run(Http2::new(services, http2), stop));
        Ok(Self {
            check,
            admin,
            gate,
            readiness,
            health,
            farewell,
            ending,
            serving,
            _admin: serving_admin,
            _tasks: tasks,
            _keys: keys,
        })
    }

    /// The gate without its ports, for one decision; keys that have to be fetched are waited for.
    pub async fn gate_alone(config: &Config) -> Result<(Arc<Gate>, Keys), StartError> {
        let mut composed = config.compose()?;
        // Everything was read just now, whatever time the question is about.
        composed.judge.max_staleness = None;
        composed.keys_config.max_age = Duration::MAX;
        let Parts { gate, keys, feed, .. } = Parts::of(composed)?;
        feed.load().await;
        let deadline = Instant::now() + Duration::from_secs(10);
        let known = || gate.tokens().keys().borrow().as_deref().is_some_and(|ring| ring.complete(unix_now()));
        while !known() && Instant::now() < deadline && keys.fetches() {
            sleep(Duration::from_millis(10)).await;
        }
        Ok((gate, keys))
    }

    /// The same for claims that nobody vouches for: the issuers' names are known, and their keys are not looked for.
    pub async fn gate_without_keys(config: &Config) -> Result<(Arc<Gate>, Keys), StartError> {
        let mut composed = config.compose()?;
        composed.judge.max_staleness = None;
        let Parts { gate, keys, feed, .. } = Parts::with(composed, |sources, _, _| Keys::unsought(&sources))?;
        feed.load().await;
        Ok((gate, keys))
    }

    /// Whether checks are decided, not only answered.
    pub fn is_ready(&self) -> bool {
        self.readiness.is_ready()
    }

    /// The gate, to ask without a network.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Waits for the check port to fail, which nothing should make it do: whoever is not served must not seem to be.
    pub async fn failed(&mut self) {
        let ended = self.serving.ended().await;
        self.readiness.stopping();
        tracing::error!("the check port is closed: {ended:?}");
    }

    /// Ends in order: not serving, and as soon as those who asked for health know it, or at once where the port is
    /// shared, it is closed; GOAWAY, checks end, and what has not ended in time is answered as it stands or cut off.
    pub async fn stop(mut self) {
        self.readiness.stopping();
        if let Some(limit) = self.farewell {
            self.health.farewell(limit).await;
        }
        self.ending.call();
        if let Err(error) = self.serving.ended().await {
            tracing::error!("the check port ended with an error: {error}");
        }
    }
}

/// Everything but the ports.
struct Parts {
    gate: Arc<Gate>,
    status: Arc<Status>,
    metrics: Arc<Metrics>,
    issuers: Arc<[Box<str>]>,
    feed: Feed,
    keys: Keys,
    principals: Option<Principals>,
    check: PortConfig,
    admin: PortConfig,
    http2: Http2Limits,
    max_message: usize,
}

impl Parts {
    fn of(composed: Composed) -> Result<Self, StartError> {
        Self::with(composed, Keys::start)
    }

    fn with(
        composed: Composed,
        keys: impl FnOnce(Vec<KeySource>, &KeysConfig, &Arc<Metrics>) -> Result<Keys, FetchError>,
    ) -> Result<Self, StartError> {
        let issuers: Arc<[Box<str>]> = composed.keys.iter().map(|source| source.name.clone()).collect();
        let metrics = Arc::new(Metrics::new(issuers.iter().map(|name| &**name)));
        let status = Arc::new(Status::default());
        let (publisher, policy) = cell();
        let options = composed.policy_options;
        let (told, counted) = (Arc::clone(&status), Arc::clone(&metrics));
        let (ends, limit) = ((publisher, policy.clone()), composed.judge.max_staleness);
        let mut feed = Feed::begin(composed.policy, options, ends, told, counted, limit);
        let keys = keys(composed.keys, &composed.keys_config, &metrics)?;
        let (publisher, map) = cell();
        let principals = if let Some(path) = composed.principals {
            Some(Principals::load(path, publisher)?)
        } else {
            feed.keep_principals(publisher);
            None
        };
        let limits = composed.token_limits;
        let tokens =
            Tokens::new(composed.expected, keys.reader(), keys.wanted(), limits, Arc::clone(&metrics));
        let judge = Judge::new(composed.judge, policy, map, Arc::clone(&status));
        let gate = Gate::new(composed.gate, judge, tokens, Arc::clone(&metrics));
        Ok(Self {
            gate: Arc::new(gate),
            status,
            metrics,
            issuers,
            feed,
            keys,
            principals,
            check: composed.check,
            admin: composed.admin,
            http2: composed.http2,
            max_message: composed.max_message,
        })
    }
}

/// What TLS there is, and what keeps it so.
struct Ports {
    metrics: Arc<Metrics>,
    certificates: Vec<(Port, Certificates)>,
    renewals: Vec<Renewal>,
}

impl Ports {
    fn tls(&mut self, port: Port, config: &PortConfig) -> Result<Option<Certificates>, StartError> {
        let Some(tls) = config.tls.clone() else { return Ok(None) };
        let (certificates, renewal) = Certificates::load(tls, port, Arc::clone(&self.metrics))
            .map_err(|error| StartError::Tls(port, error))?;
        self.certificates.push((port, certificates.clone()));
        self.renewals.push(renewal);
        Ok(Some(certificates))
    }
}

fn open(
    port: Port,
    config: PortConfig,
    tls: Option<Certificates>,
    handed: &mut Handed,
) -> Result<Server, StartError> {
    let PortConfig { address, tls: _, limits, reuse_port } = config;
    let bound = Bound::bind(address, handed, reuse_port).map_err(|error| StartError::Listen(port, error))?;
    Ok(Server::new(bound, tls, limits))
}

async fn until_ready(readiness: &Readiness) {
    while !readiness.is_ready() {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Readiness gates the first SERVING.
async fn become_ready(gate: Arc<Gate>, readiness: Arc<Readiness>, health: Health) {
    loop {
        let keys = gate.tokens().keys().borrow().as_deref().is_some_and(|ring| ring.complete(unix_now()));
        let policy = gate.judge().policy().borrow().is_some();
        if keys && policy {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    readiness.reached();
    health.serving();
    tracing::info!("ready");
}

struct AppObserved {
    gate: Arc<Gate>,
    status: Arc<Status>,
    readiness: Arc<Readiness>,
    issuers: Arc<[Box<str>]>,
    reached: Reached,
    certificates: Vec<(Port, Certificates)>,
    directory: Option<Arc<Directory>>,
    file: Option<ConfigFile>,
}

impl Observed for AppObserved {
    fn report(&self) -> Report {
        let now = unix_now();
        let snapshot = self.gate.judge().policy().borrow();
        let ring = self.gate.tokens().keys().borrow();
        let usable = |index| {
            ring.as_deref().and_then(|ring| ring.sets.get(index)).is_some_and(|set: &KeySet| set.usable(now))
        };
        let changed =
            |file: &ConfigFile| !std::fs::read_to_string(&file.path).is_ok_and(|text| text == file.text);
        Report {
            ready: self.readiness.is_ready(),
            policy: PolicyState {
                revision: snapshot.as_ref().map(|snapshot| snapshot.revision.to_string()),
                age_seconds: self.status.age(now),
                applied_at: self.status.applied_at(),
                rejected: self.status.rejection().map(|rejection| rejection.reason),
            },
            store: StoreState { problem: self.status.unreachable().map(|problem| problem.reason) },
            keys: self
                .issuers
                .iter()
                .enumerate()
                .map(|(index, issuer)| KeysState { issuer: issuer.to_string(), usable: usable(index) })
                .collect(),
            certificates: self
                .certificates
                .iter()
                .map(|(port, certificates)| CertificatesState {
                    port: port.word(),
                    problem: certificates.problem(),
                })
                .collect(),
            restart_needed: self.file.as_ref().is_some_and(changed),
        }
    }

    fn sample(&self, metrics: &Metrics) {
        let float = |count: usize| u32::try_from(count).map_or(f64::INFINITY, f64::from);
        let now = unix_now();
        let seconds = |age: i64| u32::try_from(age).map_or(f64::INFINITY, f64::from);
        let age = seconds(self.status.age(now));
        for (issuer, age) in self.issuers.iter().zip(self.reached.ages(now)) {
            metrics.keys_age(issuer, age.map_or(f64::INFINITY, seconds));
        }
        if let Some(directory) = &self.directory {
            metrics.partners_held(u32::try_from(directory.entries()).map_or(f64::INFINITY, f64::from));
        }
        metrics.sample(age, float(self.gate.tokens().cached()), float(self.gate.in_flight()));
    }
}
