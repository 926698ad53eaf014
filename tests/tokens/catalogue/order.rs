//! Of two faults, the one that interface.md names first is told.

use tenantgate::engine::Reason;
use tenantgate::token::{Credential, KeyRing, KeySet, TokenError, bearer, verify};

use super::{ACCEPTED, MAX_BYTES, SKEW, check, expectation, ring, row, told};
use crate::forge::{Draft, FABRIKAM, KID, NOW, attackers, good, ours, v2};

/// In the order of interface.md, "Token failures".
const FAULTS: [&str; 11] = [
    "token_too_large",
    "token_ambiguous",
    "token_malformed",
    "token_algorithm",
    "token_issuer",
    "keys_unavailable",
    "token_key_unknown",
    "token_signature",
    "token_expired",
    "token_not_yet_valid",
    "token_audience",
];

/// A request with a good token, and what goes wrong with it.
#[derive(Clone)]
struct Request {
    draft: Draft,
    behind: &'static str,
    keys_known: bool,
}

impl Request {
    fn good() -> Self {
        Self { draft: good(), behind: "", keys_known: true }
    }

    fn with(self, fault: &str) -> Self {
        let Self { draft, behind, keys_known } = self;
        let draft = match fault {
            "token_too_large" => draft.claim("x", "x".repeat(MAX_BYTES)),
            "token_ambiguous" => return Self { draft, behind: ",Bearer x", keys_known },
            "token_malformed" => draft.header_text(r#""crit":[]"#),
            "token_algorithm" => draft.header("alg", "HS256"),
            "token_issuer" => draft.claim("iss", v2(FABRIKAM)),
            "keys_unavailable" => return Self { draft, behind, keys_known: false },
            "token_key_unknown" => draft.header("kid", "nobody"),
            "token_signature" => draft.by_attacker(),
            "token_expired" => draft.claim("exp", NOW - SKEW),
            "token_not_yet_valid" => draft.claim("nbf", NOW + SKEW + 1),
            "token_audience" => draft.claim("aud", "api://others"),
            _ => panic!("no such fault"),
        };
        Self { draft, behind, keys_known }
    }

    fn told(&self) -> &'static str {
        let value = format!("Bearer {}{}", self.draft.token(), self.behind);
        let unknown = KeySet::unknown(ring().sets[0].issuer.as_ref().clone());
        let unknown = KeyRing { sets: Box::new([unknown]) };
        let ring = if self.keys_known { ring() } else { &unknown };
        match bearer(Credential::One(value.as_bytes()), MAX_BYTES) {
            Ok(token) => told(&verify(token, ring, &expectation(), NOW)),
            Err(error) => Reason::from(error).word(),
        }
    }
}

#[test]
fn each_fault_is_told_by_its_name() {
    assert_eq!(Request::good().told(), ACCEPTED);
    for fault in FAULTS {
        assert_eq!(Request::good().with(fault).told(), fault);
    }
}

#[test]
fn of_any_two_faults_the_first_is_told() {
    for (place, first) in FAULTS.iter().enumerate() {
        for second in &FAULTS[place + 1..] {
            assert_eq!(Request::good().with(first).with(second).told(), *first, "with {second}");
        }
    }
}

#[test]
fn of_all_faults_at_once_each_is_told_when_those_before_it_are_mended() {
    for (place, first) in FAULTS.iter().enumerate() {
        let request = FAULTS[place..].iter().fold(Request::good(), |request, fault| request.with(fault));
        assert_eq!(request.told(), *first);
    }
}

#[test]
fn malformed_claims_are_told_before_anything_that_needs_a_key() {
    let faulty = good().header("alg", "none").header("kid", "nobody").claim("iss", "x").claim("exp", 0);
    let unsigned = faulty.signed(|_| vec![]);
    let claims = [("tid", "x"), ("exp", "x"), ("idp", ""), ("xms_idrel", "x"), ("acct", "x")];
    check(claims.map(|(name, value)| row(name, unsigned.clone().claim(name, value), "token_malformed")));
}

#[test]
fn an_unknown_key_is_reported_only_where_the_issuer_might_have_it() {
    let asked = |draft: Draft| {
        let mut asked = vec![];
        let token = draft.token();
        let read =
            tenantgate::token::Presented::read(&token, ring(), &expectation(), NOW, |set| asked.push(set));
        (read.map(|_| ()), asked)
    };
    assert_eq!(asked(good()), (Ok(()), vec![]));
    assert_eq!(asked(good().header("kid", "nobody")), (Err(TokenError::KeyUnknown), vec![0]));
    assert_eq!(asked(good().without_header("kid")), (Err(TokenError::KeyUnknown), vec![0]));
    assert_eq!(asked(good().header("kid", "nobody").claim("iss", "x")), (Err(TokenError::Issuer), vec![]));
    assert_eq!(
        asked(good().header("kid", "nobody").header("alg", "none")),
        (Err(TokenError::Algorithm), vec![])
    );
    // A key that is known and confined to others is no reason to fetch.
    let mut confined = ours().jwk(KID);
    confined["issuer"] = v2(FABRIKAM).into();
    let set = super::keys(&ring().sets[0].issuer, &crate::forge::jwks(&[confined, attackers().jwk("x")]));
    let ring = super::one(set);
    let mut asked = vec![];
    let token = good().token();
    let read = tenantgate::token::Presented::read(&token, &ring, &expectation(), NOW, |set| asked.push(set));
    assert_eq!((read.err(), asked), (Some(TokenError::KeyUnknown), vec![]));
}
