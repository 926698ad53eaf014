//! Three parts, no more, no fewer, and no other serialization.

use serde_json::json;

use super::{ACCEPTED, check, row};
use crate::forge::{encode, good};

#[test]
fn a_token_has_three_parts() {
    let [header, payload, signature] = good().parts();
    let jwe_header = encode(r#"{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"ours"}"#);
    let direct = encode(r#"{"alg":"dir","enc":"A256GCM"}"#);
    let parts = |parts: &[&str]| parts.join(".");
    let rows = [
        ("nothing", String::new()),
        ("one part", header.clone()),
        ("header and payload", parts(&[&header, &payload])),
        ("payload and signature", parts(&[&payload, &signature])),
        ("a fourth part", parts(&[&header, &payload, &signature, &signature])),
        ("an empty fourth part", parts(&[&header, &payload, &signature, ""])),
        ("an empty part first", parts(&["", &header, &payload, &signature])),
        ("two dots between", parts(&[&header, "", &payload, &signature])),
        ("dots alone", "..".to_owned()),
        ("three dots", "...".to_owned()),
        ("one dot", ".".to_owned()),
        ("no header", parts(&["", &payload, &signature])),
        ("no payload, as detached", parts(&[&header, "", &signature])),
        ("nothing but a header", parts(&[&header, "", ""])),
        ("nothing but a payload", parts(&["", &payload, ""])),
        ("nothing but a signature", parts(&["", "", &signature])),
        ("payload first", parts(&[&payload, &header, &signature])),
        ("a JWE", parts(&[&jwe_header, "AAAA", "AAAAAAAAAAAAAAAA", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA"])),
        ("a JWE without key", parts(&[&direct, "", "AAAAAAAAAAAAAAAA", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA"])),
        ("our parts as a JWE", parts(&[&header, &payload, &signature, &payload, &signature])),
        ("a JWE header on our parts", parts(&[&jwe_header, &payload, &signature])),
    ];
    check(rows.map(|(name, token)| row(name, token, "token_malformed")));
    check([row("three parts", parts(&[&header, &payload, &signature]), ACCEPTED)]);
}

#[test]
fn the_json_serializations_are_not_read() {
    let [protected, payload, signature] = good().parts();
    let flattened = json!({"protected": protected, "payload": payload, "signature": signature});
    let general =
        json!({"payload": payload, "signatures": [{"protected": protected, "signature": signature}]});
    check([
        row("flattened", flattened.to_string(), "token_malformed"),
        row("general", general.to_string(), "token_malformed"),
        row("flattened, encoded", encode(flattened.to_string()), "token_malformed"),
        row("nested in a payload", good().raw_payload(good().token()), "token_malformed"),
        row("nested with cty", good().header("cty", "JWT").raw_payload(good().token()), "token_malformed"),
    ]);
}
