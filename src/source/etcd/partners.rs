//! One partner's record, read when a decision asks for it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etcd_client::{GetOptions, KvClient, Txn, TxnOp, TxnOpResponse, TxnResponse};
use tokio::time::timeout;

use crate::directory::{Load, LoadError, Loaded, Loader, Record};
use crate::id::TenantId;
use crate::policy::{Level, compile_partner};
use crate::source::etcd::horizon::Horizon;
use crate::source::etcd::keys::{Keys, generation};

/// Reads from whichever member answers.
#[derive(Debug)]
pub(in crate::source) struct Partners {
    keys: Keys,
    link: Link,
    horizon: Horizon,
}

/// The present connections, and which of them answered last.
#[derive(Clone, Default)]
pub(in crate::source) struct Link(Arc<Mutex<Members>>);

#[derive(Default)]
struct Members {
    clients: Vec<KvClient>,
    preferred: usize,
}

/// While there are other members, the next one is asked after this time.
const HEDGE: Duration = Duration::from_millis(25);
/// After this one there is no answer.
const PATIENCE: Duration = Duration::from_secs(1);

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Link {
    /// From now on these are the members' clients.
    pub(in crate::source) fn set(&self, clients: Vec<KvClient>) {
        *self.members() = Members { clients, preferred: 0 };
    }

    fn prefer(&self, index: usize) {
        self.members().preferred = index;
    }

    /// All of them, the one that answered last first.
    fn clients(&self) -> Vec<(usize, KvClient)> {
        let members = self.members();
        let mut clients: Vec<_> = members.clients.iter().cloned().enumerate().collect();
        clients.rotate_left(members.preferred.min(members.clients.len()));
        clients
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Partners {
    pub(in crate::source) fn new(keys: Keys, link: Link, horizon: Horizon) -> Self {
        Self { keys, link, horizon }
    }
}

impl Loader for Partners {
    fn load(&self, tenant: TenantId, generation: u64, other: TenantId, newest: bool) -> Load {
        let (key, link) = (self.keys.partner(tenant, generation, other), self.link.clone());
        let horizon = self.horizon.clone();
        let (settings, active) = (self.keys.settings(tenant), self.keys.active(tenant));
        Box::pin(async move {
            let clients = link.clients();
            let alone = clients.len() == 1;
            let hurried = clients.iter().filter(|_| !alone).map(|client| (client, HEDGE));
            for ((index, client), patience) in hurried.chain(clients.iter().map(|client| (client, PATIENCE)))
            {
                let options = GetOptions::new();
                // Any member answers, leader or not; how old the answer is, its revision tells.
                let options = if newest { options } else { options.with_serializable() };
                let get = |key: &str, options: &GetOptions| TxnOp::get(key, Some(options.clone()));
                let name = options.clone().with_keys_only();
                let all = [get(&key, &options), get(&active, &options), get(&settings, &name)];
                let mut client = client.clone();
                let (read, seen) = (client.txn(Txn::new().and_then(all)), horizon.revision());
                let Ok(Ok(found)) = timeout(patience, read).await else {
                    continue;
                };
                let header = found.header().ok_or(LoadError)?;
                let revision = header.revision().unsigned_abs();
                // A member that lags; or another store in the place of this one, or this one as it was once, of which
                // the present policy knows nothing.
                if !horizon.continues(header.cluster_id(), revision, seen) {
                    continue;
                }
                link.prefer(*index);
                horizon.saw(revision);
                return loaded(other, generation, revision, &found);
            }
            Err(LoadError)
        })
    }
}

/// What was found, with what was active then. Where another generation is nothing can be said to be absent, for this one
/// may be about to be removed; where nobody can read which, the last good one stays. Where there is none, or there are no
/// settings, nothing can be said at all, for it leaves no trace of since when.
fn loaded(other: TenantId, asked: u64, revision: u64, found: &TxnResponse) -> Result<Loaded, LoadError> {
    let found = found.op_responses();
    let [TxnOpResponse::Get(partner), TxnOpResponse::Get(active), TxnOpResponse::Get(settings)] =
        found.as_slice()
    else {
        return Err(LoadError);
    };
    let (active, settings) = active.kvs().first().zip(settings.kvs().first()).ok_or(LoadError)?;
    let modified = partner.kvs().first().map(|found| found.mod_revision().unsigned_abs());
    let (record, text) = match partner.kvs().first() {
        Some(found) => (record(other, found.value()), Some(found.value().into())),
        None if generation(active.value()).is_some_and(|active| active != asked) => return Err(LoadError),
        None => (Record::Absent, None),
    };
    let settings = settings.mod_revision().max(active.mod_revision()).unsigned_abs();
    Ok(Loaded { revision, settings, modified, record, text })
}

/// The record that a value is.
pub(in crate::source) fn record(other: TenantId, value: &[u8]) -> Record {
    let problem = match compile_partner(value) {
        Ok((id, partner)) if id == other => return Record::Partner(Arc::new(partner)),
        Ok(_) => "its tenantId is another".to_owned(),
        Err(findings) => findings.of(Level::Error).next().map(ToString::to_string).unwrap_or_default(),
    };
    tracing::error!("policy: the record of partner {other} cannot be used, and decides nothing: {problem}");
    Record::Unreadable
}
