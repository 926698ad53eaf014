//! 200,000 tokens against jsonwebtoken, as strict as it can be told to be: what we accept, it accepts too.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::Value;
use tenantgate::token::verify;

use crate::catalogue::{ACCEPTED, SKEW, expectation, ring, told};
use crate::forge::{FABRIKAM, KID, TENANT, encode, ours, v1, v2};

mod mutation;

/// Tokens that are signed; each is then damaged in many ways.
const SIGNED: usize = 8000;
/// How often each signed token is damaged.
const DAMAGED: usize = 24;
const THREADS: usize = 2;

/// What both said, and how often.
type Tally = BTreeMap<(&'static str, bool), usize>;

#[test]
fn what_we_accept_a_strict_verifier_accepts_too() {
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || compare(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let count = |ours: &str, theirs: bool| -> usize {
        tallies.iter().filter_map(|tally| tally.get(&(word(ours), theirs))).sum()
    };
    let all: usize = tallies.iter().flat_map(BTreeMap::values).sum();
    assert_eq!(all, SIGNED * (1 + DAMAGED));
    // Enough of both, or nothing was compared.
    assert!(count(ACCEPTED, true) >= SIGNED / 8, "{tallies:?}");
    for refused in ["token_malformed", "token_algorithm", "token_key_unknown", "token_signature"] {
        assert!(count(refused, false) >= 100, "{refused}: {tallies:?}");
    }
    for refused in ["token_issuer", "token_expired", "token_not_yet_valid", "token_audience"] {
        assert!(count(refused, false) >= 10, "{refused}: {tallies:?}");
    }
    // Where we are the stricter one: `crit`, `typ`, duplicates, arrays, floats; and at `exp` + skew to the second.
    assert!(count("token_malformed", true) >= 100, "{tallies:?}");
    assert!(count("token_expired", true) >= 10, "{tallies:?}");
}

fn compare(thread: usize) -> Tally {
    let seed = [u8::try_from(thread).unwrap(); 32];
    let mut dice = mutation::Dice::new(TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let theirs = Theirs::new();
    let mut tally = Tally::new();
    let mut judge = |token: &str, how: &[&str]| {
        let (ours, theirs) = theirs.beside_ours(token);
        assert!(ours != ACCEPTED || theirs, "we accept what jsonwebtoken refuses: {how:?}");
        *tally.entry((ours, theirs)).or_default() += 1;
    };
    for _ in 0..SIGNED / THREADS {
        let (draft, how) = mutation::signed(&mut dice, unix_now());
        let token = draft.token();
        judge(&token, &how);
        for _ in 0..DAMAGED {
            let (damaged, damage) = mutation::damaged(&mut dice, &token);
            judge(&damaged, &[&how[..], &[damage]].concat());
        }
    }
    tally
}

/// jsonwebtoken, with every check that it has.
struct Theirs {
    key: DecodingKey,
    validation: Validation,
}

impl Theirs {
    fn new() -> Self {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = SKEW.unsigned_abs();
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        let guid = "abcdef00-2222-3333-4444-555555555555";
        validation.set_audience(&["api://orders", guid, &guid.to_uppercase()]);
        let tenants = [TENANT, FABRIKAM].map(|tenant| [tenant.to_owned(), tenant.to_uppercase()]).concat();
        let issuers: Vec<_> = tenants.iter().flat_map(|tenant| [v1(tenant), v2(tenant)]).collect();
        validation.set_issuer(&issuers);
        let key =
            DecodingKey::from_rsa_components(&encode(ours().modulus()), &encode(ours().exponent())).unwrap();
        Self { key, validation }
    }

    /// What we say, and whether they accept, at one and the same second.
    fn beside_ours(&self, token: &str) -> (&'static str, bool) {
        loop {
            let now = unix_now();
            let ours = told(&verify(token, ring(), &expectation(), now));
            let theirs = self.accepts(token);
            if unix_now() == now {
                return (ours, theirs);
            }
        }
    }

    /// What jsonwebtoken leaves to its users is done as they would: the key by its id, the tenant by its issuer.
    fn accepts(&self, token: &str) -> bool {
        let Ok(decoded) = jsonwebtoken::decode::<Value>(token, &self.key, &self.validation) else {
            return false;
        };
        let issuer_is_of_tenant = decoded.claims["tid"].as_str().is_some_and(|tid| {
            let issuers = [v1(tid), v2(tid)];
            decoded.claims["iss"]
                .as_str()
                .is_none_or(|iss| issuers.iter().any(|own| own.eq_ignore_ascii_case(iss)))
        });
        decoded.header.kid.as_deref() == Some(KID) && issuer_is_of_tenant
    }
}

/// The word as the tally has it.
fn word(word: &str) -> &'static str {
    tenantgate::engine::Reason::ALL
        .iter()
        .map(|reason| reason.word())
        .find(|known| *known == word)
        .unwrap_or(ACCEPTED)
}

#[expect(clippy::disallowed_methods, reason = "jsonwebtoken reads the clock, so must we")]
fn unix_now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}
