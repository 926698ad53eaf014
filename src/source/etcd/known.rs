//! Whether the small keys are still what they were when they were read, asked by one request that brings no value.
//!
//! The watches do not tell. What happened to keys of several is told in any order, and of one that etcd cannot send to
//! at once later than of another; its proxy hands on as it likes.

use std::collections::BTreeMap;

use etcd_client::{GetOptions, KvClient, Txn, TxnOp, TxnOpResponse};

use crate::id::TenantId;
use crate::source::etcd::EtcdError;
use crate::source::etcd::keys::{Keys, Range};
use crate::source::etcd::small::{Small, TenantKeys};

/// What is known of the small keys.
#[derive(Debug, Default)]
pub(in crate::source) struct Known {
    /// They are so until this revision, at least.
    through: u64,
    tenants: BTreeMap<TenantId, Written>,
}

/// The revisions that wrote a tenant's keys; None of one that is not there.
#[derive(Debug)]
struct Written {
    settings: Option<u64>,
    active: Option<u64>,
}

/// Of one request, as many as etcd takes.
const OPERATIONS: usize = 128;

impl Known {
    /// What was read.
    pub(in crate::source) fn of(small: &Small) -> Self {
        let written = |keys: &TenantKeys| Written {
            settings: keys.settings.as_ref().map(|held| held.modified),
            active: keys.active.as_ref().map(|held| held.modified),
        };
        let tenants = small.tenants.iter().map(|(tenant, keys)| (*tenant, written(keys))).collect();
        Self { through: small.revision, tenants }
    }

    /// Until when they are known.
    pub(in crate::source) fn through(&self) -> u64 {
        self.through
    }

    /// Since when the tenant's are what they are.
    pub(in crate::source) fn since(&self, tenant: TenantId) -> u64 {
        self.tenants.get(&tenant).and_then(|keys| keys.settings.max(keys.active)).unwrap_or_default()
    }

    /// Whether they are known to be the same at `revision`, which the cluster has reached; asks it where it has to.
    pub(in crate::source) async fn still_at(
        &mut self,
        revision: u64,
        client: &mut KvClient,
        keys: &Keys,
    ) -> Result<bool, EtcdError> {
        if self.through < revision {
            let Some(through) = self.unchanged(client, keys).await? else { return Ok(false) };
            self.through = through;
        }
        Ok(self.through >= revision)
    }

    /// Through which revision nothing changed; None where something did.
    async fn unchanged(&self, client: &mut KvClient, keys: &Keys) -> Result<Option<u64>, EtcdError> {
        let mut through = u64::MAX;
        for expected in self.expected(keys).chunks(OPERATIONS) {
            let gets: Vec<_> = expected.iter().map(|(get, _)| get.clone()).collect();
            let found = client.txn(Txn::new().and_then(gets)).await?;
            let answers = found.op_responses();
            let mut both = answers.iter().zip(expected);
            if answers.len() != expected.len() || !both.all(|(answer, (_, written))| has(answer, *written)) {
                return Ok(None);
            }
            through = through.min(found.header().ok_or(EtcdError::Headless)?.revision().unsigned_abs());
        }
        Ok(Some(through))
    }

    /// What to read, and which revision wrote it. Between the tenants there is nothing.
    fn expected(&self, keys: &Keys) -> Vec<(TxnOp, Option<u64>)> {
        let name = GetOptions::new().with_keys_only().with_limit(1);
        let nothing = |(from, to): Range| (TxnOp::get(from, Some(name.clone().with_range(to))), None);
        let one = |key: String, written| (TxnOp::get(key, Some(name.clone())), written);
        let (mut from, end) = keys.tenants();
        let mut expected = Vec::new();
        for (tenant, Written { settings, active }) in &self.tenants {
            let (first, after) = keys.tenant(*tenant);
            expected.extend([
                nothing((from, first)),
                one(keys.settings(*tenant), *settings),
                one(keys.active(*tenant), *active),
            ]);
            from = after;
        }
        expected.push(nothing((from, end)));
        expected
    }
}

/// Whether this revision wrote what was found.
fn has(answer: &TxnOpResponse, written: Option<u64>) -> bool {
    match answer {
        TxnOpResponse::Get(found) => {
            found.kvs().first().map(|found| found.mod_revision().unsigned_abs()) == written
        }
        TxnOpResponse::Put(_) | TxnOpResponse::Delete(_) | TxnOpResponse::Txn(_) => false,
    }
}
