//! One transaction, within what etcd takes of one.

use etcd_client::{Compare, CompareOp, Txn, TxnOp};

use crate::source::etcd::signed;

/// What must be so, and what is done then.
#[derive(Debug, Default, Clone)]
pub(super) struct Request {
    compares: Vec<Compare>,
    operations: Vec<TxnOp>,
    bytes: usize,
}

/// Of each kind (`--max-txn-ops`).
pub(super) const OPERATIONS: usize = 128;
/// Of keys and values; etcd takes 1.5 MiB with all that is around them (`--max-request-bytes`).
const BYTES: usize = 1_500_000;
/// What is around one.
const AROUND: usize = 40;

impl Request {
    /// The key is as it was when this revision wrote it; 0 where it was not there.
    pub(super) fn unchanged(&mut self, key: String, written: u64) {
        self.count(&key, "");
        self.compares.push(Compare::mod_revision(key, CompareOp::Equal, signed(written)));
    }

    /// The key is the one that this revision made, whatever it holds now; 0 where there must be none.
    pub(super) fn made_at(&mut self, key: String, revision: u64) {
        self.count(&key, "");
        self.compares.push(Compare::create_revision(key, CompareOp::Equal, signed(revision)));
    }

    pub(super) fn put(&mut self, key: String, value: &str) {
        self.count(&key, value);
        self.operations.push(TxnOp::put(key, value, None));
    }

    pub(super) fn delete(&mut self, key: String) {
        self.count(&key, "");
        self.operations.push(TxnOp::delete(key, None));
    }

    /// Whether etcd takes it.
    pub(super) fn fits(&self) -> bool {
        self.compares.len() <= OPERATIONS && self.operations.len() <= OPERATIONS && self.bytes <= BYTES
    }

    /// Whether etcd takes it with this one, too.
    pub(super) fn has_room(&self, key: &str, value: &str) -> bool {
        self.operations.len() < OPERATIONS && self.bytes.saturating_add(size(key, value)) <= BYTES
    }

    pub(super) fn does_nothing(&self) -> bool {
        self.operations.is_empty()
    }

    pub(super) fn transaction(self) -> Txn {
        Txn::new().when(self.compares).and_then(self.operations)
    }

    fn count(&mut self, key: &str, value: &str) {
        self.bytes = self.bytes.saturating_add(size(key, value));
    }
}

fn size(key: &str, value: &str) -> usize {
    key.len().saturating_add(value.len()).saturating_add(AROUND)
}
