//! What a key set may hold, and what makes it no key set at all.

use serde_json::{Value, json};
use tenantgate::token::{JwksError, KeySet};

use super::{expectation, ring, told};
use crate::forge::{KID, NOW, encode, good, jwks, ours};

/// The keys of these names that are admitted from such a document.
fn admitted(document: &[u8], kids: &[&str]) -> Result<Vec<String>, JwksError> {
    let issuer = ring().sets[0].issuer.as_ref().clone();
    let set = KeySet::unknown(issuer.clone()).replaced(&issuer, document, i64::MAX)?;
    Ok(kids.iter().filter(|kid| set.key(kid).is_some()).map(|&kid| kid.to_owned()).collect())
}

/// Our key under the name `x`, with members changed; null removes.
fn like_ours(changes: &[(&str, Value)]) -> Value {
    let mut jwk = ours().jwk("x");
    let members = jwk.as_object_mut().unwrap();
    for (name, value) in changes {
        if value.is_null() {
            members.remove(*name);
        } else {
            members.insert((*name).to_owned(), value.clone());
        }
    }
    jwk
}

fn number(bytes: &[u8]) -> Value {
    encode(bytes).into()
}

#[test]
fn a_key_for_rs256_signatures_is_admitted() {
    let good = [
        vec![],
        vec![("use", Value::Null)],
        vec![("alg", Value::Null)],
        vec![("use", Value::Null), ("key_ops", json!(["verify"]))],
        vec![("key_ops", json!(["sign", "verify"]))],
        vec![("x5t", json!("AAAA")), ("x5c", json!(["AAAA"])), ("cloud_instance_name", json!("x"))],
        vec![("e", number(&[3]))],
        vec![("e", number(&[1, 0, 1]))],
        vec![("n", number(&[&[0x81][..], &[0xc1; 510], &[1]].concat()))],
    ];
    for changes in good {
        let key = like_ours(&changes);
        assert_eq!(admitted(&jwks(&[key]), &["x"]), Ok(vec!["x".to_owned()]), "{changes:?}");
    }
}

#[test]
fn a_key_for_anything_else_or_of_no_strength_is_passed_over() {
    let modulus = ours().modulus();
    let even = [&modulus[..255], &[modulus[255] & 0xfe]].concat();
    let leading_zero = [&[0][..], &modulus].concat();
    let refused = [
        ("use=enc", vec![("use", json!("enc"))]),
        ("use=SIG", vec![("use", json!("SIG"))]),
        ("an empty use", vec![("use", json!(""))]),
        ("alg=RS512", vec![("alg", json!("RS512"))]),
        ("alg=PS256", vec![("alg", json!("PS256"))]),
        ("alg=HS256", vec![("alg", json!("HS256"))]),
        ("alg=none", vec![("alg", json!("none"))]),
        ("alg=rs256", vec![("alg", json!("rs256"))]),
        ("alg=RSA-OAEP", vec![("alg", json!("RSA-OAEP"))]),
        ("key_ops without verify", vec![("key_ops", json!(["encrypt", "sign"]))]),
        ("no key_ops", vec![("key_ops", json!([]))]),
        ("kty=oct", vec![("kty", json!("oct")), ("k", json!("AAAA"))]),
        ("kty=EC", vec![("kty", json!("EC"))]),
        ("kty=rsa", vec![("kty", json!("rsa"))]),
        ("no kid", vec![("kid", Value::Null)]),
        ("no n", vec![("n", Value::Null)]),
        ("no e", vec![("e", Value::Null)]),
        ("an empty n", vec![("n", json!(""))]),
        ("an empty e", vec![("e", json!(""))]),
        ("1024 bits", vec![("n", number(&modulus[128..]))]),
        ("1024 bits, padded to 2048", vec![("n", number(&[&[0; 128][..], &odd(&modulus[128..])].concat()))]),
        ("1024 bits, padded to 4096", vec![("n", number(&[&[0; 384][..], &odd(&modulus[128..])].concat()))]),
        ("2047 bits", vec![("n", number(&[&[modulus[0] >> 1][..], &modulus[1..]].concat()))]),
        ("2040 bits", vec![("n", number(&odd(&modulus[1..])))]),
        ("16384 bits", vec![("n", number(&[&[0x81][..], &[0xc1; 2046], &[1]].concat()))]),
        ("a zero before n", vec![("n", number(&leading_zero))]),
        ("an even modulus", vec![("n", number(&even))]),
        ("a modulus of zeros", vec![("n", number(&[0; 256]))]),
        ("a modulus with padding", vec![("n", json!(format!("{}==", encode(&modulus))))]),
        (
            "a modulus in hex",
            vec![("n", json!("c1".repeat(256)))].into_iter().chain([("e", json!("AQAC"))]).collect(),
        ),
        ("a modulus of the flawed generator", vec![("n", number(&power_of_65537()))]),
        ("e=0", vec![("e", number(&[0]))]),
        ("e=1", vec![("e", number(&[1]))]),
        ("e=1, padded", vec![("e", number(&[0, 0, 1]))]),
        ("e=2", vec![("e", number(&[2]))]),
        ("e=65536", vec![("e", number(&[1, 0, 0]))]),
        ("e=65538", vec![("e", number(&[1, 0, 2]))]),
        ("e beyond 32 bits", vec![("e", number(&[1, 0, 0, 0, 1]))]),
        ("e as long as n", vec![("e", number(&odd(&modulus)))]),
        ("e no base64", vec![("e", json!("AQ AB"))]),
    ];
    for (name, changes) in refused {
        let key = like_ours(&changes);
        assert_eq!(
            admitted(&jwks(std::slice::from_ref(&key)), &["x"]),
            Err(JwksError::Empty),
            "{name}, alone"
        );
        let beside = jwks(&[key, ours().jwk(KID)]);
        assert_eq!(admitted(&beside, &["x", KID]), Ok(vec![KID.to_owned()]), "{name}, beside ours");
    }
}

