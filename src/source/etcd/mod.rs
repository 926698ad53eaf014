//! A policy in etcd: small settings by watch, partners on demand.
//!
//! | key under `{prefix}/v1/tenants/{L}/` | value |
//! |---|---|
//! | `settings` | the bundle's tenant, without its partners |
//! | `active` | the number of a generation |
//! | `gen/{n}/partners/{P}` | one partner, as Graph has it |
//! | `gen/{n}/partners/` | the marker, whose value sidecars do not read: whoever changes settings may write it in the same transaction, which tells that no partner changed until then; whoever removes a generation takes it away first |
//!
//! Beside them, `{prefix}/v1/principals/{L}/{oid}` has the principal map, entry by entry.
//!
//! An event of the small keys is a hint: what is published is what one consistent read of them found, so that a
//! snapshot is always a state that the store really had. Its revision is that of its last change, or of the last
//! partner's change that was applied, so that what others write to the same cluster does not matter. Partners are on
//! shelves (`directory`), each with a watch of the tenant's active generation; other generations, which a writer may
//! be filling with a million partners, are not watched. A partner's event is applied when the small keys are known as
//! of its revision, whichever of them was told first (`known`).
//!
//! No watch is believed for long: before a minute is over everything is compared and watched anew, from the revision
//! through which events were applied. That repairs one that died silently. (Progress notifications, which would tell
//! sooner, overtake events in etcd 3.4: etcd#15220.)

mod connection;
mod error;
mod horizon;
mod hosted;
mod keeper;
mod kept;
mod keys;
mod known;
mod partners;
mod principals;
mod small;
mod store;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use etcd_client::Client;
use tokio::time::{Instant, sleep, timeout, timeout_at};

pub use self::connection::{EtcdSettings, EtcdTls};
pub use self::error::EtcdError;
use self::horizon::Horizon;
use self::hosted::Hosted;
use self::keeper::Keeper;
use self::keys::Keys;
use self::known::Known;
use self::partners::{Link, Partners};
use self::principals::Principals;
use self::small::Small;
pub use self::store::EtcdStore;
use self::watch::{Heard, Watching};
use crate::directory::{Directory, DirectoryConfig};
use crate::policy::{Options, PrincipalMap, Snapshot};
use crate::source::chance::{self, jittered};
use crate::source::task::Task;
use crate::store::{Publisher, Reader, Rejection, Status};
use crate::telemetry::{Metrics, RejectedBecause, unix_now};

/// A watch is believed for this long, and up to a tenth more or less.
const BELIEVED: Duration = Duration::from_secs(50);
/// A comparison that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// To read all principals takes no longer, or has failed.
const PRINCIPALS_PATIENCE: Duration = Duration::from_mins(1);
/// How long the cluster is waited for before the policy that was kept is served.
const FIRST: Duration = Duration::from_secs(2);
/// Between attempts, doubled until the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// The one writer of a policy that is in etcd.
#[derive(Debug)]
pub struct EtcdSource {
    settings: EtcdSettings,
    keys: Keys,
    link: Link,
    hosted: Hosted,
    horizon: Horizon,
    known: Known,
    /// None where the map is a file.
    principals: Option<Principals>,
    status: Arc<Status>,
    metrics: Arc<Metrics>,
    believed: Duration,
    keeper: Option<Keeper>,
    /// Which member's it is to be listened to, as far as it counts.
    turn: usize,
}

impl EtcdSource {
    /// Publishes what the cluster has, with partners read as `partners` bounds it.
    pub fn new(
        settings: EtcdSettings,
        partners: DirectoryConfig,
        options: Options,
        (publisher, reader): (Publisher<Snapshot>, Reader<Snapshot>),
        status: Arc<Status>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (keys, link, horizon) = (Keys::under(&settings.prefix), Link::default(), Horizon::default());
        let loader = Partners::new(keys.clone(), link.clone(), horizon.clone());
        let directory = Directory::new(partners, loader, Arc::clone(&metrics));
        let hosted =
            Hosted::new(directory, options, publisher, reader, Arc::clone(&status), Arc::clone(&metrics));
        // Not all of a fleet begin at the same member.
        let turn = usize::try_from(chance::number() % 1024).unwrap_or_default();
        let keeper = settings.cache.clone().map(Keeper::new);
        Self {
            settings,
            keys,
            link,
            hosted,
            horizon,
            known: Known::default(),
            principals: None,
            status,
            metrics,
            believed: BELIEVED,
            keeper,
            turn,
        }
    }

    /// Compares so often that a source that can be read is never older than `limit`.
    #[must_use]
    pub fn within(self, limit: Option<Duration>) -> Self {
        let believed = limit.map_or(BELIEVED, |limit| BELIEVED.min(limit / 4));
        Self { believed, ..self }
    }

