//! The checks that turn a token into an identity, in the order in which their failures are named.

use std::sync::Arc;

use crate::id::Applications;
use crate::token::TokenError;
use crate::token::claims::Claims;
use crate::token::identity::{self, Identity, Reading};
use crate::token::issuer::Issuer;
use crate::token::jose::Envelope;
use crate::token::keys::{Key, KeyRing, KeySet};

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

/// An identity with what its validity hangs on. Only [`verify()`] makes one.
#[derive(Debug)]
pub struct Verified {
    identity: Identity,
    lifetime: Lifetime,
    kid: Box<str>,
    key: Arc<Key>,
    set: usize,
}

impl Verified {
    /// The caller.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether it still holds at `now` under the present keys. Fails with what a fresh verification would say.
    pub fn still_holds(&self, ring: &KeyRing, skew: i64, now: i64) -> Result<(), TokenError> {
        let set = ring.sets.get(self.set).filter(|set| set.usable(now)).ok_or(TokenError::KeysUnavailable)?;
        let key = set.key(&self.kid).ok_or(TokenError::KeyUnknown)?;
        if !Arc::ptr_eq(key, &self.key) {
            return Err(TokenError::KeyUnknown);
        }
        self.lifetime.holds(skew, now)
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

/// Verifies a compact JWS at `now` (Unix seconds). Whether its audience is accepted is told in the identity, since
/// not every mode asks.
pub fn verify(token: &str, ring: &KeyRing, expected: &Expectation, now: i64) -> Result<Verified, TokenError> {
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
    let (set, kid, key) = signing_key(&claims, &identity, envelope.header.kid.as_deref(), ring, now)?;
    if !key.verifies(envelope.signed, &envelope.signature) {
        return Err(TokenError::Signature);
    }
    let lifetime = Lifetime { expires, not_before: claims.nbf };
    lifetime.holds(expected.skew, now)?;
    identity.issuer_cloud = ring.sets.get(set).map(|set| set.issuer.cloud);
    Ok(Verified { identity, lifetime, kid, key, set })
}

/// The one key that the token names among those of its issuer. Entra signs for all tenants with the same keys, so
/// that `iss` must agree with `tid`; and two configured issuers may share a form of `iss`.
fn signing_key(
    claims: &Claims<'_>,
    identity: &Identity,
    kid: Option<&str>,
    ring: &KeyRing,
    now: i64,
) -> Result<(usize, Box<str>, Arc<Key>), TokenError> {
    let uri = claims.iss.as_deref().ok_or(TokenError::Issuer)?;
    let is_issuer = |set: &KeySet| is_issuer(&set.issuer, claims, identity);
    let mut failure = TokenError::Issuer;
    for (position, set) in ring.sets.iter().enumerate().filter(|(_, set)| is_issuer(set)) {
        if !set.usable(now) {
            failure = TokenError::KeysUnavailable;
            continue;
        }
        let named = kid.and_then(|kid| Some((kid, set.key(kid)?)));
        if let Some((kid, key)) = named.filter(|(_, key)| key.may_sign(uri, identity.tenant)) {
            return Ok((position, kid.into(), Arc::clone(key)));
        }
        if failure == TokenError::Issuer {
            failure = TokenError::KeyUnknown;
        }
    }
    Err(failure)
}

/// `iss` is this issuer's, for `tid`, in the form of `ver`.
fn is_issuer(issuer: &Issuer, claims: &Claims<'_>, identity: &Identity) -> bool {
    let tenant = claims.iss.as_deref().and_then(|uri| issuer.template.tenant(uri));
    tenant == Some(identity.tenant)
        && claims.ver.as_deref().is_none_or(|version| issuer.template.agrees_with(version))
}

/// Claims that nobody vouches for.
#[derive(Debug, Clone, Copy)]
pub struct Unverified<'a>(pub &'a [u8]);

impl Unverified<'_> {
    /// The identity that a token of these claims would have, if the signature of its issuer were on it: every other
    /// check is made. For what-if questions and comparisons; never called on the request path.
    pub fn as_if_signed(
        self,
        ring: &KeyRing,
        expected: &Expectation,
        now: i64,
    ) -> Result<Identity, TokenError> {
        let claims = Claims::read(self.0)?;
        let expires = claims.exp.ok_or(TokenError::Malformed("exp"))?;
        let mut identity =
            Identity::of(&claims, expected.reading(), ring.sets.iter().map(|set| &*set.issuer), None)?;
        let issuer =
            ring.sets.iter().map(|set| &set.issuer).find(|issuer| is_issuer(issuer, &claims, &identity));
        identity.issuer_cloud = Some(issuer.ok_or(TokenError::Issuer)?.cloud);
        Lifetime { expires, not_before: claims.nbf }.holds(expected.skew, now)?;
        Ok(identity)
    }

    /// An identity from mere assertion, for what-if questions. Never called on the request path.
    pub fn assume(self, ring: &KeyRing, expected: &Expectation) -> Result<Identity, TokenError> {
        let claims = Claims::read(self.0)?;
        identity::tenant(&claims)?;
        let issuer = claims.iss.as_deref().and_then(|uri| {
            ring.sets.iter().map(|set| &*set.issuer).find(|issuer| issuer.template.tenant(uri).is_some())
        });
        Identity::of(&claims, expected.reading(), ring.sets.iter().map(|set| &*set.issuer), issuer)
    }
}
