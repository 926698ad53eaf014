//! Revocation: tokens from before a moment that the tenant named (§14).

use serde_json::Value;

use super::guid::Guid;
use super::issuer::Home;
use super::model::{Facts, Stop};
use super::policy;
use super::principal;

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), Stop> {
    let issued = facts.token.time("iat").unwrap_or(0);
    let revocations = policy::items(&facts.local["revocations"]).filter(|entry| concerns(entry, facts));
    let moments = revocations.filter_map(|entry| unix(entry["notBefore"].as_str()?));
    // A token from before the latest of them would be stopped again.
    let Some(before) = moments.filter(|before| issued < *before).max() else { return Ok(()) };
    let claim = format!(r#""nbf":{{"essential":true,"value":"{before}"}}"#);
    Err(facts.challenge_without_context("session_revoked", &claim))
}

/// A user is known in the tenant that issued the token by `oid`, at home by the home id. One who is not known, or by
/// two ids, may be the one: unknown means no, and a fresh token settles it.
fn concerns(entry: &Value, facts: &Facts<'_>) -> bool {
    let Some(tenant) = entry["tenant"].as_str().and_then(Guid::parse) else { return false };
    let issued = tenant == facts.token.tenant;
    let homed = Home::Tenant(tenant) == facts.token.home;
    let Some(user) = entry["user"].as_str() else { return issued || homed };
    if issued {
        facts.token.id("oid").is_none_or(|oid| oid.is(user))
    } else {
        let known = principal::home_ids(facts);
        homed
            && !matches!(&known[..], [id, rest @ ..] if !id.is(user) && rest.iter().all(|other| other == id))
    }
}

/// Seconds since 1970 of `YYYY-MM-DDThh:mm:ssZ`.
fn unix(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, separator| -> Option<[i64; 3]> {
        let parts: Result<Vec<i64>, _> = text.split(separator).map(str::parse).collect();
        parts.ok()?.try_into().ok()
    };
    let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?, numbers(time, ':')?);
    // Years are counted from March, so that the leap day is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    Some((days - 719_469) * 86_400 + hour * 3600 + minute * 60 + second)
}
