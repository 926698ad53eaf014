//! The checks that turn a token into an identity, in the order in which their failures are named.

use std::sync::Arc;

use aws_lc_rs::digest::{Digest, SHA256, digest};

use crate::id::{Applications, Cloud};
use crate::token::TokenError;
use crate::token::cache::Fingerprint;
use crate::token::claims::Claims;
use crate::token::identity::{self, Identity, Reading};
use crate::token::issuer::Issuer;
use crate::token::jose::Envelope;
use crate::token::keys::{Key, KeyRing};

/// What a token is held against, from the config's `tokens`.
#[derive(Debug)]
pub struct Expectation {
    /// The audiences that are ours.
    pub audiences: Box<[Box<str>]>,
    /// Tolerated difference of clocks, in seconds.
    pub skew: i64,
    /// The longest token read, in bytes.
    pub max_bytes: usize,
    /// What audiences stand for.
    pub applications: Arc<Applications>,
}

impl Expectation {
    fn reading(&self) -> Reading<'_> {
        Reading { audiences: &self.audiences, applications: &self.applications }
    }
}

/// Verifies a compact JWS at `now` (Unix seconds). Whether its audience is accepted is told in the identity, since
/// not every mode asks.
pub fn verify(token: &str, ring: &KeyRing, expected: &Expectation, now: i64) -> Result<Verified, TokenError> {
    Presented::read(token, ring, expected, now, |_| ())?
        .verify(expected.skew, now)
        .map_err(|refused| refused.error)
}

/// A token that has everything but a checked signature: well-formed, of a known issuer, with a key to check it by.
#[derive(Debug)]
pub struct Presented {
    signed: Digest,
    signature: Vec<u8>,
    identity: Identity,
    lifetime: Lifetime,
    signer: Signer,
}

impl Presented {
    /// Every check that costs next to nothing. Where the issuer is known but not the key, `key_unknown` hears the
    /// place of each such issuer in the ring.
    pub fn read(
        token: &str,
        ring: &KeyRing,
        expected: &Expectation,
        now: i64,
        key_unknown: impl FnMut(usize),
    ) -> Result<Self, TokenError> {
        if token.len() > expected.max_bytes {
            return Err(TokenError::TooLarge);
        }
        let envelope = Envelope::read(token)?;
        let claims = Claims::read(&envelope.payload)?;
        let expires = claims.exp.ok_or(TokenError::Malformed("exp"))?;
        let issuers = || ring.sets.iter().map(|set| &*set.issuer);
        // Read before the issuer is known: a claim of the wrong form is named before anything else.
        let mut identity = Identity::of(&claims, expected.reading(), issuers(), None)?;
        if !envelope.header.rs256 {
            return Err(TokenError::Algorithm);
        }
        let kid = envelope.header.kid.as_deref();
        let (signer, cloud) = Signer::find(&claims, &identity, kid, ring, now, key_unknown)?;
        identity.issuer_cloud = Some(cloud);
        Ok(Self {
            signed: digest(&SHA256, envelope.signed),
            signature: envelope.signature,
            identity,
            lifetime: Lifetime { expires, not_before: claims.nbf },
            signer,
        })
    }

    /// What no other token has.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.signed, &self.signature)
    }

    /// The one expensive step.
    pub fn verify(self, skew: i64, now: i64) -> Result<Verified, Refused> {
        let Self { signed, signature, mut identity, lifetime, signer } = self;
        if !signer.key.verifies(&signed, &signature) {
            return Err(Refused { error: TokenError::Signature, signer, lifetime: None });
        }
        identity.proven = true;
        match lifetime.holds(skew, now) {
            Ok(()) => Ok(Verified { identity, lifetime, signer }),
            Err(error) => Err(Refused { error, signer, lifetime: Some(lifetime) }),
        }
    }
}

/// An identity with what its validity hangs on. Only [`Presented::verify`] makes one.
#[derive(Debug)]
pub struct Verified {
    identity: Identity,
    lifetime: Lifetime,
    signer: Signer,
}

impl Verified {
    /// The caller.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether it still holds at `now` under the present keys. Fails with what a fresh verification would say.
    pub fn still_holds(&self, ring: &KeyRing, skew: i64, now: i64) -> Result<(), TokenError> {
        self.signer.is_present(ring, now)?;
        self.lifetime.holds(skew, now)
    }
}

/// A token whose signature was checked in vain, or to find it out of time.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Why.
    pub error: TokenError,
    signer: Signer,
    /// Of a token whose signature is good.
    lifetime: Option<Lifetime>,
}

impl Refused {
    /// Why it is still refused at `now` under the present keys; None where only a fresh verification can tell.
    pub fn still_refused(&self, ring: &KeyRing, skew: i64, now: i64) -> Option<TokenError> {
        self.signer.is_present(ring, now).ok()?;
        self.lifetime.map_or(Some(self.error), |lifetime| lifetime.holds(skew, now).err())
    }
}

/// Unix seconds between which a token may be used.
#[derive(Debug, Clone, Copy)]
struct Lifetime {
    expires: i64,
    not_before: Option<i64>,
}

impl Lifetime {
    /// RFC 7519: refused *on or after* `exp`, and before `nbf`, each with the tolerated skew.
    fn holds(self, skew: i64, now: i64) -> Result<(), TokenError> {
        if now >= self.expires.saturating_add(skew) {
            return Err(TokenError::Expired);
        }
        match self.not_before {
            Some(not_before) if now < not_before.saturating_sub(skew) => Err(TokenError::NotYetValid),
            Some(_) | None => Ok(()),
        }
    }
}

