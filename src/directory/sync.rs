//! What the ledger synchronises by; its test puts a scheduler's own in this place.

pub(in crate::directory) use std::sync::atomic::{AtomicU64, Ordering};
pub(in crate::directory) use std::sync::{Mutex, MutexGuard, PoisonError};