#[test]
fn a_document_that_is_no_set_of_ours_is_refused_whole() {
    let key = ours().jwk(KID);
    let text = |value: Value| value.to_string().into_bytes();
    let many = |count: usize| {
        let keys: Vec<_> = (0..count).map(|kid| json!({"kty": "EC", "kid": kid.to_string()})).collect();
        jwks(&[keys, vec![key.clone()]].concat())
    };
    let with = |changes: &[(&str, Value)]| jwks(&[key.clone(), like_ours(changes)]);
    let documents = [
        ("nothing", vec![], JwksError::Unreadable),
        ("HTML", b"<!doctype html><title>503</title>".to_vec(), JwksError::Unreadable),
        ("an object without keys", b"{}".to_vec(), JwksError::Unreadable),
        ("null", b"null".to_vec(), JwksError::Unreadable),
        ("an array", text(json!([key])), JwksError::Unreadable),
        ("a key alone", text(key.clone()), JwksError::Unreadable),
        ("keys that are null", text(json!({"keys": null})), JwksError::Unreadable),
        ("keys that are an object", text(json!({"keys": {"x": key}})), JwksError::Unreadable),
        ("a key that is a text", text(json!({"keys": [key, "x"]})), JwksError::Unreadable),
        ("a set cut short", ours().jwks(KID)[..200].to_vec(), JwksError::Unreadable),
        ("something behind the set", [&ours().jwks(KID)[..], b"x"].concat(), JwksError::Unreadable),
        ("a byte order mark", [b"\xef\xbb\xbf", &ours().jwks(KID)[..]].concat(), JwksError::Unreadable),
        ("bytes that are no UTF-8", b"{\"keys\":[{\"kty\":\"\xff\"}]}".to_vec(), JwksError::Unreadable),
        ("keys twice", [b"{\"keys\":[],", &ours().jwks(KID)[1..]].concat(), JwksError::Unreadable),
        ("a kid that is a number", with(&[("kid", json!(5))]), JwksError::Unreadable),
        ("no keys", b"{\"keys\":[]}".to_vec(), JwksError::Empty),
        ("a private key", with(&[("d", json!("AAAA"))]), JwksError::Private),
        ("a private key of no text", with(&[("d", json!(5))]), JwksError::Private),
        (
            "a private key for another use",
            with(&[("use", json!("enc")), ("d", json!("AAAA"))]),
            JwksError::Private,
        ),
        ("a private key of a curve", with(&[("kty", json!("EC")), ("d", json!("AAAA"))]), JwksError::Private),
        ("a kid twice", with(&[("kid", json!(KID))]), JwksError::RepeatedKid),
        ("1,001 keys", many(1000), JwksError::TooMany),
    ];
    for (name, document, expected) in documents {
        assert_eq!(admitted(&document, &[KID]), Err(expected), "{name}");
    }
    assert_eq!(admitted(&many(999), &[KID]), Ok(vec![KID.to_owned()]), "1,000 keys");
}

#[test]
fn a_key_that_was_passed_over_verifies_nothing() {
    let set =
        super::keys(&ring().sets[0].issuer, &jwks(&[like_ours(&[("use", json!("enc"))]), ours().jwk(KID)]));
    let ring = super::one(set);
    let outcome = |kid: &str| {
        let token = good().header("kid", kid).token();
        told(&tenantgate::token::verify(&token, &ring, &expectation(), NOW))
    };
    assert_eq!(outcome(KID), super::ACCEPTED);
    assert_eq!(outcome("x"), "token_key_unknown");
}

fn odd(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    *bytes.last_mut().unwrap() |= 1;
    bytes
}

/// 65537^n of 2048 bits or a little more: what the generator of CVE-2017-15361 makes has its fingerprint.
fn power_of_65537() -> Vec<u8> {
    let mut number = vec![1_u8];
    while number.len() < 257 {
        // Times 65536, and once more itself.
        let shifted = [&number[..], &[0, 0]].concat();
        let mut carry = 0_u16;
        let mut sum = Vec::new();
        for place in 0..shifted.len() {
            let low = shifted[shifted.len() - 1 - place];
            let own = number.len().checked_sub(place + 1).map_or(0, |at| number[at]);
            let total = u16::from(low) + u16::from(own) + carry;
            sum.push(total.to_le_bytes()[0]);
            carry = total >> 8;
        }
        sum.reverse();
        number = sum;
    }
    number
}
