//! `aud` is one string, equal to one of ours.

use serde_json::json;

use super::{ACCEPTED, check, row};
use crate::forge::good;

#[test]
fn an_audience_is_one_string() {
    let others = [
        json!(["api://orders"]),
        json!(["api://orders", "https://attacker.example"]),
        json!([]),
        json!([["api://orders"]]),
        json!(null),
        json!(1),
        json!(true),
        json!({"aud": "api://orders"}),
        json!({}),
    ];
    check(others.into_iter().map(|aud| row(aud.to_string(), good().claim("aud", aud), "token_malformed")));
    check([row("no audience", good().without("aud"), "token_audience")]);
}

#[test]
fn an_audience_is_ours_to_the_letter() {
    let others = [
        "",
        "api://order",
        "api://orders/",
        "api://orders/x",
        "api://orderss",
        "API://orders",
        "api://Orders",
        "api://ORDERS",
        " api://orders",
        "api://orders ",
        "api://orders\n",
        "api://orders\0",
        "api://%6frders",
        "api://orders api://orders",
        "api://orders,https://attacker.example",
        "api:/orders",
        "orders",
        "*",
        "api://*",
        "api://оrders",
        "00000003-0000-0000-c000-000000000000",
        "abcdef00222233334444555555555555",
        "{abcdef00-2222-3333-4444-555555555555}",
        "urn:uuid:abcdef00-2222-3333-4444-555555555555",
        // What our audience stands for is not thereby an audience of ours.
        "11111111-2222-3333-4444-555555555555",
    ];
    check(others.iter().map(|aud| row(format!("{aud:?}"), good().claim("aud", *aud), "token_audience")));
    check([
        row("the URI", good(), ACCEPTED),
        row(
            "the URI by escapes",
            good().without("aud").claim_text(r#""aud":"api:\/\/\u006frders""#),
            ACCEPTED,
        ),
        row("the GUID", good().claim("aud", "abcdef00-2222-3333-4444-555555555555"), ACCEPTED),
        row("the GUID in upper case", good().claim("aud", "ABCDEF00-2222-3333-4444-555555555555"), ACCEPTED),
    ]);
}
