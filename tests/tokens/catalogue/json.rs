//! JSON to the letter of RFC 8259, in UTF-8, of bounded depth.

use super::{ACCEPTED, check, check_against, expectation, ring, row};
use crate::forge::{Draft, good, jwks, ours};
use tenantgate::token::{Expectation, Issuer, JwksError, KeySet};

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn neither_depth_nor_size_costs_a_stack() {
    let arrays = |depth| format!(r#""x":{}"#, nested("[", "]", depth));
    let objects = |depth| format!(r#""x":{}0{}"#, r#"{"x":"#.repeat(depth), "}".repeat(depth));
    let mut rows = vec![
        row("16 arrays", good().claim_text(&arrays(16)), ACCEPTED),
        row("17 arrays", good().claim_text(&arrays(17)), "token_malformed"),
        row("16 objects", good().claim_text(&objects(16)), ACCEPTED),
        row("17 objects", good().claim_text(&objects(17)), "token_malformed"),
        row("17 arrays in a header", good().header_text(&arrays(17)), "token_malformed"),
        row("100,000 arrays", good().claim_text(&arrays(100_000)), "token_too_large"),
    ];
    for name in ["alg", "kid", "typ"] {
        let draft = good().without_header(name).header_text(&format!(r#""{name}":{}"#, nested("[", "]", 17)));
        rows.push(row(format!("17 arrays for {name}"), draft, "token_malformed"));
    }
    check(rows);
    let boundless = Expectation { max_bytes: usize::MAX, ..expectation() };
    let unclosed = format!("[{}", "[".repeat(100_000));
    let rows = [
        row("arrays", good().claim_text(&arrays(100_000)), "token_malformed"),
        row("objects", good().claim_text(&objects(100_000)), "token_malformed"),
        row(
            "arrays for a text",
            good().without("tid").claim_text(&format!(r#""tid":{}"#, nested("[", "]", 100_000))),
            "token_malformed",
        ),
        row(
            "arrays for a list",
            good().claim_text(&format!(r#""amr":{}"#, nested("[", "]", 100_000))),
            "token_malformed",
        ),
        row(
            "arrays in _claim_names",
            good().claim_text(&format!(r#""_claim_names":{{{}}}"#, arrays(100_000))),
            "token_malformed",
        ),
        row("nothing but arrays", good().raw_payload(nested("[", "]", 100_000)), "token_malformed"),
        row("never closed", good().raw_payload(unclosed.clone()), "token_malformed"),
        row("a header never closed", good().raw_header(unclosed), "token_malformed"),
        row("a header of arrays", good().header_text(&arrays(100_000)), "token_malformed"),
        row("a kid of 1 MB", good().header("kid", "k".repeat(1_000_000)), "token_malformed"),
        row("a claim of 1 MB", good().claim("x", "x".repeat(1_000_000)), ACCEPTED),
        row("100,000 claims", good().claim_text(&many_claims(100_000)), ACCEPTED),
        row(
            "100,000 claims of one name",
            good().claim_text(&vec![r#""x":1"#; 100_000].join(",")),
            "token_malformed",
        ),
    ];
    check_against(rows, ring(), &boundless);
}

fn many_claims(count: usize) -> String {
    (0..count).map(|claim| format!(r#""x{claim}":0"#)).collect::<Vec<_>>().join(",")
}

type Change = fn(Draft, Vec<u8>) -> Draft;

#[test]
fn header_and_payload_are_one_json_object_each() {
    let whole = |text: &[u8]| [text, b"junk"].concat();
    let places: [(&str, Change, Vec<u8>); 2] = [
        ("header", |draft, bytes| draft.raw_header(bytes), good().header_bytes()),
        ("payload", |draft, bytes| draft.raw_payload(bytes), good().payload_bytes()),
    ];
    for (place, change, bytes) in places {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let inner = &text[1..text.len() - 1];
        let refused: Vec<(&str, Vec<u8>)> = vec![
            ("something behind it", whole(&bytes)),
            ("a second object behind it", [&*bytes, b"{}"].concat()),
            ("a comma behind it", [&*bytes, b","].concat()),
            ("a NUL behind it", [&*bytes, b"\0"].concat()),
            ("a byte order mark before it", [&b"\xef\xbb\xbf"[..], &bytes].concat()),
            ("UTF-16", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            ("an array around it", format!("[{text}]").into()),
            ("the members in an array", format!("[{}]", inner.replace(':', ",")).into()),
            ("a string of it", serde_json::to_vec(&text).unwrap()),
            ("nothing", vec![]),
            ("an empty array", b"[]".to_vec()),
            ("null", b"null".to_vec()),
            ("true", b"true".to_vec()),
            ("a number", b"1".to_vec()),
            ("never closed", text[..text.len() - 1].into()),
            ("a last comma", format!("{{{inner},}}").into()),
            ("no comma", text.replace(',', " ").into()),
            ("single quotes", text.replace('"', "'").into()),
            ("a comment", format!("{{/**/{inner}}}").into()),
            ("names without quotes", format!("{{{inner},x:1}}").into()),
            ("NaN", format!(r#"{{{inner},"x":NaN}}"#).into()),
            ("a leading zero", format!(r#"{{{inner},"x":01}}"#).into()),
            ("a plus sign", format!(r#"{{{inner},"x":+1}}"#).into()),
            ("a hexadecimal number", format!(r#"{{{inner},"x":0x1}}"#).into()),
            ("a number beyond all", format!(r#"{{{inner},"x":1e999}}"#).into()),
            ("a raw NUL in a string", format!("{{{inner},\"x\":\"\0\"}}").into()),
            ("a raw newline in a string", format!("{{{inner},\"x\":\"\n\"}}").into()),
            ("a no-break space between", text.replace(':', ":\u{a0}").into()),
            ("a lone surrogate", format!(r#"{{{inner},"x":"\ud800"}}"#).into()),
            ("a lone surrogate in a name", format!(r#"{{{inner},"\udfff":1}}"#).into()),
            ("surrogates in the wrong order", format!(r#"{{{inner},"x":"\udc00\ud800"}}"#).into()),
            ("an unknown escape", format!(r#"{{{inner},"x":"\x41"}}"#).into()),
            ("bytes that are no UTF-8", [b"{", inner.as_bytes(), b",\"x\":\"\xff\"}"].concat()),
            ("a name that is no UTF-8", [b"{", inner.as_bytes(), b",\"\xc3\x28\":1}"].concat()),
            ("an overlong slash", [b"{", inner.as_bytes(), b",\"x\":\"\xc0\xaf\"}"].concat()),
            ("a surrogate in UTF-8", [b"{", inner.as_bytes(), b",\"x\":\"\xed\xa0\x80\"}"].concat()),
        ];
        let accepted: Vec<(&str, String)> = vec![
            ("white space around it", format!(" \t\r\n{text} \n")),
            ("an empty name", format!(r#"{{{inner},"":0}}"#)),
            ("an escaped NUL", format!(r#"{{{inner},"x":"\u0000"}}"#)),
            ("a pair of surrogates", format!(r#"{{{inner},"x":"\ud83d\ude00"}}"#)),
            ("every kind of value", format!(r#"{{{inner},"x":[null,true,-1.5e3,"",{{}},[]]}}"#)),
        ];
        let refused = refused
            .into_iter()
            .map(|(name, bytes)| row(format!("{place}: {name}"), change(good(), bytes), "token_malformed"));
        let accepted = accepted
            .into_iter()
            .map(|(name, text)| row(format!("{place}: {name}"), change(good(), text.into()), ACCEPTED));
        check(refused.chain(accepted));
    }
}

#[test]
fn nul_and_other_bytes_are_no_part_of_any_claim_that_counts() {
    let with = |name: &str, text: &[u8]| {
        let bytes = good().without(name).payload_bytes();
        let member = [b",\"", name.as_bytes(), b"\":\"", text, b"\"}"].concat();
        good().raw_payload([&bytes[..bytes.len() - 1], &member].concat())
    };
    let mut rows = vec![];
    for name in ["iss", "tid", "idp", "oid", "sub", "aud", "azp", "email", "ver", "scp", "name", "x"] {
        rows.push(row(format!("{name} is no UTF-8"), with(name, b"\xff\xfe"), "token_malformed"));
        rows.push(row(format!("{name} has a raw NUL"), with(name, b"a\0b"), "token_malformed"));
        rows.push(row(format!("{name} has a lone surrogate"), with(name, b"\\ud800"), "token_malformed"));
    }
    let tail = |name: &str, value: &str| good().claim(name, format!("{value}\0"));
    let [iss, tid] = [crate::forge::v2(crate::forge::TENANT), crate::forge::TENANT.to_owned()];
    rows.push(row("a NUL behind tid", tail("tid", &tid), "token_malformed"));
    rows.push(row("a NUL behind iss", tail("iss", &iss), "token_issuer"));
    rows.push(row("a NUL behind aud", tail("aud", "api://orders"), "token_audience"));
    rows.push(row("a NUL behind ver", tail("ver", "2.0"), "token_issuer"));
    rows.push(row("a NUL in a free text", good().claim("name", "a\0b"), ACCEPTED));
    check(rows);
}

#[test]
fn neither_does_the_depth_of_a_key_set() {
    let issuer: Issuer = ring().sets[0].issuer.as_ref().clone();
    let read = |text: &str| KeySet::unknown(issuer.clone()).replaced(&issuer, text.as_bytes(), i64::MAX);
    let deep = nested("[", "]", 100_000);
    let keys = String::from_utf8(jwks(&[ours().jwk("ours")])).unwrap();
    for text in [deep.clone(), format!(r#"{{"keys":{deep}}}"#), keys.replace(r#""sig""#, &deep)] {
        assert_eq!(read(&text).err(), Some(JwksError::Unreadable));
    }
    let beside = keys.replace('}', &format!(r#","x":{deep}}}"#));
    assert!(read(&beside).is_ok(), "what is skipped is skipped without recursion");
}
