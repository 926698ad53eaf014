//! Keys come, go, and are confined: a verified token holds as long as its key under its name.

use serde_json::json;
use tenantgate::token::{Issuer, KeyRing, KeySet, TokenError, Verified, verify};

use super::{ACCEPTED, SKEW, expectation, one, ring, told};
use crate::forge::{FABRIKAM, KID, NOW, attackers, good, jwks, ours, v2};

fn issuer() -> Issuer {
    ring().sets[0].issuer.as_ref().clone()
}

fn set(document: &[u8]) -> KeySet {
    super::keys(&issuer(), document)
}

/// What becomes of a token that was verified under `before`.
fn after(verified: &Verified, ring: &KeyRing) -> Result<(), TokenError> {
    verified.still_holds(ring, SKEW, NOW)
}

#[test]
fn a_key_that_goes_takes_its_tokens_with_it() {
    let before = set(&ours().jwks(KID));
    let token = good().token();
    let verified = verify(&token, &one(before.clone()), &expectation(), NOW).unwrap();
    let now = |document: &[u8]| one(before.replaced(&issuer(), document, i64::MAX).unwrap());

    assert_eq!(after(&verified, &now(&ours().jwks(KID))), Ok(()), "the same key again");
    let both = now(&jwks(&[attackers().jwk("next"), ours().jwk(KID)]));
    assert_eq!(after(&verified, &both), Ok(()), "another key beside it");

    let mut confined = ours().jwk(KID);
    confined["issuer"] = v2(FABRIKAM).into();
    let mut confined_to_all = ours().jwk(KID);
    confined_to_all["issuer"] = v2("{tenantid}").into();
    let gone = [
        ("removed", now(&attackers().jwks("next")), "token_key_unknown"),
        ("renamed", now(&ours().jwks("next")), "token_key_unknown"),
        ("replaced under its name", now(&attackers().jwks(KID)), "token_signature"),
        ("confined to another tenant", now(&jwks(&[confined])), "token_key_unknown"),
        ("confined to every tenant", now(&jwks(&[confined_to_all])), ACCEPTED),
    ];
    for (name, ring, fresh) in gone {
        assert_eq!(after(&verified, &ring), Err(TokenError::KeyUnknown), "{name}");
        assert_eq!(told(&verify(&token, &ring, &expectation(), NOW)), fresh, "{name}");
    }
}

#[test]
fn a_key_set_that_cannot_be_read_changes_nothing() {
    let before = set(&ours().jwks(KID));
    for document in [&b"{}"[..], b"<html>", b"{\"keys\":[]}", b""] {
        assert!(before.replaced(&issuer(), document, i64::MAX).is_err());
    }
    let verified = verify(&good().token(), &one(before.clone()), &expectation(), NOW).unwrap();
    assert_eq!(after(&verified, &one(before)), Ok(()));
}

#[test]
fn keys_are_believed_until_their_time_is_over() {
    let until = NOW + 10;
    let set = KeySet::unknown(issuer()).replaced(&issuer(), &ours().jwks(KID), until).unwrap();
    let ring = one(set.clone());
    let token = good().token();
    let verified = verify(&token, &ring, &expectation(), NOW).unwrap();
    for (now, expected) in [
        (until - 1, Ok(())),
        (until, Err(TokenError::KeysUnavailable)),
        (until + 1, Err(TokenError::KeysUnavailable)),
    ] {
        assert_eq!(verified.still_holds(&ring, SKEW, now), expected);
        assert_eq!(verify(&token, &ring, &expectation(), now).map(|_| ()), expected);
    }
    let longer = one(set.believed_until(until + 10));
    assert_eq!(verified.still_holds(&longer, SKEW, until), Ok(()), "found unchanged");
}

#[test]
fn keys_never_fetched_are_unavailable_and_none_at_all_are_unknown() {
    let outcome = |set| told(&verify(&good().token(), &one(set), &expectation(), NOW));
    assert_eq!(outcome(KeySet::unknown(issuer())), "keys_unavailable");
    assert_eq!(outcome(KeySet::empty(issuer())), "token_key_unknown");
    let nobody = KeyRing { sets: Box::default() };
    assert_eq!(told(&verify(&good().token(), &nobody, &expectation(), NOW)), "token_issuer");
}

#[test]
fn another_issuers_keys_in_the_same_place_are_no_keys_of_this_one() {
    let before = set(&ours().jwks(KID));
    let verified = verify(&good().token(), &one(before.clone()), &expectation(), NOW).unwrap();
    let other = ring().sets[1].issuer.as_ref().clone();
    let moved = one(before.replaced(&other, &ours().jwks(KID), i64::MAX).unwrap());
    assert_eq!(after(&verified, &moved), Err(TokenError::KeyUnknown));
    assert_eq!(after(&verified, &KeyRing { sets: Box::default() }), Err(TokenError::KeysUnavailable));
}

#[test]
fn a_key_that_becomes_weak_or_private_is_not_kept() {
    let before = set(&ours().jwks(KID));
    let verified = verify(&good().token(), &one(before.clone()), &expectation(), NOW).unwrap();
    let mut for_encryption = ours().jwk(KID);
    for_encryption["use"] = json!("enc");
    let document = jwks(&[for_encryption, attackers().jwk("next")]);
    let ring = one(before.replaced(&issuer(), &document, i64::MAX).unwrap());
    assert_eq!(after(&verified, &ring), Err(TokenError::KeyUnknown));
}
