//! Tokens that were verified before: one lookup instead of one RSA operation.
//!
//! A hit needs the *whole* token to be equal. What is found is held against the present keys and the clock each
//! time, so that a token never outlives its key or itself.

use std::sync::Arc;

use moka::sync::Cache;

use crate::token::{KeyRing, TokenError, Verified};

/// Verified tokens, by their full text.
#[derive(Debug)]
pub struct TokenCache {
    verified: Cache<Box<str>, Arc<Verified>, foldhash::fast::RandomState>,
}

impl TokenCache {
    /// A cache of at most `capacity` tokens.
    pub fn new(capacity: u64) -> Self {
        let verified =
            Cache::builder().max_capacity(capacity).build_with_hasher(foldhash::fast::RandomState::default());
        Self { verified }
    }

    /// The identity of a token seen before, if it still holds.
    pub fn get(
        &self,
        token: &str,
        ring: &KeyRing,
        skew: i64,
        now: i64,
    ) -> Result<Option<Arc<Verified>>, TokenError> {
        let Some(found) = self.verified.get(token) else { return Ok(None) };
        match found.still_holds(ring, skew, now) {
            Ok(()) => Ok(Some(found)),
            // Another issuer may share the form of `iss`: let a verification from scratch say.
            Err(TokenError::KeyUnknown) => {
                self.verified.invalidate(token);
                Ok(None)
            }
            Err(reason) => Err(reason),
        }
    }

    /// Remembers a token.
    pub fn insert(&self, token: &str, verified: Arc<Verified>) {
        self.verified.insert(token.into(), verified);
    }

    /// How many tokens are held, nearly.
    pub fn len(&self) -> u64 {
        self.verified.entry_count()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
