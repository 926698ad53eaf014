//! The compact JWS envelope (RFC 7515): three strict base64url parts and a closed, bounded header.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::token::TokenError;
use crate::token::json::{Ignored, MaybeText, Names, Text};
use crate::token::keys::KeySet;

/// Real headers take about 100 bytes; parsing hostile ones is unpaid work.
const MAX_HEADER: usize = 1024;

/// A compact JWS, decoded but not verified.
pub(in crate::token) struct Envelope<'t> {
    pub(in crate::token) header: Header,
    pub(in crate::token) payload: Vec<u8>,
    /// What was signed: the first two parts as they were written.
    pub(in crate::token) signed: &'t [u8],
    pub(in crate::token) signature: Vec<u8>,
}

/// What the header says that matters here.
#[derive(Default)]
pub(in crate::token) struct Header {
    pub(in crate::token) rs256: bool,
    /// None when absent or no string: no key has such an id.
    pub(in crate::token) kid: Option<Box<str>>,
}

impl<'t> Envelope<'t> {
    pub(in crate::token) fn read(token: &'t str) -> Result<Self, TokenError> {
        let [header, payload, signature] =
            three_parts(token).ok_or(TokenError::Malformed("not three parts"))?;
        if header.len() > (MAX_HEADER * 4).div_ceil(3) {
            return Err(TokenError::Malformed("the header is too long"));
        }
        let signed = token.as_bytes().get(..header.len() + 1 + payload.len()).unwrap_or_default();
        let header = decode(header)?;
        let payload = decode(payload)?;
        let signature = decode(signature)?;
        let header = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed("the header"))?;
        Ok(Self { header, payload, signed, signature })
    }
}

/// Whether the key of `keys` that `jws` names signed it, whatever its payload: what [`crate::token::verify()`] asks
/// of envelope, algorithm, key and signature, for test vectors that hold no claims. It proves nothing of a caller.
pub fn signed_by(jws: &str, keys: &KeySet) -> Result<(), TokenError> {
    let envelope = Envelope::read(jws)?;
    if !envelope.header.rs256 {
        return Err(TokenError::Algorithm);
    }
    let key = envelope.header.kid.and_then(|kid| keys.key(&kid)).ok_or(TokenError::KeyUnknown)?;
    let signed = key.verifies(&digest(&SHA256, envelope.signed), &envelope.signature);
    if signed { Ok(()) } else { Err(TokenError::Signature) }
}

fn three_parts(token: &str) -> Option<[&str; 3]> {
    let mut dots = memchr::memchr_iter(b'.', token.as_bytes());
    let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else { return None };
    let (rest, signature) = token.split_at_checked(second)?;
    let (header, payload) = rest.split_at_checked(first)?;
    Some([header, payload.strip_prefix('.')?, signature.strip_prefix('.')?])
}

/// Refuses padding, other alphabets, white space and stray bits: one token has one spelling.
fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode_to_vec(part).map_err(|_| TokenError::Malformed("not base64url"))
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadHeader)
    }
}

struct ReadHeader;

impl<'de> Visitor<'de> for ReadHeader {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Header, A::Error> {
        let mut header = Header::default();
        let mut names = Names::default();
        while let Some(Text(name)) = object.next_key()? {
            match &*name {
                // Extensions that must be understood, and none is (RFC 7515, section 4.1.11); an encrypted token.
                "crit" | "b64" | "enc" | "zip" => return Err(serde::de::Error::custom("not a plain JWS")),
                "alg" => header.rs256 = object.next_value::<MaybeText<'_>>()?.is(|alg| alg == "RS256"),
                "kid" => header.kid = object.next_value::<MaybeText<'_>>()?.0.map(Into::into),
                "typ" => {
                    let known =
                        |typ: &str| ["jwt", "at+jwt"].iter().any(|known| known.eq_ignore_ascii_case(typ));
                    if !object.next_value::<MaybeText<'_>>()?.is(known) {
                        return Err(serde::de::Error::custom("another type of token"));
                    }
                }
                // `jku`, `jwk`, `x5u`, `x5c` name keys that the sender chose: never followed.
                _ => object.next_value_seed(Ignored::default())?,
            }
            names.add(name);
        }
        names.all_different()?;
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Result<Header, TokenError> {
        Envelope::read(&format!("{}.e30.", URL_SAFE_NO_PAD.encode_to_string(text)))
            .map(|envelope| envelope.header)
    }

    #[test]
    fn a_member_that_is_no_text_is_absent_and_still_read_strictly() {
        for name in ["alg", "kid"] {
            assert!(header(&format!(r#"{{"{name}":{{"x":[1,null]}}}}"#)).is_ok());
            assert!(header(&format!(r#"{{"{name}":{{"x":1,"x":1}}}}"#)).is_err(), "a duplicate in {name}");
            let deep = format!("{}{}", "[".repeat(17), "]".repeat(17));
            assert!(header(&format!(r#"{{"{name}":{deep}}}"#)).is_err(), "17 arrays in {name}");
        }
        assert_eq!(header(r#"{"alg":"RS256","kid":7}"#).unwrap().kid, None);
        assert!(header(r#"{"alg":"RS256","kid":"k"}"#).unwrap().rs256);
    }

    #[test]
    fn a_header_has_1024_bytes_at_most() {
        let of = |bytes: usize| header(&format!(r#"{{"x":"{}"}}"#, "x".repeat(bytes - 8)));
        assert!(of(1024).is_ok());
        assert!(of(1025).is_err());
    }
}
