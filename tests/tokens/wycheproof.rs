//! Wycheproof's vectors for JOSE: signatures, keys, and both together. Their payloads hold no claims, so what they
//! say is held against envelope, algorithm, key and signature; as tokens, all of them are refused.

use serde_json::{Value, json};
use tenantgate::engine::Reason;
use tenantgate::token::{JwksError, KeyRing, KeySet, signed_by, verify};
use wycheproof_ng_kdf_jose::json_web::{Test, TestGroup, TestName, TestSet};

use crate::catalogue::{ACCEPTED, expectation, ring};
use crate::forge::NOW;

/// Vectors that Wycheproof calls valid and we refuse, with the word for it. RS256 is all that Entra signs with.
type Differences = &'static [(&'static str, &'static [usize])];

const SIGNATURES: Differences = &[
    // HS*, ES*, RS384, RS512, PS*: whatever key would fit.
    (
        "token_algorithm",
        &[
            1, 18, 264, 265, 266, 267, 268, 269, 270, 271, 272, 273, 274, 275, 287, 288, 320, 321, 322, 323,
            325, 326, 327, 328, 346, 347, 348, 350, 351, 352, 357, 358, 359, 376, 377, 378,
        ],
    ),
    // A question mark inside base64url, which they would skip.
    ("token_malformed", &[372, 373]),
];
const KEYS: Differences = &[("token_algorithm", &[2, 13, 14, 15])];
const BOTH: Differences = &[("token_algorithm", &[1, 18, 48])];

#[test]
fn signatures_are_judged_as_wycheproof_judges_them() {
    let accepted = judged(TestName::JsonWebSignature, SIGNATURES);
    assert_eq!(accepted, [33, 259, 260, 261, 262, 263, 345, 349]);
}

#[test]
fn keys_are_admitted_as_wycheproof_admits_them() {
    let accepted = judged(TestName::JsonWebKey, KEYS);
    assert_eq!(accepted, [5]);
}

#[test]
fn keys_and_signatures_together_are_judged_as_wycheproof_judges_them() {
    let accepted = judged(TestName::JsonWebCrypto, BOTH);
    assert_eq!(accepted, [33]);
}

#[test]
fn an_encrypted_token_is_malformed() {
    for (group, test) in vectors(TestName::JsonWebEncryption) {
        let told = told(&group, &text(test.jwe.as_ref().unwrap()));
        assert_eq!(told, "token_malformed", "{}: {}", test.tc_id, test.comment);
    }
}

#[test]
fn a_weak_key_is_refused_before_it_verifies_anything() {
    let refused = [
        ("jws_rsa_roca_key", "a modulus of the flawed generator"),
        ("keysize_too_small", "1024 bits"),
        ("exponentOne", "e = 1"),
        ("wrong_kty", "a curve's point as an RSA key"),
    ];
    for (name, why) in refused {
        let groups: Vec<_> = set(TestName::JsonWebKey)
            .test_groups
            .into_iter()
            .filter(|group| group.group_comment == name)
            .collect();
        assert!(!groups.is_empty(), "{name} is gone");
        for group in groups {
            assert_eq!(admitted(&group).err(), Some(JwksError::Empty), "{why}");
        }
    }
}

/// Holds every vector of a file against its verdict and against the list of differences; which ones are accepted.
fn judged(name: TestName, differences: Differences) -> Vec<usize> {
    let mut accepted = vec![];
    let mut differing = vec![];
    for (group, test) in vectors(name) {
        let Some(jws) = &test.jws else {
            let told = told(&group, &text(test.jwe.as_ref().unwrap()));
            assert_eq!(told, "token_malformed", "{}: {}", test.tc_id, test.comment);
            continue;
        };
        let told = told(&group, &text(jws));
        match (test.result.must_fail(), told) {
            (true, ACCEPTED) => panic!("{}: {} must be refused", test.tc_id, test.comment),
            (true, _) => {}
            (false, ACCEPTED) => accepted.push(test.tc_id),
            (false, reason) => differing.push((reason, test.tc_id)),
        }
    }
    let listed = differences.iter().flat_map(|(reason, ids)| ids.iter().map(|id| (*reason, *id)));
    let mut listed: Vec<_> = listed.collect();
    listed.sort_unstable();
    differing.sort_unstable();
    assert_eq!(differing, listed, "the list of differences is stale");
    accepted
}

fn told(group: &TestGroup, jws: &str) -> &'static str {
    let issuer = ring().sets[0].issuer.as_ref().clone();
    let keys = admitted(group).unwrap_or_else(|_| KeySet::empty(issuer));
    let signed = signed_by(jws, &keys);
    let as_token = verify(jws, &KeyRing { sets: Box::new([keys]) }, &expectation(), NOW);
    assert!(as_token.is_err(), "claims out of nothing");
    signed.map_or_else(|error| Reason::from(error).word(), |()| ACCEPTED)
}

/// What our reader makes of the group's keys.
fn admitted(group: &TestGroup) -> Result<KeySet, JwksError> {
    let keys = group.public_key.as_ref().or(group.private_key.as_ref()).unwrap();
    let document = if keys.get("keys").is_some() { keys.clone() } else { json!({"keys": [keys]}) };
    let issuer = &ring().sets[0].issuer;
    KeySet::unknown(issuer.as_ref().clone()).replaced(issuer, document.to_string().as_bytes(), i64::MAX)
}

/// A compact token as it is; any other serialization as JSON.
fn text(token: &Value) -> String {
    token.as_str().map_or_else(|| token.to_string(), str::to_owned)
}

fn set(name: TestName) -> TestSet {
    TestSet::load(name).unwrap()
}

fn vectors(name: TestName) -> impl Iterator<Item = (TestGroup, Test)> {
    set(name).test_groups.into_iter().flat_map(|group| {
        let tests = group.tests.clone();
        tests.into_iter().map(move |test| (group.clone(), test))
    })
}
