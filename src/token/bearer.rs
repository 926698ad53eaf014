//! Finding the one bearer token of a request (RFC 6750, section 2.1).

use memchr::memchr;

use crate::token::TokenError;

/// The `Authorization` headers of a request, as found on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Credential<'a> {
    /// No such header.
    #[default]
    Absent,
    /// Its one value.
    One(&'a [u8]),
    /// More than one value.
    Several {
        /// The length of the longest token among them.
        longest: usize,
    },
}

impl<'a> Credential<'a> {
    /// What is known after one more value was seen.
    #[must_use]
    pub fn and(self, value: &'a [u8]) -> Self {
        let before = match self {
            Self::Absent => return Self::One(value),
            Self::One(before) => longest(before),
            Self::Several { longest } => longest,
        };
        Self::Several { longest: before.max(longest(value)) }
    }
}

/// The token of the one `Bearer` credential; the scheme in any case, one space after it.
///
/// Envoy joins repeated headers with a comma, which no token contains: a comma is a second credential, and raw
/// headers are judged as joined ones.
pub fn bearer(credential: Credential<'_>, max_bytes: usize) -> Result<&str, TokenError> {
    let (value, longest) = match credential {
        Credential::Absent => return Err(TokenError::Missing),
        Credential::One(value) => (Some(value), longest(value)),
        Credential::Several { longest } => (None, longest),
    };
    if longest > max_bytes {
        return Err(TokenError::TooLarge);
    }
    at_most_one(credential)?;
    let token = value.and_then(token).ok_or(TokenError::Missing)?;
    std::str::from_utf8(token).map_err(|_| TokenError::Malformed("not ASCII"))
}

/// Fails where there are several credentials ([`TokenError::Ambiguous`]), or one of another scheme
/// ([`TokenError::Missing`]).
pub fn at_most_one(credential: Credential<'_>) -> Result<(), TokenError> {
    match credential {
        Credential::Several { .. } => Err(TokenError::Ambiguous),
        Credential::One(value) if memchr(b',', value).is_some() => Err(TokenError::Ambiguous),
        Credential::One(value) if token(value).is_none() => Err(TokenError::Missing),
        Credential::One(_) | Credential::Absent => Ok(()),
    }
}

fn longest(value: &[u8]) -> usize {
    credentials(value).filter_map(token).map(<[u8]>::len).max().unwrap_or_default()
}

/// What commas separate.
fn credentials(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let value = rest?;
        let Some(end) = memchr(b',', value) else { return rest.take() };
        let (credential, after) = value.split_at_checked(end)?;
        rest = after.get(1..);
        Some(credential)
    })
}

fn token(credential: &[u8]) -> Option<&[u8]> {
    let scheme = credential.iter().position(|&byte| byte == b' ').unwrap_or(credential.len());
    let (scheme, rest) = credential.split_at(scheme);
    scheme.eq_ignore_ascii_case(b"bearer").then(|| rest.strip_prefix(b" ").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Result<&str, TokenError> {
        bearer(Credential::One(value.as_bytes()), 10)
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        assert_eq!(of("Bearer a.b.c"), Ok("a.b.c"));
        assert_eq!(of("bEARER a.b.c"), Ok("a.b.c"));
    }

    #[test]
    fn another_scheme_is_no_token_and_a_second_credential_is_ambiguous() {
        assert_eq!(of("Basic abc"), Err(TokenError::Missing));
        assert_eq!(of(""), Err(TokenError::Missing));
        assert_eq!(of("Bearer a,b"), Err(TokenError::Ambiguous));
        assert_eq!(of("Basic a,Bearer b"), Err(TokenError::Ambiguous));
        assert_eq!(bearer(Credential::One(b"x").and(b"y"), 10), Err(TokenError::Ambiguous));
    }

    #[test]
    fn where_a_token_is_not_read_a_credential_is_one_bearer_token_or_none() {
        let of = |value: &'static str| at_most_one(Credential::One(value.as_bytes()));
        assert_eq!((at_most_one(Credential::Absent), of("Bearer a.b.c")), (Ok(()), Ok(())));
        assert_eq!((of("Basic abc"), of("Negotiate")), (Err(TokenError::Missing), Err(TokenError::Missing)));
        assert_eq!(of("Bearer a,Basic b"), Err(TokenError::Ambiguous));
    }

    #[test]
    fn raw_headers_are_judged_as_joined_ones() {
        for (one, other, expected) in [
            ("Bearer 12345678", "Bearer 12345678", TokenError::Ambiguous),
            ("Bearer 12345678901", "Bearer x", TokenError::TooLarge),
            ("Bearer x", "bearer 12345678901", TokenError::TooLarge),
            ("Bearer x", "Basic 12345678901", TokenError::Ambiguous),
        ] {
            let raw = Credential::One(one.as_bytes()).and(other.as_bytes());
            assert_eq!(bearer(raw, 10), Err(expected));
            assert_eq!(of(&format!("{one},{other}")), Err(expected));
        }
    }

    #[test]
    fn size_is_judged_first_and_spaces_are_part_of_the_token() {
        assert_eq!(of("Bearer 12345678,01"), Err(TokenError::Ambiguous));
        assert_eq!(of("Bearer 12345678901,"), Err(TokenError::TooLarge));
        assert_eq!(of("Bearer  a.b.c"), Ok(" a.b.c"));
        assert_eq!(of("Bearer"), Ok(""));
    }
}
