//! Step *verified*: what is wrong with a token whose signature is fine (interface.md, "Token
//! failures"), and the claims as the later steps use them (§2).

use serde_json::Value;

use super::application;
use super::guid::Guid;
use super::issuer::{self, Home};
use super::model::Stop;
use super::policy;
use super::route::Route;

const TEXTS: [&str; 19] = [
    "iss",
    "tid",
    "idp",
    "oid",
    "sub",
    "aud",
    "azp",
    "appid",
    "idtyp",
    "xms_idrel",
    "xms_trpid",
    "home_oid",
    "email",
    "ver",
    "scp",
    "upn",
    "unique_name",
    "preferred_username",
    "name",
];
const TIMES: [&str; 3] = ["exp", "nbf", "iat"];
const LISTS: [&str; 7] = ["amr", "acrs", "signin_state", "groups", "roles", "wids", "xms_cc"];

/// The last second of the year 9999.
const LAST_TIME: i64 = 253_402_300_799;

pub(crate) struct Token<'a> {
    claims: &'a Value,
    /// T.
    pub(crate) tenant: Guid,
    /// H.
    pub(crate) home: Home,
    pub(crate) relations: Vec<u64>,
    /// The cloud of the configured issuer that this token's `iss` matches.
    pub(crate) issuer_cloud: Option<&'a str>,
    pub(crate) audience: Option<Guid>,
}

impl<'a> Token<'a> {
    /// The failures in their documented order, the first that applies.
    pub(crate) fn verify(
        claims: &'a Value,
        config: &'a Value,
        route: &Route,
        application: Option<Guid>,
        now: i64,
    ) -> Result<Self, Stop> {
        let mut token = Self::read(claims, config).ok_or("token_malformed")?;

        let (tenant, cloud) =
            token.text("iss").and_then(|iss| issuer::issuer(config, iss)).ok_or("token_issuer")?;
        if tenant != token.tenant {
            return Err(Stop::deny("token_issuer"));
        }
        token.issuer_cloud = cloud;
        if token
            .text("ver")
            .is_some_and(|version| !issuer::writes(token.text("iss").unwrap_or_default(), version))
        {
            return Err(Stop::deny("token_issuer"));
        }

        let skew = seconds(config["tokens"]["clock_skew"].as_str().unwrap_or("60s"));
        if token.time("exp").is_none_or(|exp| now >= exp + skew) {
            return Err(Stop::deny("token_expired"));
        }
        if token.time("nbf").is_some_and(|nbf| now < nbf - skew) {
            return Err(Stop::deny("token_not_yet_valid"));
        }

        // §8: in the egress modes the audience is somebody else's resource.
        if route.mode == "inbound" && !token.is_for_us(config) {
            return Err(Stop::deny("token_audience"));
        }
        // §3, A: in every mode, a token for another application than the one reached.
        if let (Some(reached), Some(meant)) = (application, token.audience)
            && reached != meant
        {
            return Err(Stop::deny("token_audience"));
        }
        Ok(token)
    }

    /// `None`: malformed.
    fn read(claims: &'a Value, config: &'a Value) -> Option<Self> {
        if !claims.is_object() || !well_typed(claims) {
            return None;
        }
        let text = |name: &str| claims[name].as_str();
        let tenant = Guid::parse(text("tid")?)?;
        Some(Self {
            claims,
            tenant,
            home: match text("idp") {
                Some(idp) => issuer::home(config, idp)?,
                None => Home::Tenant(tenant),
            },
            relations: relations(text("xms_idrel").unwrap_or_default())?,
            issuer_cloud: None,
            audience: text("aud").and_then(|aud| application::resolve(config, aud)),
        })
    }

    fn is_for_us(&self, config: &Value) -> bool {
        let Some(aud) = self.text("aud") else { return false };
        policy::texts(&config["tokens"]["audiences"])
            .any(|audience| audience == aud || Guid::parse(audience).is_some_and(|audience| audience.is(aud)))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.claims.get(name).is_some()
    }

    pub(crate) fn claim(&self, name: &str) -> &'a Value {
        &self.claims[name]
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.claims[name].as_str()
    }

    /// A claim that is no GUID yields no id.
    pub(crate) fn id(&self, name: &str) -> Option<Guid> {
        Guid::parse(self.text(name)?)
    }

    pub(crate) fn time(&self, name: &str) -> Option<i64> {
        self.claims[name].as_i64()
    }

    pub(crate) fn acct(&self) -> Option<u64> {
        self.claims["acct"].as_u64()
    }

    pub(crate) fn lists(&self, name: &str, item: &str) -> bool {
        policy::texts(&self.claims[name]).any(|each| each == item)
    }

    /// Whether `xms_idrel` has any of these.
    pub(crate) fn is_related(&self, numbers: &[u64]) -> bool {
        self.relations.iter().any(|number| numbers.contains(number))
    }

    /// `xms_cc` has `cp1`, in any case: the client understands challenges (§7).
    pub(crate) fn understands_challenges(&self) -> bool {
        policy::texts(&self.claims["xms_cc"]).any(|each| each.eq_ignore_ascii_case("cp1"))
    }
}

/// Every claim that is there has its type; `null` is a wrong type.
fn well_typed(claims: &Value) -> bool {
    let all = |names: &[&str], right: fn(&Value) -> bool| {
        names.iter().all(|name| claims.get(name).is_none_or(right))
    };
    all(&TEXTS, Value::is_string)
        && claims.get("exp").is_some()
        && all(&TIMES, |value| value.as_i64().is_some_and(|time| (0..=LAST_TIME).contains(&time)))
        && all(&["acct"], Value::is_u64)
        && all(&LISTS, |value| value.as_array().is_some_and(|items| items.iter().all(Value::is_string)))
        && all(&["hasgroups"], Value::is_boolean)
        && all(&["_claim_names"], Value::is_object)
}

/// `xms_idrel`; `None` where a part is no decimal integer.
fn relations(text: &str) -> Option<Vec<u64>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let mut numbers = Vec::new();
    for part in text.split(' ') {
        let digits = part.strip_prefix('-').unwrap_or(part);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // A number too large or too small for any meaning is still an integer.
        numbers.extend(part.parse::<u64>());
    }
    Some(numbers)
}

/// A duration such as `60s`, `5m` or `1h`.
fn seconds(text: &str) -> i64 {
    let (digits, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(digits) if text.ends_with('s') => (digits, 1),
        Some(digits) if text.ends_with('m') => (digits, 60),
        Some(digits) => (digits, 3600),
        None => (text, 1),
    };
    let count = digits.parse::<i64>().ok();
    assert!(count.is_some(), "the reference model does not read the duration {text}");
    count.unwrap_or_default() * unit
}
