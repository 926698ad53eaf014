//! Verified tokens on the request path: warm ones from the cache, cold ones with bounded signature work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, Semaphore};

use crate::store::Reader;
use crate::telemetry::Metrics;
use crate::token::{Credential, Expectation, KeyRing, TokenCache, TokenError, Verified, bearer, verify};

/// Bounds on remembering and verifying.
#[derive(Debug, Clone, Copy)]
pub struct TokenLimits {
    /// `tokens.cache_capacity`
    pub cache_capacity: u64,
    /// `tokens.verify_queue`: signature checks that may wait.
    pub verify_queue: usize,
    /// Signature checks at once.
    pub verify_at_once: usize,
}

/// Turns credentials into identities.
#[derive(Debug)]
pub struct Tokens {
    expected: Expectation,
    keys: Reader<KeyRing>,
    cache: TokenCache,
    verifying: Semaphore,
    waiting: AtomicUsize,
    limits: TokenLimits,
    /// Told when a token names a key that nobody knows.
    wanted: Arc<[Arc<Notify>]>,
    metrics: Arc<Metrics>,
}

impl Tokens {
    /// Verifies against `expected` with the keys of `keys`.
    pub fn new(
        expected: Expectation,
        keys: Reader<KeyRing>,
        wanted: Arc<[Arc<Notify>]>,
        limits: TokenLimits,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            expected,
            keys,
            cache: TokenCache::new(limits.cache_capacity),
            verifying: Semaphore::new(limits.verify_at_once),
            waiting: AtomicUsize::new(0),
            limits,
            wanted,
            metrics,
        }
    }

    /// What a token is held against.
    pub fn expected(&self) -> &Expectation {
        &self.expected
    }

    /// The present keys.
    pub fn keys(&self) -> &Reader<KeyRing> {
        &self.keys
    }

    /// How many verified tokens are held.
    pub fn cached(&self) -> u64 {
        self.cache.len()
    }

    /// The identity behind a request's credential.
    pub async fn authenticate(
        &self,
        credential: Credential<'_>,
        now: i64,
    ) -> Result<Arc<Verified>, TokenError> {
        let token = bearer(credential, self.expected.max_bytes)?;
        if let Some(known) = self.cached_identity(token, now)? {
            return Ok(known);
        }
        let _turn = self.turn().await?;
        let verified = self.verify(token, now);
        if verified.as_ref().err() == Some(&TokenError::KeyUnknown) {
            self.wanted.iter().for_each(|issuer| issuer.notify_one());
        }
        let verified = Arc::new(verified?);
        self.cache.insert(token, Arc::clone(&verified));
        Ok(verified)
    }

    fn cached_identity(&self, token: &str, now: i64) -> Result<Option<Arc<Verified>>, TokenError> {
        let ring = self.keys.borrow();
        let ring = ring.as_deref().ok_or(TokenError::KeysUnavailable)?;
        let known = self.cache.get(token, ring, self.expected.skew, now);
        self.metrics.token_looked_up(matches!(known, Ok(Some(_))));
        known
    }

    fn verify(&self, token: &str, now: i64) -> Result<Verified, TokenError> {
        let ring = self.keys.borrow();
        verify(token, ring.as_deref().ok_or(TokenError::KeysUnavailable)?, &self.expected, now)
    }

    /// Waits for a turn at the crypto, unless too many wait already.
    async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>, TokenError> {
        if let Ok(turn) = self.verifying.try_acquire() {
            return Ok(turn);
        }
        let _place = Place::take(&self.waiting, self.limits.verify_queue).ok_or(TokenError::Overloaded)?;
        self.verifying.acquire().await.map_err(|_| TokenError::Overloaded)
    }
}

/// A counted place that is given back when dropped.
#[derive(Debug)]
pub(in crate::check) struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    pub(in crate::check) fn take(taken: &'a AtomicUsize, limit: usize) -> Option<Self> {
        let place = Self(taken);
        // The place is counted first and given back by its drop where there was none left.
        (taken.fetch_add(1, Ordering::Relaxed) < limit).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
