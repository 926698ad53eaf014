//! The claims of an Entra access token that a decision reads, v1.0 and v2.0, each with its one type.
//!
//! A claim of another type is refused, not guessed at: `null` is no absence, an `aud` array is no audience.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};

use crate::token::TokenError;
use crate::token::json::{Ignored, Names, Text};

/// The end of the year 9999: what comes later is no date.
const MAX_TIME: u64 = 253_402_300_799;

/// Source of names and types: "Access token claims reference", "Optional claims reference".
#[derive(Default)]
pub(in crate::token) struct Claims<'a> {
    pub(in crate::token) iss: Option<Cow<'a, str>>,
    pub(in crate::token) tid: Option<Cow<'a, str>>,
    pub(in crate::token) idp: Option<Cow<'a, str>>,
    pub(in crate::token) oid: Option<Cow<'a, str>>,
    pub(in crate::token) aud: Option<Cow<'a, str>>,
    pub(in crate::token) azp: Option<Cow<'a, str>>,
    pub(in crate::token) appid: Option<Cow<'a, str>>,
    pub(in crate::token) idtyp: Option<Cow<'a, str>>,
    pub(in crate::token) ver: Option<Cow<'a, str>>,
    pub(in crate::token) email: Option<Cow<'a, str>>,
    pub(in crate::token) home_oid: Option<Cow<'a, str>>,
    pub(in crate::token) xms_idrel: Option<Cow<'a, str>>,
    pub(in crate::token) xms_trpid: Option<Cow<'a, str>>,
    pub(in crate::token) acct: Option<u64>,
    pub(in crate::token) exp: Option<i64>,
    pub(in crate::token) nbf: Option<i64>,
    pub(in crate::token) iat: Option<i64>,
    pub(in crate::token) amr: Option<Vec<Cow<'a, str>>>,
    pub(in crate::token) acrs: Option<Vec<Cow<'a, str>>>,
    pub(in crate::token) signin_state: Option<Vec<Cow<'a, str>>>,
    pub(in crate::token) groups: Option<Vec<Cow<'a, str>>>,
    pub(in crate::token) wids: Option<Vec<Cow<'a, str>>>,
    pub(in crate::token) xms_cc: Option<Vec<Cow<'a, str>>>,
    /// `hasgroups`, or `_claim_names.groups`: the groups are elsewhere.
    pub(in crate::token) groups_elsewhere: bool,
    pub(in crate::token) roles: bool,
    /// `scp`, or one of the claims that only a user has.
    pub(in crate::token) of_user: bool,
}

impl<'a> Claims<'a> {
    pub(in crate::token) fn read(payload: &'a [u8]) -> Result<Self, TokenError> {
        let mut at = "the payload";
        // Once for all, not for each of its strings.
        let payload = std::str::from_utf8(payload).map_err(|_| TokenError::Malformed(at))?;
        let mut deserializer = serde_json::Deserializer::from_str(payload);
        ReadClaims { at: &mut at }
            .deserialize(&mut deserializer)
            .and_then(|claims| deserializer.end().map(|()| claims))
            .map_err(|_| TokenError::Malformed(at))
    }
}

/// Keeps the name of the claim being read, which is all that an error may say.
struct ReadClaims<'s> {
    at: &'s mut &'static str,
}

