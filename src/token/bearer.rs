//! Finding the one bearer token of a request (RFC 6750, section 2.1).

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
    Several,
}

impl<'a> Credential<'a> {
    /// What is known after one more value was seen.
    #[must_use]
    pub fn and(self, value: &'a [u8]) -> Self {
        match self {
            Self::Absent => Self::One(value),
            Self::One(_) | Self::Several => Self::Several,
        }
    }
}

/// The token of the one `Bearer` credential; the scheme in any case, one space after it.
///
/// Envoy joins repeated headers with a comma, which no token contains: a comma is a second credential.
pub fn bearer(credential: Credential<'_>, max_bytes: usize) -> Result<&str, TokenError> {
    let value = match credential {
        Credential::Absent => return Err(TokenError::Missing),
        Credential::Several => return Err(TokenError::Ambiguous),
        Credential::One(value) => value,
    };
    let scheme = value.iter().position(|&byte| byte == b' ').unwrap_or(value.len());
    let (scheme, rest) = value.split_at(scheme);
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer");
    let token = rest.strip_prefix(b" ").unwrap_or_default();
    if is_bearer && token.len() > max_bytes {
        return Err(TokenError::TooLarge);
    }
    if value.contains(&b',') {
        return Err(TokenError::Ambiguous);
    }
    if !is_bearer {
        return Err(TokenError::Missing);
    }
    std::str::from_utf8(token).map_err(|_| TokenError::Malformed("not ASCII"))
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
    fn size_is_judged_first_and_spaces_are_part_of_the_token() {
        assert_eq!(of("Bearer 12345678,01"), Err(TokenError::TooLarge));
        assert_eq!(of("Bearer 12345678901,"), Err(TokenError::TooLarge));
        assert_eq!(of("Bearer  a.b.c"), Ok(" a.b.c"));
        assert_eq!(of("Bearer"), Ok(""));
    }
}
