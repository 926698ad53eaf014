//! What the ledger synchronises by, under a scheduler's eyes (`src/directory/sync.rs`).

pub(crate) use std::sync::PoisonError;

pub(crate) use shuttle::sync::atomic::{AtomicU64, Ordering};
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
