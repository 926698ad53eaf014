//! Binds everything. The same in production and in tests, which listen on port 0 and read the addresses.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::admin::{self, KeysState, Observed, PolicyState, Readiness, Report, StoreState};
use crate::check::{
    Address, Bound, Gate, Judge, Limits, ListenError, SERVICE, Server, Services, Stop, Tokens,
};
use crate::config::{Composed, Config, ConfigError};
use crate::source::{BadPrincipals, FetchError, Keys, Principals, Reached, Task, Watch};
use crate::store::{Status, cell};
use crate::telemetry::{Metrics, unix_now};
use crate::token::KeySet;

/// Why the application did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    /// The check port.
    #[error("the check port cannot be opened")]
    Check(#[from] ListenError),
    /// The admin port.
    #[error("the admin port `{0}` cannot be opened")]
    Admin(Address, #[source] std::io::Error),
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
    pub admin: SocketAddr,
    gate: Arc<Gate>,
    readiness: Arc<Readiness>,
    health: HealthReporter,
    stop: watch::Sender<bool>,
    serving: Task,
    _tasks: Vec<Task>,
    _keys: Keys,
}

impl App {
    /// Loads what is there, opens both ports and serves. A policy or key that is missing keeps the service from
    /// being ready, not from answering: such checks are denied with a reason.
    pub async fn start(config: &Config, file: Option<ConfigFile>) -> Result<Self, StartError> {
        let Parts {
            gate,
            status,
            metrics,
            issuers,
            watch,
            keys,
            principals,
            check,
            admin,
            limits,
            max_message,
        } = Parts::of(config.compose()?)?;
        let readiness = Arc::new(Readiness::default());

        let (health, health_service) = tonic_health::server::health_reporter();
        set_health(&health, ServingStatus::NotServing).await;
        let server = Server::new(Bound::bind(check).await?, limits);
        let check = server.bound().address().clone();
        let (stop, stopped) = Stop::new();
        let services = Services::new(Arc::clone(&gate), health_service, max_message);
        let serving = Task::spawn(server.run(services, stopped));

        let observed = AppObserved {
            gate: Arc::clone(&gate),
            status,
            readiness: Arc::clone(&readiness),
            issuers,
            reached: keys.reached(),
            file,
        };
        let listener = bind_admin(&admin).await.map_err(|error| StartError::Admin(admin.clone(), error))?;
        let admin_address = listener.local_addr().map_err(|error| StartError::Admin(admin, error))?;
        let router = admin::router(observed, metrics);
        let ready = become_ready(Arc::clone(&gate), Arc::clone(&readiness), health.clone());
        let tasks = vec![
            watch.spawn(),
            principals.spawn(),
            Task::spawn(async move {
                if let Err(error) = axum::serve(listener, router).await {
                    tracing::error!("the admin port is closed: {error}");
                }
            }),
            Task::spawn(ready),
        ];
        Ok(Self {
            check,
            admin: admin_address,
            gate,
            readiness,
            health,
            stop,
            serving,
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
        let Parts { gate, keys, .. } = Parts::of(composed)?;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        let known = || gate.tokens().keys().borrow().as_deref().is_some_and(|ring| ring.complete(unix_now()));
        while !known() && tokio::time::Instant::now() < deadline && keys.fetches() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
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

    /// Ends in order: not serving, GOAWAY, checks end, and what has not ended in time is cut off.
    pub async fn stop(mut self) {
        self.readiness.stopping();
        set_health(&self.health, ServingStatus::NotServing).await;
        self.stop.send_replace(true);
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
    watch: Watch,
    keys: Keys,
    principals: Principals,
    check: Address,
    admin: Address,
    limits: Limits,
    max_message: usize,
}

impl Parts {
    fn of(composed: Composed) -> Result<Self, StartError> {
        let issuers: Arc<[Box<str>]> = composed.keys.iter().map(|source| source.name.clone()).collect();
        let metrics = Arc::new(Metrics::new(issuers.iter().map(|name| &**name)));
        let status = Arc::new(Status::default());
        let (publisher, policy) = cell();
        let options = composed.policy_options;
        let mut watch =
            Watch::new(composed.policy, options, publisher, Arc::clone(&status), Arc::clone(&metrics))
                .within(composed.judge.max_staleness);
        watch.load();
        let keys = Keys::start(composed.keys, &composed.keys_config, &metrics)?;
        let principals = Principals::load(composed.principals)?;
        let limits = composed.token_limits;
        let tokens =
            Tokens::new(composed.expected, keys.reader(), keys.wanted(), limits, Arc::clone(&metrics));
        let judge = Judge::new(composed.judge, policy, principals.reader(), Arc::clone(&status));
        let gate = Gate::new(composed.gate, judge, tokens, Arc::clone(&metrics));
        Ok(Self {
            gate: Arc::new(gate),
            status,
            metrics,
            issuers,
            watch,
            keys,
            principals,
            check: composed.check,
            admin: composed.admin,
            limits: composed.limits,
            max_message: composed.max_message,
        })
    }
}

async fn bind_admin(address: &Address) -> std::io::Result<TcpListener> {
    match address {
        Address::Tcp(address) => TcpListener::bind(address).await,
        Address::Unix(_) => Err(std::io::ErrorKind::Unsupported.into()),
    }
}

/// Readiness gates the first SERVING.
async fn become_ready(gate: Arc<Gate>, readiness: Arc<Readiness>, health: HealthReporter) {
    loop {
        let keys = gate.tokens().keys().borrow().as_deref().is_some_and(|ring| ring.complete(unix_now()));
        let policy = gate.judge().policy().borrow().is_some();
        if keys && policy {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    readiness.reached();
    set_health(&health, ServingStatus::Serving).await;
    tracing::info!("ready");
}

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    health.set_service_status("", status).await;
    health.set_service_status(SERVICE, status).await;
}

struct AppObserved {
    gate: Arc<Gate>,
    status: Arc<Status>,
    readiness: Arc<Readiness>,
    issuers: Arc<[Box<str>]>,
    reached: Reached,
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
        metrics.sample(age, float(self.gate.tokens().cached()), float(self.gate.in_flight()));
    }
}
