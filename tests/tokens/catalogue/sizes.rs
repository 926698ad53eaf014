//! To the byte.

use tenantgate::token::Expectation;

use super::{ACCEPTED, MAX_BYTES, check, check_against, expectation, ring, row};
use crate::forge::{Draft, good};

#[test]
fn a_token_of_16384_bytes_is_read_and_one_of_16385_is_not() {
    check([
        row("16,383", of_length(MAX_BYTES - 1), ACCEPTED),
        row("16,384", of_length(MAX_BYTES), ACCEPTED),
        row("16,385", of_length(MAX_BYTES + 1), "token_too_large"),
        row("16,385 of anything", "\0".repeat(MAX_BYTES + 1), "token_too_large"),
        row("16,384 of anything", "\0".repeat(MAX_BYTES), "token_malformed"),
        row("16,384 dots", ".".repeat(MAX_BYTES), "token_malformed"),
        row("1 MB of dots", ".".repeat(1_000_000), "token_too_large"),
        row("a claim of 1 MiB", good().claim("x", "x".repeat(1 << 20)), "token_too_large"),
    ]);
}

#[test]
fn the_limit_is_what_is_configured() {
    let length = good().token().len();
    let limited = |max_bytes| Expectation { max_bytes, ..expectation() };
    check_against([row("as long as it may be", good(), ACCEPTED)], ring(), &limited(length));
    check_against([row("a byte longer", good(), "token_too_large")], ring(), &limited(length - 1));
    check_against([row("nothing may be longer than nothing", "", "token_malformed")], ring(), &limited(0));
}

#[test]
fn a_header_of_1024_bytes_is_read_and_one_of_1025_is_not() {
    let of = |bytes: usize| {
        let rest = good().header("x", "").header_bytes().len();
        good().header("x", "x".repeat(bytes - rest))
    };
    assert_eq!(of(1024).header_bytes().len(), 1024);
    check([
        row("1,024", of(1024), ACCEPTED),
        row("1,025", of(1025), "token_malformed"),
        row("1,026", of(1026), "token_malformed"),
        row("8,192", of(8192), "token_malformed"),
    ]);
}

/// A good token of exactly this many bytes.
fn of_length(length: usize) -> Draft {
    let signature = 1 + 342;
    (0..4)
        .flat_map(|header| (0..length).rev().map(move |claim| (header, claim)).take(length / 2))
        .filter(|(header, claim)| {
            // Base64 takes four characters for three bytes: leave out what cannot fit.
            let bytes = claim + header;
            bytes * 4 / 3 < length && bytes * 4 / 3 + 1024 > length
        })
        .map(|(header, claim)| good().header("x", "x".repeat(header)).claim("x", "x".repeat(claim)))
        .find(|draft| draft.unsigned().len() + signature == length)
        .unwrap()
}