    /// Has the principal map from there, too.
    pub fn keep_principals(&mut self, publisher: Publisher<PrincipalMap>) {
        self.principals = Some(Principals::new(self.keys.clone(), publisher));
    }

    /// What is at hand, to be counted.
    pub fn directory(&self) -> Arc<Directory> {
        self.hosted.directory()
    }

    /// Loads what is there now; a failure is reported and leaves the policy as it was.
    pub async fn load(&mut self) {
        self.reach().await;
    }

    /// The same; gives the connection to the member that answered.
    async fn reach(&mut self) -> Option<Client> {
        for _ in 0..self.settings.endpoints.len() {
            let reached = async {
                let client = self.connect().await?;
                self.compare(&client).await?;
                Ok(client)
            };
            match reached.await {
                Ok(client) => return Some(client),
                Err(error) => self.unreached(&error),
            }
        }
        None
    }

    /// Goes on for as long as the task lives.
    pub fn spawn(mut self) -> Task {
        Task::spawn(async move {
            let (shortest, longest) = BACK_OFF;
            let (mut client, mut pause) = (self.begin().await, shortest);
            loop {
                let begun = Instant::now();
                match Box::pin(self.session(&mut client)).await {
                    Ok(()) => pause = shortest,
                    Err(error) => {
                        self.unreached(&error);
                        client = None;
                        // What went well for a while is tried again at once.
                        pause = if begun.elapsed() > longest { shortest } else { longest.min(pause * 2) };
                        sleep(jittered(pause)).await;
                    }
                }
            }
        })
    }

    /// Where the cluster cannot be read at first, the policy that was kept is better than none.
    /// Gives the connection, where there is one.
    async fn begin(&mut self) -> Option<Client> {
        self.keeper.as_ref()?;
        let reached = timeout(FIRST, self.reach()).await;
        if reached.is_err() {
            self.unreached(&EtcdError::Late(FIRST));
        }
        if self.hosted.published().is_none() {
            self.restore();
        }
        reached.ok().flatten()
    }

    fn restore(&mut self) {
        let kept = self.keeper.as_ref().and_then(|keeper| keeper.restore(&self.settings.prefix));
        let Some(kept) = kept else { return };
        let revision = kept.revision;
        self.horizon.is_of(kept.cluster);
        self.horizon.saw(kept.newest());
        match self.hosted.restore(kept) {
            Ok(()) => tracing::warn!(revision, "policy restored from `policy.cache`"),
            Err(problem) => tracing::error!("policy: `policy.cache` is of no use: {problem}"),
        }
    }

    /// Compares everything, and applies what the watch tells for as long as it is believed.
    async fn session(&mut self, connected: &mut Option<Client>) -> Result<(), EtcdError> {
        let client = match connected.take() {
            Some(client) => client,
            None => self.connect().await?,
        };
        let until = Instant::now() + jittered(self.believed);
        let revision = self.compare(&client).await?;
        let (keys, mut watched) = self.hosted.ranges(&self.keys, revision);
        watched.extend(self.principals.as_ref().map(Principals::watched));
        tracing::debug!(revision, watches = watched.len(), "etcd: everything compared");
        let directory = self.hosted.directory();
        let mut watching = within(PATIENCE, Watching::begin(&client, (keys, watched))).await?;
        loop {
            let heard = tokio::select! {
                heard = timeout_at(until, watching.next()) => heard,
                () = to_keep(self.keeper.as_ref()) => {
                    self.keep().await;
                    continue;
                }
                () = directory.is_behind() => {
                    if self.compare_small(&client).await? {
                        break;
                    }
                    continue;
                }
            };
            let Ok(heard) = heard else { break };
            let heard = heard?;
            self.status.reached(unix_now());
            tracing::debug!("etcd: told of {heard}");
            match heard {
                Heard::Nothing => {}
                Heard::Lost => {
                    self.lost();
                    break;
                }
                Heard::Hint(foreign) => {
                    self.hosted.foreign_written(foreign);
                    if self.compare_small(&client).await? {
                        // Other ranges are to be watched now.
                        break;
                    }
                }
                Heard::Principals(revision, changes) => {
                    self.horizon.saw(revision);
                    if let Some(principals) = &mut self.principals {
                        principals.apply(revision, changes);
                        self.hosted.principals_read(principals.problem());
                    }
                }
                Heard::Partners { tenant, generation, revision, changes } => {
                    // First of all: they are another policy's than the present settings if those changed until then,
                    // and gone without a meaning if their generation does not count any more.
                    if self.follow_small(&client, revision).await? {
                        break;
                    }
                    self.hosted.apply(tenant, generation, revision, self.known.since(tenant), changes);
                }
            }
        }
        *connected = Some(client);
        Ok(())
    }

