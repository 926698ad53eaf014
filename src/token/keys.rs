//! The keys that may have signed a token: per issuer, by `kid`, each for RS256 and nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest::Digest;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

use crate::id::{MSA, TenantId};
use crate::token::issuer::{Issuer, IssuerTemplate};
use crate::token::jwks::{self, JwksError};

/// An RSA public key of at least 2048 bits.
pub struct Key {
    public: ParsedPublicKey,
    /// The JWK's own `issuer` member, which Entra uses to confine a key ("Access tokens", validate the issuer).
    issuer: Option<Result<IssuerTemplate, UnreadableIssuer>>,
}

/// A key confined to an issuer that cannot be read verifies for nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct UnreadableIssuer;

/// The shortest modulus that RS256 allows, in bytes (RFC 7518, section 3.3: 2048 bits).
const MIN_MODULUS: usize = 256;
/// The longest that the crypto library verifies with, in bytes.
const MAX_MODULUS: usize = 1024;
const MAX_EXPONENT: usize = 4;

impl Key {
    /// None for what no RS256 signature should or can be checked with: short, overlong or even modulus, even, trivial
    /// or overlong exponent.
    pub(in crate::token) fn new(modulus: &[u8], exponent: &[u8], issuer: Option<&str>) -> Option<Self> {
        let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
        let strong = modulus.len() >= MIN_MODULUS && modulus.first().is_some_and(|byte| byte >> 7 == 1);
        if !strong && modulus.len() <= MIN_MODULUS || !odd(modulus) || !odd(exponent) || exponent == [1] {
            return None;
        }
        if modulus.len() > MAX_MODULUS || exponent.len() > MAX_EXPONENT {
            return None;
        }
        let components = RsaPublicKeyComponents { n: modulus, e: exponent };
        let public = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok()?;
        let issuer = issuer.map(|issuer| IssuerTemplate::parse(issuer).map_err(|_| UnreadableIssuer));
        Some(Self { public, issuer })
    }

    /// Whether `signature` is this key's, over what has this SHA-256.
    pub(in crate::token) fn verifies(&self, signed: &Digest, signature: &[u8]) -> bool {
        self.public.verify_digest_sig(signed, signature).is_ok()
    }

    /// Whether this key may sign for `tenant` as the issuer `uri`.
    pub(in crate::token) fn may_sign(&self, uri: &str, tenant: TenantId) -> bool {
        match &self.issuer {
            None => true,
            Some(Ok(confined)) => {
                confined.tenant(uri) == Some(tenant) && (tenant != MSA || confined.uri(MSA) == uri)
            }
            Some(Err(UnreadableIssuer)) => false,
        }
    }

    /// Whether nothing of it differs, what confines it included.
    fn is_same(&self, other: &Self) -> bool {
        self.public.as_ref() == other.public.as_ref() && self.issuer == other.issuer
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

/// The keys of one issuer, as last fetched.
#[derive(Debug, Clone)]
pub struct KeySet {
    /// Whose keys these are.
    pub issuer: Arc<Issuer>,
    keys: Arc<HashMap<Box<str>, Arc<Key>>>,
    /// Unix seconds after which they are too old to be believed; None before the first success.
    usable_until: Option<i64>,
}

impl KeySet {
    /// The set of an issuer whose keys are not known yet.
    pub fn unknown(issuer: Issuer) -> Self {
        Self { issuer: Arc::new(issuer), keys: Arc::default(), usable_until: None }
    }

    /// The set of an issuer that has no key yet, and so cannot have signed anything.
    pub fn empty(issuer: Issuer) -> Self {
        Self { usable_until: Some(i64::MAX), ..Self::unknown(issuer) }
    }

    /// The set that `document` is, of `issuer`, believed until `usable_until` (Unix seconds). A key that has not
    /// changed stays the very same, so that what it verified stays warm.
    pub fn replaced(&self, issuer: &Issuer, document: &[u8], usable_until: i64) -> Result<Self, JwksError> {
        let mut keys = jwks::read(document)?;
        for (kid, key) in &mut keys {
            if let Some(held) = self.keys.get(kid).filter(|held| *self.issuer == *issuer && held.is_same(key))
            {
                *key = Arc::clone(held);
            }
        }
        let issuer = Arc::new(issuer.clone());
        Ok(Self { issuer, keys: Arc::new(keys), usable_until: Some(usable_until) })
    }

    /// The same keys, found unchanged.
    #[must_use]
    pub fn believed_until(&self, usable_until: i64) -> Self {
        Self { usable_until: Some(usable_until), ..self.clone() }
    }

    /// Whether the keys are known and young enough.
    pub fn usable(&self, now: i64) -> bool {
        self.usable_until.is_some_and(|until| now < until)
    }

    /// The key of this id.
    pub fn key(&self, kid: &str) -> Option<&Arc<Key>> {
        self.keys.get(kid)
    }
}

/// The keys of every issuer, swapped whole.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    /// In the order of the config.
    pub sets: Box<[KeySet]>,
}

impl KeyRing {
    /// Whether each issuer's keys are known.
    pub fn complete(&self, now: i64) -> bool {
        self.sets.iter().all(|set| set.usable(now))
    }
}
