//! Credentials that are no bearer token. A resource under tenant restrictions may honour any of them, so that who the
//! token is from would decide nothing.

use crate::check::request::Http;

/// The query parameter that is a bearer token (RFC 6750, section 2.3).
const TOKEN: [&[u8]; 1] = [b"access_token"];
/// The same, links to download a file, and signatures of Azure Storage.
const ANY: [&[u8]; 3] = [b"access_token", b"tempauth", b"sig"];

/// Whether a request has another credential beside its `Authorization`.
pub(in crate::check) fn beside_authorization(http: &Http<'_>) -> bool {
    http.cookie || in_query(http.path, &ANY)
}

/// Whether it has another bearer token.
pub(in crate::check) fn token_in_query(http: &Http<'_>) -> bool {
    in_query(http.path, &TOKEN)
}

/// In any case and in disguise: what the resource would take for the name is the name.
fn in_query(path: &[u8], names: &[&[u8]]) -> bool {
    let Some(question) = path.iter().position(|&byte| byte == b'?') else { return false };
    let query = path.get(question..).unwrap_or_default();
    query.split(|byte| b"?&;".contains(byte)).any(|parameter| {
        let name = parameter.split(|&byte| byte == b'=').next().unwrap_or_default();
        names.iter().any(|known| Decoded(name).eq(known.iter().copied()))
    })
}

/// The bytes of a name in lower case, `%41` read as `a`, and so `%u0041`, which some servers read.
struct Decoded<'a>(&'a [u8]);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = match self.0 {
            [b'%', b'u' | b'U', b'0', b'0', high, low, rest @ ..] | [b'%', high, low, rest @ ..] => {
                match (hex(*high), hex(*low)) {
                    (Some(high), Some(low)) => (high << 4 | low, rest),
                    _ => (b'%', self.0.get(1..).unwrap_or_default()),
                }
            }
            [byte, rest @ ..] => (*byte, rest),
            [] => return None,
        };
        self.0 = rest;
        Some(byte.to_ascii_lowercase())
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_found_wherever_it_stands_in_the_query() {
        for path in [
            "/x?access_token=y",
            "/x?a=b&tempauth=y",
            "/x?a=b;sig=y",
            "/?sig",
            "/?a?sig=",
            "/x?ACCESS_TOKEN=y",
            "/x?access%5Ftoken=y",
            "/x?%73%69%67=y",
            "/x?%73%49%67=y",
            "/x?%u0073i%U0047=y",
        ] {
            assert!(in_query(path.as_bytes(), &ANY), "{path}");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for path in [
            "",
            "/sig=y",
            "/access_token",
            "/x?signature=y",
            "/x?a=sig",
            "/x?xsig=y",
            "/x?%sig=y",
            "/x?sig%=y",
            "/x?%u73ig=y",
        ] {
            assert!(!in_query(path.as_bytes(), &ANY), "{path}");
        }
    }
}
