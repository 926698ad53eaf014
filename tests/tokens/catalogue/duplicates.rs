//! A member that is there twice means two things: the whole token means nothing.

use super::{ACCEPTED, check, row};
use crate::forge::{FABRIKAM, TENANT, good};

#[test]
fn no_header_member_may_be_there_twice_at_any_depth() {
    let members = [
        ("alg again", r#""alg":"RS256""#),
        ("alg none behind RS256", r#""alg":"none""#),
        ("alg by escapes", r#""al\u0067":"RS256""#),
        ("kid again", r#""kid":"ours""#),
        ("kid of another", r#""kid":"theirs""#),
        ("typ by escapes", r#""\u0074yp":"JWT""#),
        ("an unknown one twice", r#""x":1,"x":1"#),
        ("an unknown one by escapes", r#""x":1,"\u0078":2"#),
        ("inside jwk", r#""jwk":{"kty":"RSA","kty":"oct"}"#),
        ("deep inside", r#""x":[{"y":{"z":1,"z":2}}]"#),
        ("the empty name twice", r#""":1,"":2"#),
    ];
    let mut rows: Vec<_> = members
        .iter()
        .map(|(name, member)| row(*name, good().header_text(member), "token_malformed"))
        .collect();
    for name in ["alg", "kid", "typ"] {
        let draft = good().without_header(name).header_text(&format!(r#""{name}":{{"x":1,"x":2}}"#));
        rows.push(row(format!("inside an object for {name}"), draft, "token_malformed"));
        let draft = good().without_header(name).header_text(&format!(r#""{name}":[{{"x":1,"\u0078":2}}]"#));
        rows.push(row(format!("inside an array for {name}"), draft, "token_malformed"));
    }
    rows.push(row("names that differ in case", good().header_text(r#""Alg":"none","KID":"x""#), ACCEPTED));
    check(rows);
}

#[test]
fn no_claim_may_be_there_twice_at_any_depth() {
    let twice: Vec<_> = [
        "iss",
        "tid",
        "idp",
        "oid",
        "sub",
        "aud",
        "azp",
        "appid",
        "idtyp",
        "ver",
        "email",
        "home_oid",
        "xms_idrel",
        "xms_trpid",
        "scp",
        "upn",
        "unique_name",
        "preferred_username",
        "name",
    ]
    .iter()
    .map(|name| (format!("{name} twice"), format!(r#""{name}":"1","{name}":"1""#)))
    .collect();
    let of_other_types = [
        ("exp again", r#""exp":9999999999"#.to_owned()),
        ("exp by escapes", r#""e\u0078p":9999999999"#.to_owned()),
        ("nbf by escapes", r#""\u006e\u0062\u0066":0"#.to_owned()),
        ("tid of another tenant", format!(r#""tid":"{FABRIKAM}""#)),
        ("tid of this tenant", format!(r#""tid":"{TENANT}""#)),
        ("tid by escapes", format!(r#""ti\u0064":"{FABRIKAM}""#)),
        ("iss by escapes", r#""\u0069ss":"https://attacker.example/""#.to_owned()),
        ("acct twice", r#""acct":0,"acct":1"#.to_owned()),
        ("amr twice", r#""amr":["pwd"],"amr":["mfa"]"#.to_owned()),
        ("groups twice", r#""groups":[],"groups":[]"#.to_owned()),
        ("roles twice", r#""roles":[],"r\u006fles":[]"#.to_owned()),
        ("hasgroups twice", r#""hasgroups":true,"hasgroups":true"#.to_owned()),
        ("_claim_names twice", r#""_claim_names":{},"_claim_names":{}"#.to_owned()),
        ("inside _claim_names", r#""_claim_names":{"groups":"a","groups":"b"}"#.to_owned()),
        ("deep inside _claim_names", r#""_claim_names":{"groups":{"a":1,"a":1}}"#.to_owned()),
        ("an unknown claim twice", r#""x":null,"x":null"#.to_owned()),
        ("an unknown claim by escapes", r#""é":1,"\u00e9":1"#.to_owned()),
        ("inside an unknown claim", r#""x":{"y":1,"y":1}"#.to_owned()),
        ("in the actor's claims", r#""act":{"sub":"a","s\u0075b":"b"}"#.to_owned()),
        ("deep inside an unknown claim", r#""x":[[{"y":[{"z":1,"z":1}]}]]"#.to_owned()),
    ];
    let all = twice.into_iter().chain(of_other_types.map(|(name, text)| (name.to_owned(), text)));
    let mut rows: Vec<_> =
        all.map(|(name, text)| row(name, good().claim_text(&text), "token_malformed")).collect();
    let cases = r#""TID":"x","Tid":"y","tId":"z","x":{"tid":"a"},"y":[{"tid":"b"},{"tid":"c"}]"#;
    rows.push(row("names that differ in case or place", good().claim_text(cases), ACCEPTED));
    check(rows);
}
