//! The cache of verified tokens is bounded in entries and in bytes, whatever is put into it.

use std::sync::Arc;

use tenantgate::token::{TokenCache, verify};

use crate::catalogue::{expectation, ring};
use crate::forge::{NOW, good};

/// How many are held of more than fit, each as long as `bytes`.
fn held(capacity: u64, bytes: usize) -> usize {
    let verified = Arc::new(verify(&good().token(), ring(), &expectation(), NOW).unwrap());
    let cache = TokenCache::new(capacity);
    assert!(cache.is_empty());
    for number in 0..2 * capacity {
        cache.keep(&format!("{number:0bytes$}"), Arc::clone(&verified));
        assert!(!cache.is_empty());
    }
    cache.len()
}

#[test]
fn no_more_tokens_are_held_than_configured() {
    for bytes in [4, 1000, 1400] {
        let held = held(1000, bytes);
        assert!((500..=1000).contains(&held), "{held} tokens of {bytes} bytes");
    }
}

#[test]
fn long_tokens_are_fewer() {
    let held = held(1000, 16_384);
    assert!((60..=1000 * 2048 / 16_384).contains(&held), "{held} tokens of 16 KiB");
}
