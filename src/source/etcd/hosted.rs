//! The hosted tenants as they were last good, each with its shelf, and the one who publishes them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::directory::{Change, Directory, PartnerShelf};
use crate::id::TenantId;
use crate::policy::{Compiled, Finding, Level, Options, Revision, Snapshot, compile};
use crate::source::etcd::kept::{Kept, KeptTenant};
use crate::source::etcd::keys::{Keys, generation};
use crate::source::etcd::partners::record;
use crate::source::etcd::small::{Held, Small, TenantKeys};
use crate::source::etcd::watch::{Of, Watched};
use crate::store::{Publisher, Reader, Rejection, Status};
use crate::telemetry::{Metrics, RejectedBecause, unix_now};

/// What is published, and what it is made of.
#[derive(Debug)]
pub(in crate::source) struct Hosted {
    directory: Arc<Directory>,
    options: Options,
    publisher: Publisher<Snapshot>,
    reader: Reader<Snapshot>,
    status: Arc<Status>,
    metrics: Arc<Metrics>,
    tenants: BTreeMap<TenantId, Good>,
    /// Which cluster they are of.
    cluster: Option<u64>,
    /// What is refused now, and what is foreign.
    refused: BTreeSet<String>,
    foreign: BTreeSet<String>,
    /// What is wrong with principals.
    principals: Option<String>,
    /// All of which was told already.
    told: BTreeSet<String>,
    /// Events were lost: what is on shelves may be old.
    lost: bool,
}

/// A tenant as it was last good.
#[derive(Debug, Clone)]
struct Good {
    settings: Arc<[u8]>,
    shelf: Arc<PartnerShelf>,
}

impl Good {
    fn is(&self, other: &Self) -> bool {
        self.settings == other.settings && Arc::ptr_eq(&self.shelf, &other.shelf)
    }
}

impl Hosted {
    pub(in crate::source) fn new(
        directory: Arc<Directory>,
        options: Options,
        publisher: Publisher<Snapshot>,
        reader: Reader<Snapshot>,
        status: Arc<Status>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (tenants, cluster, refused, foreign, principals, told, lost) = Default::default();
        Self {
            directory,
            options,
            publisher,
            reader,
            status,
            metrics,
            tenants,
            cluster,
            refused,
            foreign,
            principals,
            told,
            lost,
        }
    }

