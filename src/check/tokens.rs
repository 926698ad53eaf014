//! Verified tokens on the request path: warm ones from the cache, cold ones with bounded signature work.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard, Notify, Semaphore, SemaphorePermit};

use crate::check::credentials;
use crate::check::payload::{self, PayloadPlace};
use crate::check::places::Places;
use crate::check::request::Request;
use crate::engine::Mode;
use crate::store::Reader;
use crate::telemetry::Metrics;
use crate::token::{
    Credential, Expectation, Fingerprint, Identity, KeyRing, Presented, TokenCache, TokenError, Verified,
    at_most_one, attested, bearer, claimed,
};

/// Who sent a request.
#[derive(Debug)]
pub enum Caller {
    /// By a token that we verified.
    Verified(Arc<Verified>),
    /// By the payload of a token that Envoy verified.
    Attested(Box<Identity>),
    /// By a token that its upstream will verify.
    Claimed(Box<Identity>),
}

impl Caller {
    /// What is known of them.
    pub fn identity(&self) -> &Identity {
        match self {
            Self::Verified(verified) => verified.identity(),
            Self::Attested(identity) | Self::Claimed(identity) => identity,
        }
    }
}

/// How tokens are read and remembered.
#[derive(Debug)]
pub struct TokenLimits {
    /// `tokens.verified_payload`
    pub verified_payload: Option<PayloadPlace>,
    /// `tokens.verification: upstream`
    pub upstream_verifies: bool,
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
    turns: Turns,
    limits: TokenLimits,
    /// By issuer: told when a token names a key of it that nobody knows.
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
            turns: Turns::new(limits.verify_at_once, limits.verify_queue),
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
    pub fn cached(&self) -> usize {
        self.cache.len()
    }

    /// Who sent the request: by what Envoy verified where that is configured, else by the token. Under tenant
    /// restrictions by the token always, which is the very credential that the resource gets.
    pub async fn caller(&self, request: &Request<'_>, mode: Mode, now: i64) -> Result<Caller, TokenError> {
        let credential = request.http.as_ref().map_or(Credential::Absent, |http| http.authorization);
        match (mode, &self.limits.verified_payload) {
            (Mode::TenantRestrictions, _) if self.limits.upstream_verifies => {
                self.claimed(credential, now).map(Box::new).map(Caller::Claimed)
            }
            (Mode::Inbound | Mode::Outbound, Some(place)) => {
                // Which of several credentials Envoy verified, nobody says, and the upstream gets them all.
                at_most_one(credential)?;
                let in_query = request.http.as_ref().is_some_and(credentials::token_in_query);
                if in_query && credential != Credential::Absent {
                    return Err(TokenError::Ambiguous);
                }
                self.attested(place, request, now).map(Box::new).map(Caller::Attested)
            }
            (Mode::Inbound | Mode::Outbound | Mode::TenantRestrictions, _) => {
                self.authenticate(credential, now).await.map(Caller::Verified)
            }
        }
    }

    /// Never remembered: what was read so must not be found by who asks for what was verified.
    fn claimed(&self, credential: Credential<'_>, now: i64) -> Result<Identity, TokenError> {
        let token = bearer(credential, self.expected.max_bytes)?;
        self.with_keys(|ring| claimed(token, ring, &self.expected, now))
    }

    fn attested(
        &self,
        place: &PayloadPlace,
        request: &Request<'_>,
        now: i64,
    ) -> Result<Identity, TokenError> {
        const MALFORMED: TokenError = TokenError::Malformed("the payload");
        let found = place.find(&request.metadata).map_err(|_| MALFORMED)?.ok_or(TokenError::Missing)?;
        if found.len() > self.expected.max_bytes {
            return Err(TokenError::TooLarge);
        }
        let claims = payload::json(found).map_err(|_| MALFORMED)?;
        self.with_keys(|ring| attested(&claims, ring, &self.expected, now))
    }

    async fn authenticate(&self, credential: Credential<'_>, now: i64) -> Result<Arc<Verified>, TokenError> {
        let token = bearer(credential, self.expected.max_bytes)?;
        let known = self.verified(token, now);
        self.metrics.token_looked_up(matches!(known, Ok(Some(_))));
        match known? {
            Some(known) => Ok(known),
            // Apart, so that whoever is known carries nothing of it.
            None => Box::pin(self.in_turn(token, now)).await,
        }
    }

