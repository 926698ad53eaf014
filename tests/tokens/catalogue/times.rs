//! `exp` and `nbf`: whole seconds up to the year 9999, to the second of the skew.

use tenantgate::token::{Expectation, verify};

use super::{ACCEPTED, SKEW, check, expectation, ring, row, told, told_at};
use crate::forge::{NOW, good};

#[test]
fn a_time_is_a_whole_number_of_seconds_before_the_year_10000() {
    let hour = NOW + 3600;
    let malformed = [
        ("a string", format!(r#""{hour}""#)),
        ("an empty string", r#""""#.to_owned()),
        ("a date", r#""2026-01-01T00:00:00Z""#.to_owned()),
        ("null", "null".to_owned()),
        ("a boolean", "true".to_owned()),
        ("an array", format!("[{hour}]")),
        ("an object", format!(r#"{{"exp":{hour}}}"#)),
        ("a fraction", format!("{hour}.5")),
        ("a float that is whole", format!("{hour}.0")),
        ("an exponent", "1.8e9".to_owned()),
        ("negative", "-1".to_owned()),
        ("negative zero", "-0".to_owned()),
        ("1e30", "1e30".to_owned()),
        ("milliseconds", format!("{hour}000")),
        ("the year 10000", "253402300800".to_owned()),
        ("2^53", (1_u64 << 53).to_string()),
        ("2^63 - 1", i64::MAX.to_string()),
        ("2^63", (1_u64 << 63).to_string()),
        ("2^64 - 1", u64::MAX.to_string()),
        ("2^64", (u128::from(u64::MAX) + 1).to_string()),
        ("-2^63", i64::MIN.to_string()),
        ("forty digits", "9".repeat(40)),
    ];
    check(malformed.iter().flat_map(|(name, value)| {
        ["exp", "nbf", "iat"].map(|claim| {
            let draft = good().without(claim).claim_text(&format!(r#""{claim}":{value}"#));
            row(format!("{claim}: {name}"), draft, "token_malformed")
        })
    }));
    check([
        row("no exp", good().without("exp"), "token_malformed"),
        row("no nbf", good().without("nbf"), ACCEPTED),
        row("no iat", good().without("iat"), ACCEPTED),
        row("exp: the last second of the year 9999", good().claim("exp", 253_402_300_799_i64), ACCEPTED),
        row("exp: zero", good().claim("exp", 0), "token_expired"),
        row("nbf: zero", good().claim("nbf", 0), ACCEPTED),
        row("nbf: the last second", good().claim("nbf", 253_402_300_799_i64), "token_not_yet_valid"),
        row("iat: to come", good().claim("iat", NOW + 86400), ACCEPTED),
    ]);
}

#[test]
fn exp_ends_exactly_at_the_skew() {
    let token = good().without("nbf").claim("exp", NOW).token();
    for (off, expected) in [
        (-SKEW - 1, ACCEPTED),
        (-1, ACCEPTED),
        (0, ACCEPTED),
        (1, ACCEPTED),
        (SKEW - 1, ACCEPTED),
        (SKEW, "token_expired"),
        (SKEW + 1, "token_expired"),
        (i64::MAX - 1 - NOW, "token_expired"),
        (i64::MIN, ACCEPTED),
    ] {
        assert_eq!(told_at(&token, NOW.saturating_add(off)), expected, "{off} s after exp");
    }
}

#[test]
fn nbf_begins_exactly_at_the_skew() {
    let token = good().claim("nbf", NOW).token();
    for (off, expected) in [
        (-SKEW - 1, "token_not_yet_valid"),
        (-SKEW, ACCEPTED),
        (-SKEW + 1, ACCEPTED),
        (-1, ACCEPTED),
        (0, ACCEPTED),
        (1, ACCEPTED),
        (SKEW, ACCEPTED),
        (i64::MIN, "token_not_yet_valid"),
    ] {
        assert_eq!(told_at(&token, NOW.saturating_add(off)), expected, "{off} s after nbf");
    }
}

#[test]
fn without_skew_a_token_holds_from_nbf_until_just_before_exp() {
    let token = good().claim("nbf", NOW).claim("exp", NOW + 2).token();
    let exact = Expectation { skew: 0, ..expectation() };
    let told: Vec<_> = (-1..4).map(|off| told(&verify(&token, ring(), &exact, NOW + off))).collect();
    assert_eq!(told, ["token_not_yet_valid", ACCEPTED, ACCEPTED, "token_expired", "token_expired"]);
}

#[test]
fn a_verified_token_ends_and_begins_at_the_same_seconds() {
    let token = good().claim("nbf", NOW).claim("exp", NOW + 600).token();
    let verified = verify(&token, ring(), &expectation(), NOW).unwrap();
    for now in [NOW - SKEW - 1, NOW - SKEW, NOW, NOW + 600 + SKEW - 1, NOW + 600 + SKEW, i64::MIN, i64::MAX] {
        let fresh = verify(&token, ring(), &expectation(), now).map(|_| ());
        assert_eq!(verified.still_holds(ring(), SKEW, now), fresh, "at {}", now.saturating_sub(NOW));
    }
}