    pub(in crate::source) fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory)
    }

    /// The revision of the present policy.
    pub(in crate::source) fn published(&self) -> Option<u64> {
        self.reader.borrow().as_deref().map(|snapshot| snapshot.at)
    }

    /// What is published now, with the partners that are at hand.
    pub(in crate::source) fn kept(&self, prefix: &str) -> Option<Kept> {
        let (revision, cluster) = self.published().zip(self.cluster)?;
        let tenants = self.tenants.iter().map(|(id, good)| KeptTenant {
            id: *id,
            generation: good.shelf.generation(),
            settings: Arc::clone(&good.settings),
            // What changed while nobody followed it would not be noticed any more.
            partners: if good.shelf.is_overruled() { Vec::new() } else { good.shelf.at_hand(revision) },
        });
        let (tenants, prefix) = (tenants.collect(), prefix.to_owned());
        Some(Kept { prefix, cluster, revision, reached_at: self.status.reached_at(), tenants })
    }

    /// Publishes what was kept. The watch goes on from there, as soon as there is one.
    pub(in crate::source) fn restore(&mut self, former: Kept) -> Result<(), String> {
        let mut restored = BTreeMap::new();
        let Kept { prefix: _, cluster, revision, reached_at, tenants } = former;
        for KeptTenant { id, generation, settings, partners } in tenants {
            let good = Good { settings, shelf: self.directory.shelf(id, generation, revision) };
            good.shelf.take_back(partners, record);
            restored.insert(id, good);
        }
        let snapshot = self.compiled(&restored, revision)?;
        self.tenants = restored;
        self.cluster = Some(cluster);
        self.publisher.publish(snapshot);
        self.directory.settings_are_of(revision);
        self.status.restored(reached_at, unix_now());
        Ok(())
    }

    /// Whether what is known is of another cluster than this.
    pub(in crate::source) fn is_of_another(&self, cluster: u64) -> bool {
        self.cluster.is_some_and(|known| known != cluster)
    }

    /// Publishes the state that was read, where it is good and new; gives whether other ranges are to be watched now.
    pub(in crate::source) fn host(&mut self, small: Small, foreign: Option<Vec<String>>) -> bool {
        let Small { cluster, revision, changed, tenants: read, foreign: names } = small;
        let published = self.published();
        self.cluster = Some(cluster);
        let gap = std::mem::take(&mut self.lost);
        if gap {
            for good in self.tenants.values() {
                good.shelf.restart(revision);
            }
        }
        let mut refused = BTreeSet::new();
        let mut next = BTreeMap::new();
        // Whoever has neither is not hosted, whatever partners are left.
        let kept = |(_, keys): &(TenantId, TenantKeys)| keys.settings.is_some() || keys.active.is_some();
        let active = |(tenant, keys): (&TenantId, &TenantKeys)| {
            keys.active.as_ref().map(|active| (*tenant, (generation(&active.value), active.modified)))
        };
        let active: BTreeMap<_, _> = read.iter().filter_map(active).collect();
        for (tenant, keys) in read.into_iter().filter(kept) {
            match self.tenant(tenant, keys, revision) {
                Ok(good) => {
                    next.insert(tenant, good);
                }
                Err((problem, last)) => {
                    refused.insert(format!("tenant {tenant}: {problem}"));
                    next.extend(last.map(|last| (tenant, last)));
                }
            }
        }
        let ranges_differ = !self.tenants.iter().map(place).eq(next.iter().map(place));
        let differs =
            ranges_differ || self.tenants.values().zip(next.values()).any(|(last, next)| !last.is(next));
        // What was taken away leaves no trace of when, nor does what was compacted.
        let at = match published {
            Some(last) if gap || differs && changed <= last => revision,
            Some(last) => last.max(changed),
            None => changed.max(1),
        };
        let mut watch_anew = gap;
        if differs || published.is_none() {
            match self.compiled(&next, at) {
                Ok(snapshot) => {
                    watch_anew |= ranges_differ;
                    self.tenants = next;
                    tracing::info!(revision = at, tenants = self.tenants.len(), "policy applied");
                    self.publisher.publish(snapshot);
                    self.status.applied(unix_now());
                }
                Err(problem) => {
                    refused.insert(problem);
                    self.lost = gap;
                    // Partners go on changing meanwhile.
                    self.publish_at(changed);
                }
            }
        } else if published != Some(at) {
            self.republish(|snapshot| snapshot.still_at(at));
        }
        for (tenant, Good { shelf, .. }) in &self.tenants {
            match active.get(tenant) {
                // Where nobody can read which generation is active, all stays as it was.
                Some((None, _)) => {}
                Some((Some(active), _)) if *active == shelf.generation() => {}
                Some((_, since)) => shelf.overrule(*since),
                None => shelf.overrule(revision),
            }
        }
        if let Some(foreign) = foreign {
            self.foreign = foreign.into_iter().chain(names).collect();
        }
        self.tell(refused);
        self.directory.settings_are_of(revision);
        watch_anew
    }

    /// Applies and publishes what the watch told of a tenant's partners until `revision`; the small keys, of which
    /// `settings` wrote the last, are known as of then.
    pub(in crate::source) fn apply(
        &mut self,
        tenant: TenantId,
        generation: u64,
        revision: u64,
        settings: u64,
        changes: Vec<Change>,
    ) {
        let good = self.tenants.get(&tenant).filter(|good| good.shelf.generation() == generation);
        if let Some(good) = good.filter(|good| !good.shelf.is_overruled()) {
            good.shelf.apply(revision, settings, changes);
            let is_earlier = |snapshot: &Snapshot| snapshot.as_of([tenant]).1 < revision;
            if self.reader.borrow().as_deref().is_some_and(is_earlier) {
                self.republish(|snapshot| snapshot.with_partners_at(tenant, revision));
            }
        }
    }

    /// The present settings are those of `revision` too.
    fn publish_at(&self, revision: u64) {
        if self.published().is_some_and(|at| at < revision) {
            self.republish(|snapshot| snapshot.still_at(revision));
        }
    }

    fn republish(&self, again: impl FnOnce(&Snapshot) -> Snapshot) {
        let again = self.reader.borrow().as_deref().map(again);
        if let Some(again) = again {
            self.publisher.publish(again);
        }
    }

    /// What happened is not known any more: it was compacted before it was told, or another store is there, or this one
    /// as it was once.
    pub(in crate::source) fn lost(&mut self) {
        self.lost = true;
    }

    /// Keys that nobody knows were written.
    pub(in crate::source) fn foreign_written(&mut self, keys: Vec<String>) {
        if !keys.is_empty() {
            self.foreign.extend(keys);
            self.tell(self.refused.clone());
        }
    }

    /// Principals were read, of which this is wrong.
    pub(in crate::source) fn principals_read(&mut self, problem: Option<String>) {
        if self.principals != problem {
            self.principals = problem;
            self.tell(self.refused.clone());
        }
    }

    /// What to watch: the active partners of each tenant, and everything that is nobody's partners.
    pub(in crate::source) fn ranges(&self, keys: &Keys, revision: u64) -> (Keys, Vec<Watched>) {
        let mut watched = Vec::new();
        let (mut from, end) = keys.tenants();
        for (tenant, Good { shelf, .. }) in &self.tenants {
            let (first, past) = keys.generations(*tenant);
            watched.push(Watched { range: (from, first), after: revision, of: Of::Small });
            let (range, generation) = (keys.partners(*tenant, shelf.generation()), shelf.generation());
            watched.push(Watched { range, after: shelf.applied(), of: Of::Partners(*tenant, generation) });
            from = past;
        }
        watched.push(Watched { range: (from, end), after: revision, of: Of::Small });
        (keys.clone(), watched)
    }

    /// A tenant as it was read, or what is wrong with it and how it was last good.
    fn tenant(
        &self,
        tenant: TenantId,
        keys: TenantKeys,
        revision: u64,
    ) -> Result<Good, (String, Option<Good>)> {
        let last = self.tenants.get(&tenant);
        let Some(active) = keys.active.and_then(|active| generation(&active.value)) else {
            return Err(("`active` is no generation's number".to_owned(), last.cloned()));
        };
        // What happened while it was overruled is not known.
        let of_active = |last: &&Good| last.shelf.generation() == active;
        let partners = match last.filter(of_active).filter(|last| !last.shelf.is_overruled()) {
            Some(last) => Arc::clone(&last.shelf),
            None => self.directory.shelf(tenant, active, revision),
        };
        // Not with partners of another generation, which are for other settings.
        let last_good = || match last.filter(of_active) {
            Some(last) => Some(Good { settings: Arc::clone(&last.settings), shelf: Arc::clone(&partners) }),
            None => last.cloned(),
        };
        let Some(Held { value: settings, .. }) = keys.settings else {
            return Err(("`settings` is missing".to_owned(), last_good()));
        };
        if let Some(last) = last.filter(|last| *last.settings == *settings) {
            return Ok(Good { settings: Arc::clone(&last.settings), shelf: partners });
        }
        match self.check(tenant, &settings) {
            Ok(()) => Ok(Good { settings: settings.into(), shelf: partners }),
            Err(problem) => Err((problem, last_good())),
        }
    }

    /// Whether these are the settings of this one tenant, and can be used.
    fn check(&self, tenant: TenantId, settings: &[u8]) -> Result<(), String> {
        let options = Options { required: Vec::new(), ..self.options.clone() };
        let Compiled { snapshot, findings } = compile([&*document(settings)], Revision::counted(0), &options);
        let Some(snapshot) = snapshot else { return Err(told(findings.of(Level::Error))) };
        let mut tenants = snapshot.tenants();
        match (tenants.next(), tenants.next()) {
            (Some(one), None) if one.id != tenant => Err("`settings` are another tenant's".to_owned()),
            (Some(one), None) if !one.partners.is_empty() => {
                Err("`settings` have partners, which would have no effect: give them keys of their own"
                    .to_owned())
            }
            (Some(_), None) => Ok(()),
            (_, Some(_)) | (None, None) => Err("`settings` are not those of one tenant".to_owned()),
        }
    }

    fn compiled(&self, tenants: &BTreeMap<TenantId, Good>, at: u64) -> Result<Snapshot, String> {
        let documents: Vec<_> = tenants.values().map(|good| document(&good.settings)).collect();
        let documents = documents.iter().map(Vec::as_slice);
        let Compiled { snapshot, findings } = compile(documents, Revision::counted(at), &self.options);
        let snapshot = snapshot.ok_or_else(|| told(findings.of(Level::Error)))?;
        Ok(snapshot.on_shelves(at, |tenant| {
            let partners: Arc<PartnerShelf> = Arc::clone(&tenants.get(&tenant)?.shelf);
            Some(partners)
        }))
    }

    /// Tells of what is refused or foreign: of each thing once, for as long as it is so.
    fn tell(&mut self, refused: BTreeSet<String>) {
        let foreign = self
            .foreign
            .iter()
            .map(|key| format!("key `{key}` is none that this version knows: it has no effect"));
        let all: BTreeSet<_> =
            refused.iter().cloned().chain(foreign).chain(self.principals.clone()).collect();
        for problem in all.difference(&self.told) {
            tracing::error!("policy refused, the last good one stays: {problem}");
            self.metrics.policy_rejected(RejectedBecause::Invalid);
        }
        self.refused = refused;
        if all.is_empty() {
            self.status.nothing_rejected();
        } else {
            let reason = all.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
            self.status.rejected(Rejection { at: unix_now(), reason });
        }
        self.told = all;
    }
}

/// A bundle of one tenant.
fn document(settings: &[u8]) -> Vec<u8> {
    [br#"{"tenants":["#, settings, b"]}"].concat()
}

/// On one line, for they are told beside others.
fn told<'f>(errors: impl Iterator<Item = &'f Finding>) -> String {
    errors.map(|error| error.to_string().replace('\n', " ")).collect::<Vec<_>>().join("; ")
}

fn place((tenant, good): (&TenantId, &Good)) -> (TenantId, u64) {
    (*tenant, good.shelf.generation())
}
