//! The compact JWS envelope (RFC 7515): three strict base64url parts and a closed, bounded header.

use std::fmt;

use base64_simd::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::token::TokenError;
use crate::token::json::{Ignored, Names, Text};

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
        if header.len() > MAX_HEADER.div_ceil(3) * 4 {
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

fn three_parts(token: &str) -> Option<[&str; 3]> {
    let mut dots = memchr::memchr_iter(b'.', token.as_bytes());
    let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else { return None };
    let (rest, signature) = token.split_at_checked(second)?;
    let (header, payload) = rest.split_at_checked(first)?;
    Some([header, payload.strip_prefix('.')?, signature.strip_prefix('.')?])
}

/// Refuses padding, other alphabets, white space and stray bits: one token has one spelling.
fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    let decoded = URL_SAFE_NO_PAD.decode_to_vec(part).ok().filter(|_| ends_clean(part.as_bytes()));
    decoded.ok_or(TokenError::Malformed("not base64url"))
}

/// Whether the bits beyond the last whole byte are zero (RFC 4648, section 3.5).
fn ends_clean(part: &[u8]) -> bool {
    match (part.len() % 4, part.last()) {
        (0, _) => true,
        (2, Some(last)) => b"AQgw".contains(last),
        (3, Some(last)) => b"AEIMQUYcgkosw048".contains(last),
        _ => false,
    }
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
                "alg" => header.rs256 = object.next_value::<Member<'_>>()?.is(|alg| alg == "RS256"),
                "kid" => header.kid = object.next_value::<Member<'_>>()?.text().map(Into::into),
                "typ" => {
                    let known =
                        |typ: &str| ["jwt", "at+jwt"].iter().any(|known| known.eq_ignore_ascii_case(typ));
                    if !object.next_value::<Member<'_>>()?.is(known) {
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

/// A header member that should be a string; anything else is as good as absent.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Member<'a> {
    #[serde(borrow)]
    Text(TextMember<'a>),
    Other(serde::de::IgnoredAny),
}

#[derive(serde::Deserialize)]
#[serde(transparent)]
struct TextMember<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

impl Member<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(TextMember(text)) => Some(text),
            Self::Other(_) => None,
        }
    }

    fn is(&self, test: impl Fn(&str) -> bool) -> bool {
        self.text().is_some_and(test)
    }
}