    async fn keep(&mut self) {
        let (hosted, prefix) = (&self.hosted, &self.settings.prefix);
        let state = (hosted.published().unwrap_or_default(), hosted.directory().changes());
        if let Some(keeper) = &mut self.keeper {
            keeper.keep(state, || hosted.kept(prefix)).await;
        }
    }

    /// Connects to the member whose turn it is, and to all for single records.
    async fn connect(&mut self) -> Result<Client, EtcdError> {
        let endpoints = &self.settings.endpoints;
        let turn = self.turn.checked_rem(endpoints.len()).unwrap_or_default();
        self.turn = turn.wrapping_add(1);
        let from_here = endpoints.iter().cycle().skip(turn).take(endpoints.len());
        let mut clients = Vec::new();
        for endpoint in from_here.clone() {
            let connected = within(PATIENCE, connection::connect(&self.settings, endpoint, false)).await;
            clients.extend(connected.ok().map(|client| client.kv_client()));
        }
        self.link.set(clients);
        let mut from_here = from_here;
        let member = from_here.next().map_or("", String::as_str);
        within(PATIENCE, connection::connect(&self.settings, member, true)).await
    }

    /// Reads all small keys, and looks for what does not belong there. Gives the revision after which to watch.
    async fn compare(&mut self, client: &Client) -> Result<u64, EtcdError> {
        let (small, goes_on) = self.read_small(client).await?;
        if let Some(principals) = &mut self.principals {
            // Before there is a policy that may need them.
            self.horizon.saw(within(PRINCIPALS_PATIENCE, principals.load(client.kv_client())).await?);
            self.hosted.principals_read(principals.problem());
        }
        let (mut kv, tenants) = (client.kv_client(), small.tenants.keys().copied());
        let foreign = within(PATIENCE, small::foreign(&mut kv, &self.keys, tenants)).await?;
        self.status.reached(unix_now());
        let revision = small.revision;
        self.host(small, goes_on, Some(foreign));
        Ok(revision)
    }

    /// Has the small keys of `revision` or later; gives whether other ranges are to be watched.
    async fn follow_small(&mut self, client: &Client, revision: u64) -> Result<bool, EtcdError> {
        let mut kv = client.kv_client();
        if within(PATIENCE, self.known.still_at(revision, &mut kv, &self.keys)).await? {
            self.horizon.saw(self.known.through());
            return Ok(false);
        }
        self.compare_small(client).await
    }

    /// Reads the small keys after a hint; gives whether other ranges are to be watched.
    async fn compare_small(&mut self, client: &Client) -> Result<bool, EtcdError> {
        let (small, goes_on) = self.read_small(client).await?;
        Ok(self.host(small, goes_on, None))
    }

    /// Publishes what was read; only then are single records of the same store believed.
    fn host(&mut self, small: Small, goes_on: bool, foreign: Option<Vec<String>>) -> bool {
        let (cluster, revision) = (small.cluster, small.revision);
        let watch_anew = self.hosted.host(small, foreign);
        self.horizon.is_of(cluster);
        if goes_on {
            self.horizon.saw(revision);
        } else {
            self.horizon.begin_anew(revision);
        }
        watch_anew
    }

    /// Reads the small keys; tells whether the store goes on from where it was.
    async fn read_small(&mut self, client: &Client) -> Result<(Small, bool), EtcdError> {
        let (mut kv, seen) = (client.kv_client(), self.horizon.revision());
        let small = within(PATIENCE, small::read(&mut kv, &self.keys)).await?;
        // Another cluster counts from anywhere.
        let goes_on = small.revision >= seen && !self.hosted.is_of_another(small.cluster);
        if !goes_on {
            self.lost();
        }
        self.known = Known::of(&small);
        Ok((small, goes_on))
    }

    /// What happened is not known any more.
    fn lost(&mut self) {
        self.hosted.lost();
        self.principals.iter_mut().for_each(Principals::lost);
    }

    fn unreached(&self, error: &EtcdError) {
        let reason = error.to_string();
        if self.status.unreachable().is_none() {
            tracing::error!("policy: {reason}; the last good one stays");
        }
        self.metrics.policy_rejected(RejectedBecause::Unreadable);
        self.status.unreached(Rejection { at: unix_now(), reason });
    }
}

async fn to_keep(keeper: Option<&Keeper>) {
    match keeper {
        Some(keeper) => keeper.look().await,
        None => std::future::pending().await,
    }
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, EtcdError>>,
) -> Result<T, EtcdError> {
    timeout(limit, work).await.unwrap_or(Err(EtcdError::Late(limit)))
}

/// A revision, as etcd has it in its messages.
fn signed(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}
