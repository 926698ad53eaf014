//! Whom an invitation is for: `invitedUserEmailAddress` in the body (Graph "Create invitation"). The upstream reads the
//! same body, perhaps less strictly; what two readers could read differently names nobody.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserializer as _, MapAccess, Visitor};

use crate::check::request::Body;
use crate::engine::Unresolved;
use crate::id::Domain;
use crate::token::{Ignored, MaybeText, Names, Text};

const MEMBER: &str = "invitedUserEmailAddress";
/// In bytes. An invitation with the longest of messages has a few thousand.
const MAX_BODY: usize = 64 * 1024;

/// The mail domain of the invitee.
pub(in crate::check) fn domain(body: Body<'_>) -> Result<Domain, Unresolved> {
    if body.partial {
        return Err(Unresolved::Partial);
    }
    if body.encoded {
        return Err(Unresolved::Malformed);
    }
    let text = match (body.text, body.raw) {
        ([], []) => return Err(Unresolved::NoBody),
        (only, []) | ([], only) => only,
        // Envoy sends one of them.
        (_, _) => return Err(Unresolved::Malformed),
    };
    if text.len() > MAX_BODY {
        return Err(Unresolved::TooLong);
    }
    Domain::of_address(&address(text)?).ok_or(Unresolved::Address)
}

fn address(body: &[u8]) -> Result<String, Unresolved> {
    let body = std::str::from_utf8(body).map_err(|_| Unresolved::Malformed)?;
    let mut deserializer = serde_json::Deserializer::from_str(body);
    let read = deserializer.deserialize_map(ReadAddress);
    let read = read.and_then(|address| deserializer.end().map(|()| address));
    read.map_err(|_| Unresolved::Malformed)?.ok_or(Unresolved::Missing)
}

/// Whether a reader that minds no case takes it for the member.
fn is_member_to_some(name: &str) -> bool {
    name.chars().flat_map(char::to_uppercase).eq(MEMBER.chars().flat_map(char::to_uppercase))
}

struct ReadAddress;

impl<'de> Visitor<'de> for ReadAddress {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an invitation")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut names = Names::default();
        let mut address = None;
        while let Some(Text(name)) = object.next_key()? {
            if name == MEMBER {
                let MaybeText(text) = object.next_value()?;
                address = text.map(Cow::into_owned);
            } else if is_member_to_some(&name) {
                return Err(de::Error::custom("the member in another case"));
            } else {
                object.next_value_seed(Ignored::default())?;
            }
            names.add(name);
        }
        names.all_different()?;
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::request::Http;

    const INVITATION: &[u8] = br#"{"invitedUserEmailAddress": "kim@fabrikam.com"}"#;

    fn raw(raw: &[u8]) -> Result<String, Unresolved> {
        domain(Body { raw, ..Body::default() }).map(|domain| domain.to_string())
    }

    #[test]
    fn either_body_will_do_but_not_both() {
        let text = Body { text: INVITATION, ..Body::default() };
        assert!(domain(text).is_ok());
        assert_eq!(raw(INVITATION).as_deref(), Ok("fabrikam.com"));
        assert_eq!(domain(Body { raw: INVITATION, ..text }), Err(Unresolved::Malformed));
        assert_eq!(raw(b""), Err(Unresolved::NoBody));
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let padded = |length: usize| {
            let mut body = INVITATION.to_vec();
            body.resize(length, b' ');
            body
        };
        assert!(raw(&padded(MAX_BODY)).is_ok());
        assert_eq!(raw(&padded(MAX_BODY + 1)), Err(Unresolved::TooLong));
    }

    #[test]
    fn bytes_that_are_no_text_name_nobody() {
        let latin1 = b"{\"invitedUserEmailAddress\": \"j\xf6rg@fabrikam.com\"}";
        assert_eq!(raw(latin1), Err(Unresolved::Malformed));
        let utf16: Vec<u8> = INVITATION.iter().flat_map(|&byte| [byte, 0]).collect();
        assert_eq!(raw(&utf16), Err(Unresolved::Malformed));
    }

    #[test]
    fn a_body_in_another_encoding_than_we_read_names_nobody() {
        let read = |name: &'static str, value: &'static [u8]| {
            let mut http = Http { body: Body { raw: INVITATION, ..Body::default() }, ..Http::default() };
            http.add_header(name.as_bytes(), value);
            domain(http.body).map(|domain| domain.to_string())
        };
        for (name, value) in [
            ("content-type", "application/json"),
            ("content-type", "application/json; charset=utf-8"),
            ("Content-Type", "application/json;odata.metadata=minimal; Charset = \"UTF-8\""),
            ("content-encoding", "identity"),
            ("content-encoding", ""),
        ] {
            assert_eq!(read(name, value.as_bytes()).as_deref(), Ok("fabrikam.com"), "{value}");
        }
        for (name, value) in [
            ("content-type", "application/json; charset=utf-7"),
            ("content-type", "application/json; charset=utf-8; charset=utf-16"),
            ("content-type", "application/json; charset"),
            ("content-type", "application/json; charset*=utf-8''utf-7"),
            ("content-encoding", "gzip"),
            ("Content-Encoding", "identity, br"),
        ] {
            assert_eq!(read(name, value.as_bytes()), Err(Unresolved::Malformed), "{value}");
        }
    }

    #[test]
    fn why_nobody_is_named_is_told() {
        for (body, why) in [
            ("[]", Unresolved::Malformed),
            ("{}", Unresolved::Missing),
            (r#"{"invitedUserEmailAddress": null}"#, Unresolved::Missing),
            (r#"{"invitedUserEmailAddress": "kim"}"#, Unresolved::Address),
            (r#"{"INVITEDUSEREMAILADDRESS": "kim@fabrikam.com"}"#, Unresolved::Malformed),
        ] {
            assert_eq!(raw(body.as_bytes()), Err(why), "{body}");
        }
    }
}
