//! Tokens that were seen before: a lookup instead of an RSA operation.
//!
//! A hit needs the *whole* token to be equal. What is found is held against the present keys and the clock each
//! time, so that a token never outlives its key or itself. Refusals are kept apart, few and for seconds: bad tokens
//! cost no signature work twice, and cannot push good ones out.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use foldhash::fast::{FoldHasher, RandomState};
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::token::{KeyRing, Refused, TokenError, Verified};

/// What one entry counts at least, in bytes.
const UNIT: u64 = 2048;
/// What an entry takes beside the text of its token, nearly, in bytes.
const OVERHEAD: u64 = 640;
/// Refusals held, of about 200 bytes each.
const REFUSALS: u64 = 4096;
/// How long a refusal is held.
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// Verified tokens by their full text, and refused ones by their fingerprint.
#[derive(Debug)]
pub struct TokenCache {
    verified: Cache<Box<str>, Arc<Verified>, Weight, BySignature>,
    refused: moka::sync::Cache<Fingerprint, Arc<Refused>, RandomState>,
}

impl TokenCache {
    /// A cache of at most `capacity` verified tokens, and of at most `capacity` times 2 KiB.
    pub fn new(capacity: u64) -> Self {
        // The cache grows as it is filled: what is reserved here is little.
        let expected = usize::try_from(capacity.min(1024)).unwrap_or_default();
        let hasher = BySignature::default();
        let bytes = capacity.saturating_mul(UNIT);
        Self {
            verified: Cache::with(expected, bytes, Weight, hasher, DefaultLifecycle::default()),
            refused: moka::sync::Cache::builder()
                .max_capacity(REFUSALS)
                .time_to_live(REFUSED_FOR)
                .build_with_hasher(RandomState::default()),
        }
    }

    /// The identity of a token that was verified before, if it still holds.
    pub fn verified(
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
                self.verified.remove(token);
                Ok(None)
            }
            Err(reason) => Err(reason),
        }
    }

    /// Why a token was refused before, if it still would be.
    pub fn refused(
        &self,
        fingerprint: &Fingerprint,
        ring: &KeyRing,
        skew: i64,
        now: i64,
    ) -> Option<TokenError> {
        self.refused.get(fingerprint)?.still_refused(ring, skew, now)
    }

    /// Remembers a token.
    pub fn keep(&self, token: &str, verified: Arc<Verified>) {
        self.verified.insert(token.into(), verified);
    }

    /// Remembers a refusal.
    pub fn refuse(&self, fingerprint: Fingerprint, refused: Refused) {
        self.refused.insert(fingerprint, Arc::new(refused));
    }

    /// How many verified tokens are held.
    pub fn len(&self) -> usize {
        self.verified.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A token's name: the SHA-256 of what was signed, and of the signature. Both parts have one spelling only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32], [u8; 32]);

impl Fingerprint {
    pub(in crate::token) fn of(signed: &Digest, signature: &[u8]) -> Self {
        let bytes = |digest: &Digest| digest.as_ref().try_into().unwrap_or_default();
        Self(bytes(signed), bytes(&digest(&SHA256, signature)))
    }
}

#[derive(Debug, Clone, Copy)]
struct Weight;

impl quick_cache::Weighter<Box<str>, Arc<Verified>> for Weight {
    fn weight(&self, token: &Box<str>, _: &Arc<Verified>) -> u64 {
        // So that neither the number of entries nor their bytes exceed what is configured.
        let token = u64::try_from(token.len()).unwrap_or(u64::MAX);
        token.saturating_add(OVERHEAD).max(UNIT)
    }
}

/// Hashes the end of a token, which is the end of its signature: of verified tokens, and only those are held,
/// nobody chooses it, and it is as good as random. Equality compares the whole.
#[derive(Debug, Clone, Default)]
struct BySignature(RandomState);

struct TailHasher<'s>(FoldHasher<'s>);

impl BuildHasher for BySignature {
    type Hasher = TailHasher<'static>;

    fn build_hasher(&self) -> TailHasher<'static> {
        TailHasher(self.0.build_hasher())
    }
}

impl Hasher for TailHasher<'_> {
    fn write(&mut self, bytes: &[u8]) {
        let tail = bytes.len().saturating_sub(64);
        self.0.write(bytes.get(tail..).unwrap_or_default());
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_by_the_end_of_its_signature() {
        let seeded = BySignature::default();
        let hash = |token: &str| seeded.hash_one(token);
        let (one, other) = ("a".repeat(64), "b".repeat(64));
        assert_ne!(hash(&format!("payload.{one}")), hash(&format!("payload.{other}")));
        assert_eq!(hash(&format!("payload.{one}")), hash(&format!("another.{one}")));
    }
}