    /// Verifies a token that is not known yet.
    async fn in_turn(&self, token: &str, now: i64) -> Result<Arc<Verified>, TokenError> {
        let presented = self.present(token, now)?;
        let fingerprint = presented.fingerprint();
        self.not_refused(&fingerprint, now)?;
        let _turn = self.turns.take(&fingerprint).await.inspect_err(|_| self.metrics.verification_shed())?;
        // Whoever had the turn before may have brought the same token.
        if let Some(known) = self.verified(token, now)? {
            return Ok(known);
        }
        self.not_refused(&fingerprint, now)?;
        self.verify(token, presented, fingerprint, now)
    }

    fn verified(&self, token: &str, now: i64) -> Result<Option<Arc<Verified>>, TokenError> {
        self.with_keys(|ring| self.cache.verified(token, ring, self.expected.skew, now))
    }

    fn not_refused(&self, fingerprint: &Fingerprint, now: i64) -> Result<(), TokenError> {
        self.with_keys(|ring| {
            self.cache.refused(fingerprint, ring, self.expected.skew, now).map_or(Ok(()), Err)
        })
    }

    fn present(&self, token: &str, now: i64) -> Result<Presented, TokenError> {
        let key_unknown = |issuer: usize| {
            if let Some(wanted) = self.wanted.get(issuer) {
                wanted.notify_one();
            }
        };
        self.with_keys(|ring| Presented::read(token, ring, &self.expected, now, key_unknown))
    }

    fn verify(
        &self,
        token: &str,
        presented: Presented,
        fingerprint: Fingerprint,
        now: i64,
    ) -> Result<Arc<Verified>, TokenError> {
        let skew = self.expected.skew;
        let verified = presented.verify(skew, now);
        self.metrics.token_verified(verified.is_ok());
        let verified = match verified {
            Ok(verified) => Arc::new(verified),
            Err(refused) => {
                let error = refused.error;
                self.cache.refuse(fingerprint, refused);
                return Err(error);
            }
        };
        // The key may have gone while this waited for its turn.
        self.with_keys(|ring| verified.still_holds(ring, skew, now))?;
        self.cache.keep(token, Arc::clone(&verified));
        Ok(verified)
    }

    /// The present keys are borrowed for as long as `work` takes, which cannot wait.
    fn with_keys<T>(&self, work: impl FnOnce(&KeyRing) -> Result<T, TokenError>) -> Result<T, TokenError> {
        let ring = self.keys.borrow();
        work(ring.as_deref().ok_or(TokenError::KeysUnavailable)?)
    }
}

/// Turns at the crypto: few at once, for one token one at a time, and a bounded number of those who wait.
#[derive(Debug)]
struct Turns {
    at_once: Semaphore,
    /// The same token always finds the same lock; which tokens share one, nobody outside can choose.
    by_token: [Mutex<()>; 64],
    seed: foldhash::fast::RandomState,
    waiting: Places,
}

/// Held while a signature is checked.
type Turn<'a> = (MutexGuard<'a, ()>, SemaphorePermit<'a>);

impl Turns {
    fn new(at_once: usize, queue: usize) -> Self {
        Self {
            at_once: Semaphore::new(at_once),
            by_token: std::array::from_fn(|_| Mutex::new(())),
            seed: foldhash::fast::RandomState::default(),
            waiting: Places::new(queue),
        }
    }

    /// Waits for a turn, unless too many wait already.
    async fn take(&self, token: &Fingerprint) -> Result<Turn<'_>, TokenError> {
        let _place = self.waiting.take().ok_or(TokenError::Overloaded)?;
        // Whoever is known already goes first: a check that needs no signature never waits behind one that does.
        tokio::task::yield_now().await;
        let lock = usize::try_from(self.seed.hash_one(token) % 64).unwrap_or_default();
        let lock = self.by_token.get(lock).ok_or(TokenError::Overloaded)?;
        let of_this_token = lock.lock().await;
        let one_of_few = self.at_once.acquire().await.map_err(|_| TokenError::Overloaded)?;
        Ok((of_this_token, one_of_few))
    }
}