impl<'de> DeserializeSeed<'de> for ReadClaims<'_> {
    type Value = Claims<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Claims<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ReadClaims<'_> {
    type Value = Claims<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Claims<'de>, A::Error> {
        let mut claims = Claims::default();
        let mut names = Names::default();
        macro_rules! claim {
            ($name:literal, $field:ident, $read:expr) => {{
                *self.at = $name;
                // A claim that is kept tells by itself that it came before.
                if claims.$field.replace($read).is_some() {
                    return Err(de::Error::custom("duplicate member"));
                }
            }};
        }
        while let Some(Text(name)) = object.next_key()? {
            match &*name {
                "iss" => claim!("iss", iss, text(&mut object)?),
                "tid" => claim!("tid", tid, text(&mut object)?),
                "idp" => claim!("idp", idp, text(&mut object)?),
                "oid" => claim!("oid", oid, text(&mut object)?),
                "aud" => claim!("aud", aud, text(&mut object)?),
                "azp" => claim!("azp", azp, text(&mut object)?),
                "appid" => claim!("appid", appid, text(&mut object)?),
                "idtyp" => claim!("idtyp", idtyp, text(&mut object)?),
                "ver" => claim!("ver", ver, text(&mut object)?),
                "home_oid" => claim!("home_oid", home_oid, text(&mut object)?),
                "xms_idrel" => claim!("xms_idrel", xms_idrel, text(&mut object)?),
                "xms_trpid" => claim!("xms_trpid", xms_trpid, text(&mut object)?),
                "email" => {
                    claim!("email", email, text(&mut object)?);
                    claims.of_user = true;
                }
                "acct" => {
                    claim!("acct", acct, object.next_value()?);
                    claims.of_user = true;
                }
                "amr" => {
                    claim!("amr", amr, texts(&mut object)?);
                    claims.of_user = true;
                }
                "exp" => claim!("exp", exp, time(&mut object)?),
                "nbf" => claim!("nbf", nbf, time(&mut object)?),
                "iat" => claim!("iat", iat, time(&mut object)?),
                "acrs" => claim!("acrs", acrs, texts(&mut object)?),
                "signin_state" => claim!("signin_state", signin_state, texts(&mut object)?),
                "groups" => claim!("groups", groups, texts(&mut object)?),
                "wids" => claim!("wids", wids, texts(&mut object)?),
                "xms_cc" => claim!("xms_cc", xms_cc, texts(&mut object)?),
                _ => {
                    *self.at = "a claim";
                    claims.read_other(&name, &mut object)?;
                    names.add(name);
                }
            }
            *self.at = "the payload";
        }
        *self.at = "duplicate claims";
        names.all_different()?;
        *self.at = "the payload";
        Ok(claims)
    }
}

impl Claims<'_> {
    /// A claim of which no more is kept than that it was there.
    fn read_other<'de, A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        match name {
            "roles" => self.roles = texts(object).map(|_| true)?,
            // Present is enough, whatever it says: a complete list comes without it.
            "hasgroups" => self.groups_elsewhere = object.next_value::<bool>().map(|_| true)?,
            "_claim_names" => self.groups_elsewhere |= object.next_value_seed(NamesGroups)?,
            "scp" | "upn" | "unique_name" | "preferred_username" | "name" => {
                self.of_user = text(object).map(|_| true)?;
            }
            "sub" => drop(text(object)?),
            _ => object.next_value_seed(Ignored::default())?,
        }
        Ok(())
    }
}

fn text<'de, A: MapAccess<'de>>(object: &mut A) -> Result<Cow<'de, str>, A::Error> {
    object.next_value::<Text<'de>>().map(|Text(text)| text)
}

fn texts<'de, A: MapAccess<'de>>(object: &mut A) -> Result<Vec<Cow<'de, str>>, A::Error> {
    let texts = object.next_value::<Vec<Text<'de>>>()?;
    Ok(texts.into_iter().map(|Text(text)| text).collect())
}

fn time<'de, A: MapAccess<'de>>(object: &mut A) -> Result<i64, A::Error> {
    let seconds = object.next_value::<u64>()?;
    i64::try_from(seconds)
        .ok()
        .filter(|_| seconds <= MAX_TIME)
        .ok_or_else(|| de::Error::custom("after the year 9999"))
}

/// Whether `_claim_names`, which must be an object, has `groups`.
struct NamesGroups;

impl<'de> DeserializeSeed<'de> for NamesGroups {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for NamesGroups {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<bool, A::Error> {
        let mut names = Names::default();
        let mut groups = false;
        while let Some(Text(name)) = object.next_key()? {
            groups |= name == "groups";
            names.add(name);
            object.next_value_seed(Ignored::default())?;
        }
        names.all_different()?;
        Ok(groups)
    }
}
