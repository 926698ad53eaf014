//! The one credential of a request, out of whatever the wire carried.

use tenantgate::engine::Reason;
use tenantgate::token::{Credential, bearer};

use super::{ACCEPTED, MAX_BYTES, told_at};
use crate::forge::{NOW, good};

/// What these `Authorization` values are told: apart, as raw headers come, and joined, as Envoy joins them.
fn both_forms(values: &[&[u8]]) -> [&'static str; 2] {
    let apart = values.iter().fold(Credential::default(), |credential, value| credential.and(value));
    let joined = values.join(&b","[..]);
    let joined = if values.is_empty() { Credential::Absent } else { Credential::One(&joined) };
    [apart, joined].map(|credential| match bearer(credential, MAX_BYTES) {
        Ok(token) => told_at(token, NOW),
        Err(error) => Reason::from(error).word(),
    })
}

#[test]
fn one_value_is_a_credential_or_none() {
    let token = good().token();
    let table = [
        ("nothing", String::new(), "token_missing"),
        ("Bearer", format!("Bearer {token}"), ACCEPTED),
        ("bearer", format!("bearer {token}"), ACCEPTED),
        ("BEARER", format!("BEARER {token}"), ACCEPTED),
        ("bEaReR", format!("bEaReR {token}"), ACCEPTED),
        ("no scheme", token.clone(), "token_missing"),
        ("no space", format!("Bearer{token}"), "token_missing"),
        ("a tab", format!("Bearer\t{token}"), "token_missing"),
        ("a newline", format!("Bearer\n{token}"), "token_missing"),
        ("a colon", format!("Bearer: {token}"), "token_missing"),
        ("a space before", format!(" Bearer {token}"), "token_missing"),
        ("a letter that looks like B", format!("Вearer {token}"), "token_missing"),
        ("a NUL in the scheme", format!("Bearer\0 {token}"), "token_missing"),
        ("two spaces", format!("Bearer  {token}"), "token_malformed"),
        ("a space and a tab", format!("Bearer \t{token}"), "token_malformed"),
        ("a space behind", format!("Bearer {token} "), "token_malformed"),
        ("a tab behind", format!("Bearer {token}\t"), "token_malformed"),
        ("a newline behind", format!("Bearer {token}\n"), "token_malformed"),
        ("a NUL behind", format!("Bearer {token}\0"), "token_malformed"),
        ("a semicolon behind", format!("Bearer {token};"), "token_malformed"),
        ("quotes", format!("Bearer \"{token}\""), "token_malformed"),
        ("a parameter", format!("Bearer token={token}"), "token_malformed"),
        ("the scheme twice", format!("Bearer Bearer {token}"), "token_malformed"),
        ("two tokens with a space", format!("Bearer {token} {token}"), "token_malformed"),
        ("letters beyond ASCII", format!("Bearer {token}é"), "token_malformed"),
        ("a scheme alone", "Bearer".to_owned(), "token_malformed"),
        ("a scheme and a space", "Bearer ".to_owned(), "token_malformed"),
        ("Basic", "Basic dXNlcjpwYXNz".to_owned(), "token_missing"),
        ("Basic with a token", format!("Basic {token}"), "token_missing"),
        ("DPoP", format!("DPoP {token}"), "token_missing"),
        ("PoP", format!("PoP {token}"), "token_missing"),
        ("Token", format!("Token {token}"), "token_missing"),
        ("Negotiate", "Negotiate YIIB".to_owned(), "token_missing"),
        ("a long Basic", format!("Basic {}", "x".repeat(20_000)), "token_missing"),
        ("too long", format!("Bearer {}", "x".repeat(MAX_BYTES + 1)), "token_too_large"),
        ("as long as may be", format!("Bearer {}", "x".repeat(MAX_BYTES)), "token_malformed"),
    ];
    for (name, value, expected) in table {
        assert_eq!(both_forms(&[value.as_bytes()]), [expected; 2], "{name}");
    }
    assert_eq!(both_forms(&[]), ["token_missing"; 2]);
}

#[test]
fn bytes_that_are_no_text_are_no_token() {
    let token = good().token();
    for bytes in [&b"\xff"[..], b"\xc3\x28", b"\x80", b"\xed\xa0\x80"] {
        let value = [b"Bearer ", token.as_bytes(), bytes].concat();
        assert_eq!(both_forms(&[&value]), ["token_malformed"; 2]);
        let value = [b"Bearer ", bytes].concat();
        assert_eq!(both_forms(&[&value]), ["token_malformed"; 2]);
        assert_eq!(both_forms(&[bytes]), ["token_missing"; 2]);
    }
}

#[test]
fn several_values_are_ambiguous_in_either_form() {
    let token = format!("Bearer {}", good().token());
    let nine_kib = format!("Bearer {}", "x".repeat(9000));
    let too_long = format!("Bearer {}", "x".repeat(MAX_BYTES + 1));
    let long_basic = format!("Basic {}", "x".repeat(MAX_BYTES + 1));
    let tables: [(&str, Vec<&str>, &str); 12] = [
        ("the same twice", vec![&token, &token], "token_ambiguous"),
        ("three", vec![&token, &token, &token], "token_ambiguous"),
        ("Basic behind", vec![&token, "Basic dXNlcjpwYXNz"], "token_ambiguous"),
        ("Basic before", vec!["Basic dXNlcjpwYXNz", &token], "token_ambiguous"),
        ("Basic twice", vec!["Basic x", "Basic y"], "token_ambiguous"),
        ("an empty one behind", vec![&token, ""], "token_ambiguous"),
        ("an empty one before", vec!["", &token], "token_ambiguous"),
        ("two that are long together", vec![&nine_kib, &nine_kib], "token_ambiguous"),
        ("a long one before", vec![&too_long, &token], "token_too_large"),
        ("a long one behind", vec![&token, &too_long], "token_too_large"),
        ("a long one in the middle", vec![&token, &too_long, &token], "token_too_large"),
        ("a long Basic", vec![&token, &long_basic], "token_ambiguous"),
    ];
    for (name, values, expected) in tables {
        let values: Vec<_> = values.into_iter().map(str::as_bytes).collect();
        assert_eq!(both_forms(&values), [expected; 2], "{name}");
    }
}

#[test]
fn a_comma_in_one_value_is_a_second_credential() {
    let token = good().token();
    for value in [
        format!("Bearer {token},"),
        format!("Bearer ,{token}"),
        format!(",Bearer {token}"),
        format!("Bearer {token},Bearer {token}"),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer {token},Basic x"),
        format!("Basic x,Bearer {token}"),
        "Basic a,b".to_owned(),
        ",".to_owned(),
    ] {
        assert_eq!(both_forms(&[value.as_bytes()]), ["token_ambiguous"; 2]);
    }
}
