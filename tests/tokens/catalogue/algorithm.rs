//! Only RS256, whatever a header claims and whatever it was really signed with.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
};
use serde_json::{Value, json};

use super::{ACCEPTED, check, row};
use crate::forge::{KID, encode, good, ours};

#[test]
fn no_spelling_of_none_is_an_algorithm() {
    let spellings = ["none", "None", "NONE", "nOnE", "NoNe", " none", "none ", "none\0", "", "null"];
    check(spellings.iter().flat_map(|alg| {
        let forged = good().header("alg", *alg);
        [
            row(format!("{alg:?} without signature"), forged.clone().signed(|_| vec![]), "token_algorithm"),
            row(format!("{alg:?} with our signature"), forged, "token_algorithm"),
        ]
    }));
}

#[test]
fn an_algorithm_that_is_no_string_is_none() {
    let values = [json!(null), json!(256), json!(true), json!(["RS256"]), json!({"alg": "RS256"})];
    let mut rows: Vec<_> = values
        .into_iter()
        .map(|alg| row(alg.to_string(), good().header("alg", alg), "token_algorithm"))
        .collect();
    rows.push(row("missing", good().without_header("alg"), "token_algorithm"));
    rows.push(row("missing, unsigned", good().without_header("alg").signed(|_| vec![]), "token_algorithm"));
    check(rows);
}

#[test]
fn the_public_key_is_nobodys_hmac_secret() {
    let pem = |tag: &str, der: Vec<u8>| pem::encode(&pem::Pem::new(tag, der)).into_bytes();
    let jwk = ours().jwk(KID);
    let secrets: [(&str, Vec<u8>); 12] = [
        ("SPKI DER", ours().spki()),
        ("SPKI PEM", pem("PUBLIC KEY", ours().spki())),
        ("SPKI PEM without its last newline", pem("PUBLIC KEY", ours().spki()).trim_ascii_end().to_vec()),
        ("PKCS#1 DER", ours().pkcs1()),
        ("PKCS#1 PEM", pem("RSA PUBLIC KEY", ours().pkcs1())),
        ("the bytes of n", ours().modulus()),
        ("the text of n", encode(ours().modulus()).into_bytes()),
        ("the JWK", jwk.to_string().into_bytes()),
        ("the JWKS", ours().jwks(KID)),
        ("the kid", KID.into()),
        ("no secret", vec![]),
        ("zeros", vec![0; 32]),
    ];
    let algorithms =
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
    check(secrets.iter().flat_map(|(name, secret)| {
        algorithms.iter().flat_map(move |(alg, algorithm)| {
            let key = hmac::Key::new(*algorithm, secret);
            let forged = good().signed(move |signed| hmac::sign(&key, signed).as_ref().to_vec());
            [
                row(format!("{alg} with {name}"), forged.clone().header("alg", *alg), "token_algorithm"),
                row(format!("{alg} with {name} called RS256"), forged, "token_signature"),
            ]
        })
    }));
}

#[test]
fn other_algorithms_are_refused_with_the_right_key_and_under_the_name_of_rs256() {
    let others: [(&str, &'static dyn RsaEncoding); 5] = [
        ("RS384", &RSA_PKCS1_SHA384),
        ("RS512", &RSA_PKCS1_SHA512),
        ("PS256", &RSA_PSS_SHA256),
        ("PS384", &RSA_PSS_SHA384),
        ("PS512", &RSA_PSS_SHA512),
    ];
    let mut rows: Vec<_> = others
        .into_iter()
        .flat_map(|(alg, encoding)| {
            let forged = good().signed(move |signed| ours().sign_as(encoding, signed));
            [
                row(alg, forged.clone().header("alg", alg), "token_algorithm"),
                row(format!("{alg} called RS256"), forged, "token_signature"),
                row(format!("RS256 called {alg}"), good().header("alg", alg), "token_algorithm"),
            ]
        })
        .collect();
    let elliptic = good().signed(|signed| {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        key.sign(&SystemRandom::new(), signed).unwrap().as_ref().to_vec()
    });
    rows.push(row("ES256", elliptic.clone().header("alg", "ES256"), "token_algorithm"));
    rows.push(row("ES256 called RS256", elliptic, "token_signature"));
    check(rows);
}

#[test]
fn the_name_is_compared_to_the_letter() {
    let wrong =
        ["rs256", "Rs256", "RS256 ", " RS256", "RS256\0", "RS256,none", "RSA256", "RS-256", "SHA256withRSA"];
    let unknown = ["ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "RSA-OAEP", "dir", "ML-DSA-44"];
    let mut rows: Vec<_> = wrong
        .iter()
        .chain(&unknown)
        .map(|alg| row(format!("{alg:?}"), good().header("alg", Value::from(*alg)), "token_algorithm"))
        .collect();
    let escaped = good().without_header("alg").header_text(r#""alg":"\u0052S256""#);
    rows.push(row("RS256 by escapes is RS256", escaped, ACCEPTED));
    check(rows);
}
