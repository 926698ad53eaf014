//! Tokens that are signed well and written badly: no JSON library writes such, and so no case has them.

use serde_json::json;
use tokio::runtime::Runtime;

use crate::Rule;
use crate::bench::Bench;
use crate::harness::bundles::base;
use crate::harness::signer::completed;
use crate::harness::{L, Sign, now, signer};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "a claim twice is malformed",
        holds: |runtime| refuses(&header(), &with(r#""scp":"x","scp":"x""#, &claims()), runtime),
    },
    Rule {
        name: "a claim that counts twice is malformed",
        holds: |runtime| refuses(&header(), &with(r#""aud":"api://orders""#, &claims()), runtime),
    },
    Rule {
        name: "a member twice inside a claim is malformed",
        holds: |runtime| refuses(&header(), &with(r#""x":{"a":1,"a":1}"#, &claims()), runtime),
    },
    Rule {
        name: "a header member twice is malformed",
        holds: |runtime| refuses(&with(r#""typ":"JWT""#, &header()), &claims(), runtime),
    },
    Rule {
        name: "something behind the claims is malformed",
        holds: |runtime| refuses(&header(), &(claims() + "{}"), runtime),
    },
    Rule { name: "bits that mean nothing are malformed", holds: no_stray_bits },
];

/// And allows what it was made of, or the refusal tells nothing.
fn refuses(header_text: &str, claims_text: &str, runtime: &Runtime) -> bool {
    let sign = |header: &str, claims: &str| signer().sign_text(header, claims, Sign::Valid);
    allows(&sign(&header(), &claims()), runtime) && !allows(&sign(header_text, claims_text), runtime)
}

/// The last of the 342 characters of a signature has four of them.
fn no_stray_bits(runtime: &Runtime) -> bool {
    let mut token = signer().sign_text(&header(), &claims(), Sign::Valid);
    let good = allows(&token, runtime);
    let last = token.pop().unwrap();
    token.push(char::from_u32(u32::from(last) + 1).unwrap());
    good && !allows(&token, runtime)
}

fn allows(token: &str, runtime: &Runtime) -> bool {
    Bench::of(&json!({}), &base(), &json!({"authorization": [format!("Bearer {token}")]})).allows(runtime)
}

fn header() -> String {
    json!({"alg": "RS256", "typ": "JWT", "kid": signer().kid}).to_string()
}

fn claims() -> String {
    completed(&json!({"tid": L, "aud": "api://orders"}), now()).to_string()
}

fn with(members: &str, object: &str) -> String {
    object.replacen('{', &format!("{{{members},"), 1)
}
