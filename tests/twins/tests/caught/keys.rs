//! Key sets that must not be believed, or not whole.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tenantgate::config::{Config, Environment};
use tenantgate::id::Cloud;
use tenantgate::token::{Issuer, IssuerTemplate, JwksError, KeySet};

use crate::Rule;
use crate::harness::Merge as _;
use crate::harness::world::base_config;

pub(crate) const RULES: &[Rule] = &[
    Rule { name: "a key for encryption is none", holds: |_| !usable(&json!({"use": "enc"})) },
    Rule { name: "a key for another algorithm is none", holds: |_| !usable(&json!({"alg": "RS512"})) },
    Rule { name: "a key for other operations is none", holds: |_| !usable(&json!({"key_ops": ["encrypt"]})) },
    Rule { name: "a key of 1024 bits is none", holds: |_| !usable(&json!({"n": modulus(128)})) },
    Rule {
        name: "a key of a flawed generator is none",
        holds: |_| !usable(&json!({"n": URL_SAFE_NO_PAD.encode(flawed())})),
    },
    Rule { name: "a private key refuses the set", holds: |_| set(&[key(&json!({"d": "AAAA"}))]).is_err() },
    Rule {
        name: "a key id twice refuses the set",
        holds: |_| set(&[key(&json!({})), key(&json!({}))]).is_err(),
    },
    Rule { name: "a set without keys is refused", holds: |_| set(&[]).is_err() },
    Rule {
        name: "keys over plain HTTP are refused",
        holds: |_| configures("http://keys.example/", "60s").is_err(),
    },
    Rule {
        name: "clocks that differ by more than five minutes are refused",
        holds: |_| configures("https://keys.example/", "301s").is_err(),
    },
];

/// Beside a key that is: a set without any is refused.
fn usable(members: &Value) -> bool {
    set(&[key(&json!({"kid": "good"})), key(members)]).unwrap().key("this").is_some()
}

fn key(members: &Value) -> Value {
    let mut key = json!({"kty": "RSA", "kid": "this", "n": modulus(256), "e": "AQAB"});
    key.merge(members);
    key
}

fn modulus(bytes: usize) -> String {
    URL_SAFE_NO_PAD.encode([vec![0xc1; bytes - 1], vec![1]].concat())
}

/// 65537 to the 128th: of its 2049 bits every small prime says what it says of the flawed generator's keys (ROCA).
fn flawed() -> Vec<u8> {
    // Digits to the base 65536, the last one first: the number times 65536, and once more the number.
    let digits = (0..128).fold(vec![1], |number: Vec<u32>, _| {
        let mut carry = 0;
        let times = [0].iter().chain(&number).zip(number.iter().chain(&[0]));
        let product = times.map(|(one, other)| {
            let sum = one + other + carry;
            carry = sum >> 16;
            sum & 0xffff
        });
        product.collect()
    });
    let bytes = digits.iter().rev().flat_map(|digit| digit.to_be_bytes().into_iter().skip(2));
    bytes.skip_while(|byte| *byte == 0).collect()
}

fn set(keys: &[Value]) -> Result<KeySet, JwksError> {
    let template = IssuerTemplate::parse("https://login.microsoftonline.com/{tenantid}/v2.0").unwrap();
    let issuer = Issuer { template, cloud: Cloud::Commercial };
    let document = json!({"keys": keys}).to_string();
    KeySet::unknown(issuer.clone()).replaced(&issuer, document.as_bytes(), i64::MAX)
}

fn configures(jwks: &str, skew: &str) -> Result<(), String> {
    let mut document = base_config();
    let issuer = json!({"issuer": "https://issuer.example/{tenantid}/v2.0", "jwks": jwks, "cloud": "microsoftonline.com"});
    document.merge(&json!({"tokens": {"clock_skew": skew, "issuers": [issuer]}}));
    let config = Config::read(&document.to_string(), PathBuf::new(), &Environment::default());
    let composed = config.and_then(|config| config.compose().map(drop));
    composed.map_err(|error| error.to_string())
}