/// The key that a token names, under the name by which it was found.
#[derive(Debug, Clone)]
struct Signer {
    set: usize,
    kid: Box<str>,
    key: Arc<Key>,
}

impl Signer {
    /// The one key that the token names among those of its issuer, and that issuer's cloud. Entra signs for all
    /// tenants with the same keys, so that `iss` must agree with `tid`; and two configured issuers may share a form
    /// of `iss`.
    fn find(
        claims: &Claims<'_>,
        identity: &Identity,
        kid: Option<&str>,
        ring: &KeyRing,
        now: i64,
        mut key_unknown: impl FnMut(usize),
    ) -> Result<(Self, Cloud), TokenError> {
        let uri = claims.iss.as_deref().ok_or(TokenError::Issuer)?;
        let mut failure = TokenError::Issuer;
        for (set, keys) in ring.sets.iter().enumerate() {
            if !is_issuer(&keys.issuer, claims, identity) {
                continue;
            }
            if !keys.usable(now) {
                failure = TokenError::KeysUnavailable;
                continue;
            }
            let named = kid.and_then(|kid| Some((kid, keys.key(kid)?)));
            if let Some((kid, key)) = named.filter(|(_, key)| key.may_sign(uri, identity.tenant)) {
                return Ok((Self { set, kid: kid.into(), key: Arc::clone(key) }, keys.issuer.cloud));
            }
            if named.is_none() {
                key_unknown(set);
            }
            if failure == TokenError::Issuer {
                failure = TokenError::KeyUnknown;
            }
        }
        Err(failure)
    }

    /// Whether the key is still known by that name, and believed.
    fn is_present(&self, ring: &KeyRing, now: i64) -> Result<(), TokenError> {
        let keys =
            ring.sets.get(self.set).filter(|set| set.usable(now)).ok_or(TokenError::KeysUnavailable)?;
        let key = keys.key(&self.kid).ok_or(TokenError::KeyUnknown)?;
        if Arc::ptr_eq(key, &self.key) { Ok(()) } else { Err(TokenError::KeyUnknown) }
    }
}

/// `iss` is this issuer's, for `tid`, in the form of `ver`.
fn is_issuer(issuer: &Issuer, claims: &Claims<'_>, identity: &Identity) -> bool {
    let tenant = claims.iss.as_deref().and_then(|uri| issuer.template.tenant(uri));
    tenant == Some(identity.tenant)
        && claims.ver.as_deref().is_none_or(|version| issuer.template.agrees_with(version))
}

/// The identity of claims whose signature Envoy's own filter checked: every other check is made. `claims` must come
/// from Envoy's metadata, which no client can write.
pub fn attested(
    claims: &[u8],
    ring: &KeyRing,
    expected: &Expectation,
    now: i64,
) -> Result<Identity, TokenError> {
    let identity = without_key(claims, true, ring, expected, now)?;
    Ok(Identity { proven: true, ..identity })
}

/// The identity that a token claims, of those that only their resource can verify ("Access tokens": those for
/// Microsoft's APIs). Every check is made but the signature's, and nothing may hang on it but what its claimant could
/// not lie about with profit.
pub fn claimed(
    token: &str,
    ring: &KeyRing,
    expected: &Expectation,
    now: i64,
) -> Result<Identity, TokenError> {
    if expected.max_bytes < token.len() {
        return Err(TokenError::TooLarge);
    }
    let envelope = Envelope::read(token).map_err(|_| TokenError::Unreadable)?;
    without_key(&envelope.payload, envelope.header.rs256, ring, expected, now)
}

/// Everything that can be said of claims without their signature.
fn without_key(
    claims: &[u8],
    rs256: bool,
    ring: &KeyRing,
    expected: &Expectation,
    now: i64,
) -> Result<Identity, TokenError> {
    let claims = Claims::read(claims)?;
    let expires = claims.exp.ok_or(TokenError::Malformed("exp"))?;
    let issuers = || ring.sets.iter().map(|set| &*set.issuer);
    // No key verified, so that none tells the cloud (semantics §6).
    let identity = Identity::of(&claims, expected.reading(), issuers(), None)?;
    if !rs256 {
        return Err(TokenError::Algorithm);
    }
    if !issuers().any(|issuer| is_issuer(issuer, &claims, &identity)) {
        return Err(TokenError::Issuer);
    }
    Lifetime { expires, not_before: claims.nbf }.holds(expected.skew, now)?;
    Ok(identity)
}

/// Claims that nobody vouches for.
#[derive(Debug, Clone, Copy)]
pub struct Unverified<'a>(pub &'a [u8]);

impl Unverified<'_> {
    /// An identity from mere assertion, for what-if questions. Never called on the request path.
    pub fn assume(self, ring: &KeyRing, expected: &Expectation) -> Result<Identity, TokenError> {
        let claims = Claims::read(self.0)?;
        identity::tenant(&claims)?;
        let issuers = || ring.sets.iter().map(|set| &*set.issuer);
        let uri = claims.iss.as_deref();
        let issuer = uri.and_then(|uri| issuers().find(|issuer| issuer.template.tenant(uri).is_some()));
        Identity::of(&claims, expected.reading(), issuers(), issuer)
    }
}
