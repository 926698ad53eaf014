//! Tenants by their GUID, in one spelling and either case.

use serde_json::json;

use super::{ACCEPTED, check, row};
use crate::forge::{TENANT, good, v1, v2};

#[test]
fn a_tid_is_a_guid_of_36_characters() {
    let simple = TENANT.replace('-', "");
    let spellings = [
        ("common", "common".to_owned()),
        ("organizations", "organizations".to_owned()),
        ("consumers", "consumers".to_owned()),
        ("the placeholder", "{tenantid}".to_owned()),
        ("a domain", "contoso.onmicrosoft.com".to_owned()),
        ("nothing", String::new()),
        ("braces", format!("{{{TENANT}}}")),
        ("parentheses", format!("({TENANT})")),
        ("a URN", format!("urn:uuid:{TENANT}")),
        ("32 digits", simple.clone()),
        ("32 digits and four spaces", format!("{simple}    ")),
        (
            "hyphens elsewhere",
            format!(
                "{}-{}-{}-{}-{}",
                &simple[..4],
                &simple[4..8],
                &simple[8..12],
                &simple[12..16],
                &simple[16..]
            ),
        ),
        ("one digit short", TENANT[1..].to_owned()),
        ("one digit more", format!("{TENANT}0")),
        ("a letter that is no digit", TENANT.replacen('6', "g", 1)),
        ("a space before", format!(" {TENANT}")),
        ("a space behind", format!("{TENANT} ")),
        ("a newline behind", format!("{TENANT}\n")),
        ("a NUL behind", format!("{TENANT}\0")),
        ("a slash behind", format!("{TENANT}/")),
        ("full-width digits", TENANT.replace('6', "６")),
        ("en dashes", TENANT.replace('-', "–")),
        ("two", format!("{TENANT} {TENANT}")),
    ];
    check(spellings.into_iter().flat_map(|(name, tid)| {
        [
            row(format!("tid: {name}"), good().claim("tid", tid.clone()), "token_malformed"),
            row(
                format!("tid and iss: {name}"),
                good().claim("tid", tid.clone()).claim("iss", v2(&tid)),
                "token_malformed",
            ),
        ]
    }));
    let mut rows: Vec<_> = [json!(null), json!(0), json!(true), json!([TENANT]), json!({"tid": TENANT})]
        .into_iter()
        .map(|tid| row(format!("tid {tid}"), good().claim("tid", tid), "token_malformed"))
        .collect();
    rows.push(row("no tid", good().without("tid"), "token_malformed"));
    check(rows);
}

#[test]
fn guids_are_the_same_in_either_case() {
    let (upper, mixed) = (TENANT.to_uppercase(), format!("{}{}", TENANT[..18].to_uppercase(), &TENANT[18..]));
    check([
        row("tid", good().claim("tid", upper.clone()), ACCEPTED),
        row("iss", good().claim("iss", v2(&upper)), ACCEPTED),
        row("iss of version 1", good().claim("iss", v1(&upper)).claim("ver", "1.0"), ACCEPTED),
        row("both", good().claim("tid", upper.clone()).claim("iss", v2(&upper)), ACCEPTED),
        row("each in its own", good().claim("tid", mixed).claim("iss", v2(&upper)), ACCEPTED),
        row("aud", good().claim("aud", "ABCDEF00-2222-3333-4444-555555555555"), ACCEPTED),
        row("oid", good().claim("oid", "0A1B2C3D-0000-4000-8000-00000000000A"), ACCEPTED),
    ]);
}

#[test]
fn an_object_is_known_by_a_guid_or_not_at_all() {
    let oid = |value: &str| {
        let token = good().claim("oid", value).token();
        let verified =
            tenantgate::token::verify(&token, super::ring(), &super::expectation(), crate::forge::NOW);
        verified.unwrap().identity().object
    };
    let known = "0a1b2c3d-0000-4000-8000-00000000000a";
    assert_eq!(oid(known), Some(known.parse().unwrap()));
    assert_eq!(oid(&known.to_uppercase()), Some(known.parse().unwrap()));
    for other in [
        format!("{{{known}}}"),
        format!("urn:uuid:{known}"),
        known.replace('-', ""),
        format!("{known}\0"),
        String::new(),
    ] {
        assert_eq!(oid(&other), None);
    }
}
