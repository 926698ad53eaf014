//! The catalogue of attacks: each row has a name, a token and the one word that it must be answered with.

mod algorithm;
mod audiences;
mod credential;
mod duplicates;
mod encoding;
mod guids;
mod header;
mod issuers;
mod json;
mod jwks;
mod order;
mod rollover;
mod scope;
mod signature;
mod sizes;
mod structure;
mod times;

use std::sync::{Arc, LazyLock};

use tenantgate::engine::Reason;
use tenantgate::id::{Applications, Cloud};
use tenantgate::token::{
    Expectation, Issuer, IssuerTemplate, KeyRing, KeySet, TokenError, Verified, entra_issuers, verify,
};

use crate::forge::{KID, NOW, attackers, ours};

/// What a good token is told, beside the reasons.
pub(crate) const ACCEPTED: &str = "accepted";
pub(crate) const SKEW: i64 = 60;
/// The default of `tokens.max_bytes`.
pub(crate) const MAX_BYTES: usize = 16384;

/// One attack.
struct Row {
    name: String,
    token: String,
    expected: &'static str,
}

fn row(name: impl Into<String>, token: impl Into<String>, expected: &'static str) -> Row {
    Row { name: name.into(), token: token.into(), expected }
}

/// Every row against the usual keys; tells all that differ at once, and no token.
fn check(rows: impl IntoIterator<Item = Row>) {
    check_against(rows, ring(), &expectation());
}

fn check_against(rows: impl IntoIterator<Item = Row>, ring: &KeyRing, expected: &Expectation) {
    let mut wrong = Vec::new();
    for row in rows {
        let told = told(&verify(&row.token, ring, expected, NOW));
        if told != row.expected {
            wrong.push(format!("{}: expected {}, was {told}", row.name, row.expected));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The word for an outcome, in the mode where the audience counts.
pub(crate) fn told(outcome: &Result<Verified, TokenError>) -> &'static str {
    match outcome {
        Ok(verified) if verified.identity().audience.accepted => ACCEPTED,
        Ok(_) => Reason::from(TokenError::Audience).word(),
        Err(error) => Reason::from(*error).word(),
    }
}

/// How it is at `now`.
fn told_at(token: &str, now: i64) -> &'static str {
    told(&verify(token, ring(), &expectation(), now))
}

pub(crate) fn expectation() -> Expectation {
    let api = "11111111-2222-3333-4444-555555555555";
    Expectation {
        audiences: Box::new(["api://orders".into(), "abcdef00-2222-3333-4444-555555555555".into()]),
        skew: SKEW,
        max_bytes: MAX_BYTES,
        applications: Arc::new(Applications::new([("api://orders".into(), api.parse().unwrap())])),
    }
}

fn issuer(template: &str, cloud: Cloud) -> Issuer {
    Issuer { template: IssuerTemplate::parse(template).unwrap(), cloud }
}

/// The issuers of the commercial cloud and one beside Entra, which sign with our key; that of US Government has
/// another.
pub(crate) fn ring() -> &'static KeyRing {
    static RING: LazyLock<KeyRing> = LazyLock::new(|| {
        let [(v2, _), (v1, _)] = entra_issuers(Cloud::Commercial);
        let [(government, _), _] = entra_issuers(Cloud::UsGovernment);
        let ours = ours().jwks(KID);
        let theirs = attackers().jwks("theirs");
        let sets = [
            keys(&v2, &ours),
            keys(&v1, &ours),
            keys(&government, &theirs),
            keys(&issuer("https://issuer.example/{tenantid}/v2.0", Cloud::Commercial), &ours),
        ];
        KeyRing { sets: Box::new(sets) }
    });
    &RING
}

/// The keys of `issuer`, believed for ever.
fn keys(issuer: &Issuer, document: &[u8]) -> KeySet {
    KeySet::unknown(issuer.clone()).replaced(issuer, document, i64::MAX).unwrap()
}

fn one(set: KeySet) -> KeyRing {
    KeyRing { sets: Box::new([set]) }
}
