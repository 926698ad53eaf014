//! JSON Web Key Sets (RFC 7517), read by a struct of our own: libraries drop Entra's `issuer` member and overlook
//! what a key says it is for.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::token::keys::Key;
use crate::token::roca;

/// What is more than this is no key set of ours.
const MAX_KEYS: usize = 1000;

/// Why a document is no usable key set. Never quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// No JSON, or of another shape.
    #[error("is no JSON Web Key Set")]
    Unreadable,
    /// Beyond a thousand keys.
    #[error("has more than 1000 keys")]
    TooMany,
    /// Two keys of one id: which would be meant?
    #[error("has two keys with the same `kid`")]
    RepeatedKid,
    /// A private key was published.
    #[error("has a private key in it; replace that key, it is no secret any more")]
    Private,
    /// Nothing of it can verify RS256.
    #[error("has no RSA signature key of 2048 bits or more with a `kid`")]
    Empty,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<Jwk<'a>>,
}

#[derive(Deserialize)]
struct Jwk<'a> {
    kty: Box<str>,
    kid: Option<Box<str>>,
    r#use: Option<Box<str>>,
    alg: Option<Box<str>>,
    key_ops: Option<Vec<Box<str>>>,
    n: Option<Box<str>>,
    e: Option<Box<str>>,
    issuer: Option<Box<str>>,
    #[serde(borrow)]
    d: Option<&'a serde_json::value::RawValue>,
}

/// The keys of a set that may verify RS256, by `kid`.
pub(in crate::token) fn read(document: &[u8]) -> Result<HashMap<Box<str>, Arc<Key>>, JwksError> {
    let Document { keys: document } = serde_json::from_slice(document).map_err(|_| JwksError::Unreadable)?;
    if document.len() > MAX_KEYS {
        return Err(JwksError::TooMany);
    }
    let mut keys = HashMap::new();
    for jwk in document {
        if jwk.d.is_some() {
            return Err(JwksError::Private);
        }
        let Some((kid, key)) = usable(jwk) else { continue };
        if keys.insert(kid, Arc::new(key)).is_some() {
            return Err(JwksError::RepeatedKid);
        }
    }
    if keys.is_empty() { Err(JwksError::Empty) } else { Ok(keys) }
}

/// Keys of other kinds and for other uses are passed over, as RFC 7517 section 5 has it; so are weak ones.
fn usable(jwk: Jwk<'_>) -> Option<(Box<str>, Key)> {
    let Jwk { kty, kid, r#use, alg, key_ops, n, e, issuer, d: _ } = jwk;
    let for_rs256 = &*kty == "RSA"
        && r#use.is_none_or(|r#use| &*r#use == "sig")
        && alg.is_none_or(|alg| &*alg == "RS256")
        && key_ops.is_none_or(|operations| operations.iter().any(|operation| &**operation == "verify"));
    if !for_rs256 {
        return None;
    }
    let (modulus, exponent) = (URL_SAFE_NO_PAD.decode(&*n?).ok()?, URL_SAFE_NO_PAD.decode(&*e?).ok()?);
    if roca::is_weak(&modulus) {
        return None;
    }
    Some((kid?, Key::new(&modulus, &exponent, issuer.as_deref())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modulus(bytes: usize) -> String {
        URL_SAFE_NO_PAD.encode([vec![0xc1; bytes - 1], vec![1]].concat())
    }

    fn set(members: &[String]) -> Result<usize, JwksError> {
        read(format!(r#"{{"keys":[{}]}}"#, members.join(",")).as_bytes()).map(|keys| keys.len())
    }

    fn rsa(kid: &str, extra: &str) -> String {
        format!(r#"{{"kty":"RSA","kid":"{kid}","n":"{}","e":"AQAB"{extra}}}"#, modulus(256))
    }

    #[test]
    fn keys_for_something_else_are_passed_over() {
        let others = [r#","use":"enc""#, r#","alg":"RS512""#, r#","key_ops":["encrypt"]"#]
            .iter()
            .map(|extra| rsa("other", extra));
        let weak = format!(r#"{{"kty":"RSA","kid":"weak","n":"{}","e":"AQAB"}}"#, modulus(128));
        let even = format!(r#"{{"kty":"RSA","kid":"even","n":"{}","e":"AQAA"}}"#, modulus(256));
        let long = format!(r#"{{"kty":"RSA","kid":"long","n":"{}","e":"AQAB"}}"#, modulus(1025));
        let slow = format!(r#"{{"kty":"RSA","kid":"slow","n":"{}","e":"AQAAAAE"}}"#, modulus(256));
        let hmac = r#"{"kty":"oct","kid":"hmac","k":"AAAA"}"#.to_owned();
        let all: Vec<_> =
            others.chain([weak, even, long, slow, hmac, rsa("good", r#","use":"sig","x5c":[]"#)]).collect();
        assert_eq!(set(&all), Ok(1));
    }

    #[test]
    fn a_set_that_cannot_be_trusted_is_refused_whole() {
        assert_eq!(set(&[]), Err(JwksError::Empty));
        assert_eq!(set(&[rsa("a", ""), rsa("a", "")]), Err(JwksError::RepeatedKid));
        assert_eq!(set(&[rsa("a", ""), rsa("b", r#","d":"AAAA""#)]), Err(JwksError::Private));
        assert_eq!(read(b"<html>").map(|keys| keys.len()), Err(JwksError::Unreadable));
        let many: Vec<_> = (0..=MAX_KEYS).map(|_| r#"{"kty":"EC"}"#.to_owned()).collect();
        assert_eq!(set(&many), Err(JwksError::TooMany));
    }
}
