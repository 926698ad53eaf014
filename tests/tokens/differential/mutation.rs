//! Tokens that are nearly good: changed before they are signed, or damaged afterwards.

use proptest::prelude::Rng as _;
use proptest::test_runner::TestRng;
use serde_json::{Value, json};

use crate::catalogue::SKEW;
use crate::forge::{Draft, FABRIKAM, KID, TENANT, attackers, good_at, ours, v1, v2};

/// Chance, from a seed.
pub(super) struct Dice(TestRng);

impl Dice {
    pub(super) fn new(rng: TestRng) -> Self {
        Self(rng)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.0.next_u64() % u64::try_from(limit).unwrap()).unwrap()
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

type Change = fn(&mut Dice, Draft, i64) -> Draft;

/// A token with up to three changes, signed by our key unless a change says otherwise; and what was changed.
pub(super) fn signed(dice: &mut Dice, now: i64) -> (Draft, Vec<&'static str>) {
    let changes: [(&str, Change); 14] = [
        ("time", time),
        ("time", time),
        ("a time of another type", time_of_another_type),
        ("audience", audience),
        ("issuer and tenant", issuer),
        ("version", version),
        ("a claim of another type", claim_of_another_type),
        ("a claim more", claim_more),
        ("a claim less", claim_less),
        ("a claim twice", claim_twice),
        ("header", header),
        ("a header member more", header_more),
        ("kid", kid),
        ("signer", signer),
    ];
    let mut draft = good_at(now);
    let mut how = vec![];
    for _ in 0..dice.below(4) {
        let (name, change) = dice.one(&changes);
        draft = change(dice, draft, now);
        how.push(name);
    }
    (draft, how)
}

fn time(dice: &mut Dice, draft: Draft, now: i64) -> Draft {
    let off = dice.one(&[-SKEW - 1, -SKEW, 1 - SKEW, -1, 0, 1, SKEW - 1, SKEW, SKEW + 1, 100_000, -100_000]);
    draft.claim(dice.one(&["exp", "exp", "nbf", "iat"]), now + off)
}

fn time_of_another_type(dice: &mut Dice, draft: Draft, now: i64) -> Draft {
    let name = dice.one(&["exp", "nbf", "iat"]);
    let values = [
        format!("{}.0", now + 600),
        format!("{}.4", now + 600),
        format!("\"{}\"", now + 600),
        format!("{}e0", now + 600),
        "null".to_owned(),
        "-1".to_owned(),
        "1e30".to_owned(),
        u64::MAX.to_string(),
        "[]".to_owned(),
        "253402300799".to_owned(),
        "253402300800".to_owned(),
    ];
    let value = dice.one(&values);
    draft.without(name).claim_text(&format!(r#""{name}":{value}"#))
}

fn audience(dice: &mut Dice, draft: Draft, _: i64) -> Draft {
    let guid = "abcdef00-2222-3333-4444-555555555555";
    let audiences = [
        json!(guid),
        json!(guid.to_uppercase()),
        json!("api://orders/"),
        json!("API://orders"),
        json!(["api://orders"]),
        json!(["api://orders", "x"]),
        json!([]),
        json!(null),
        json!(7),
        json!({"aud": "api://orders"}),
        json!(""),
    ];
    draft.claim("aud", dice.one(&audiences))
}

fn issuer(dice: &mut Dice, draft: Draft, _: i64) -> Draft {
    let tenants = [TENANT.to_owned(), TENANT.to_uppercase(), FABRIKAM.to_owned(), FABRIKAM.to_uppercase()];
    let tenant = dice.one(&tenants);
    let draft = draft.claim("tid", dice.one(&tenants));
    let issuers = [
        json!(v2(&tenant)),
        json!(v2(&tenant)),
        json!(v1(&tenant)),
        json!([v2(&tenant)]),
        json!(format!("{}/", v2(&tenant))),
        json!(v2(&tenant).replace("https", "http")),
        json!(v2(&tenant).replace("login", "LOGIN")),
        json!(format!("https://login.microsoftonline.us/{tenant}/v2.0")),
        json!(v2("common")),
    ];
    let issuer = dice.one(&issuers);
    let of_version_1 = issuer.as_str().is_some_and(|issuer| issuer.contains("sts."));
    draft.claim("iss", issuer).claim("ver", if of_version_1 { "1.0" } else { "2.0" })
}

fn version(dice: &mut Dice, draft: Draft, _: i64) -> Draft {
    draft.claim("ver", dice.one(&[json!("1.0"), json!("2.0"), json!("3.0"), json!(2.0), json!(null)]))
}

fn claim_of_another_type(dice: &mut Dice, draft: Draft, _: i64) -> Draft {
    let name = dice.one(&["iss", "tid", "oid", "aud", "azp", "scp", "ver", "sub", "amr", "groups", "acct"]);
    let values =
        [json!(null), json!(true), json!(1), json!(-1), json!(1.5), json!("x"), json!([]), json!({})];
    draft.claim(name, dice.one(&values))
}

fn claim_more(dice: &mut Dice, draft: Draft, _: i64) -> Draft {
    let claims = [
        ("sub", json!("s")),
        ("idp", json!(v1(FABRIKAM))),
        ("amr", json!(["pwd", "mfa"])),
        ("acct", json!(1)),
        ("groups", json!([TENANT])),
        ("x", json!({"x": [1, null, {"y": "\u{0}\u{10ffff}"}]})),
        ("", json!("")),
        ("jti", json!(1e300)),
        ("crit", json!(["exp"])),
        ("nbf ", json!("x")),
    ];
    let (name, value) = dice.one(&claims);
    draft.claim(name, value)
}

fn claim_less(dice: &mut Dice, draft: Draft, _: i64) -> Draft {
    let name = dice.one(&["iss", "tid", "aud", "exp", "nbf", "iat", "ver", "oid", "azp", "scp"]);
    draft.without(name)
}

fn claim_twice(dice: &mut Dice, draft: Draft, now: i64) -> Draft {
    let members = [
        format!(r#""exp":{}"#, now + 600),
        format!(r#""e\u0078p":{}"#, now + 600),
        format!(r#""tid":"{FABRIKAM}""#),
        r#""aud":"api://orders""#.to_owned(),
        r#""x":{"y":1,"y":2}"#.to_owned(),
        r#""scp":"x""#.to_owned(),
    ];
    draft.claim_text(&dice.one(&members))
}

fn header(dice: &mut Dice, draft: Draft, _: i64) -> Draft {
    let strings = ["RS256", "rs256", "RS384", "RS512", "PS256", "ES256", "HS256", "none", ""];
    match dice.below(4) {
        0 => draft.header("alg", dice.one(&strings)),
        1 => draft.header("alg", dice.one(&[json!(null), json!(1), json!(["RS256"])])),
        2 => draft.without_header(dice.one(&["alg", "typ", "kid"])),
        _ => draft.header("typ", dice.one(&["jwt", "at+jwt", "dpop+jwt", "", "JOSE"])),
    }
}

fn header_more(dice: &mut Dice, draft: Draft, _: i64) -> Draft {
    // Of the right types only: jsonwebtoken reads what we ignore, and refuses what it cannot read.
    let members: [(&str, Value); 14] = [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("jku", json!("https://attacker.example/keys")),
        ("x5u", json!("https://attacker.example/keys")),
        ("jwk", attackers().jwk(KID)),
        ("x5c", json!(["AAAA"])),
        ("x5t", json!("AAAA")),
        ("cty", json!("JWT")),
        ("nonce", json!("n")),
        ("x", json!([[[{"x": {}}]]])),
    ];
    let (name, value) = dice.one(&members);
    draft.header(name, value)
}

fn kid(dice: &mut Dice, draft: Draft, _: i64) -> Draft {
    draft.header(
        "kid",
        dice.one(&[json!(KID), json!("theirs"), json!(""), json!("ours\0"), json!(null), json!(0)]),
    )
}

fn signer(dice: &mut Dice, draft: Draft, _: i64) -> Draft {
    match dice.below(4) {
        0 => draft.by_attacker(),
        1 => draft.signed(|_| vec![]),
        2 => draft.signed(|_| vec![0; 256]),
        _ => draft.signed(|signed| [&ours().sign(signed)[..], &[0]].concat()),
    }
}

/// The token with one thing changed that nobody signed; and what that is.
pub(super) fn damaged(dice: &mut Dice, token: &str) -> (String, &'static str) {
    // Every third in the signature: elsewhere little is left of the JSON.
    let from = if dice.below(3) == 0 { token.rfind('.').unwrap() } else { 0 };
    let place = from + dice.below(token.len() - from);
    let mut bytes = token.as_bytes().to_vec();
    let letter = *dice.one(&b"ABYZabyz0189-_".each_ref());
    let other = *dice.one(&b"=+/ \n\t\0.,*%~".each_ref());
    let how = match dice.below(12) {
        0 => {
            bytes.remove(place);
            "a letter less"
        }
        1 => {
            bytes.insert(place, letter);
            "a letter more"
        }
        2 => {
            bytes.insert(place, other);
            "something between"
        }
        3 => {
            bytes[place] = other;
            "something instead"
        }
        4 => {
            bytes.truncate(place);
            "an end"
        }
        5 => {
            bytes.push(other);
            "something behind"
        }
        6 => {
            let last = bytes.last_mut().unwrap();
            *last = if *last == b'A' { b'B' } else { last.wrapping_add(1) };
            "stray bits"
        }
        7 => return (damaged_part(dice, token), "parts"),
        8 => {
            bytes.swap(place, token.len() - 1 - place);
            "two letters swapped"
        }
        _ => {
            bytes[place] = letter;
            "a letter"
        }
    };
    (String::from_utf8(bytes).unwrap(), how)
}

fn damaged_part(dice: &mut Dice, token: &str) -> String {
    let mut parts: Vec<_> = token.split('.').collect();
    let place = dice.below(parts.len());
    match dice.below(4) {
        0 => drop(parts.remove(place)),
        1 => parts.insert(place, parts[0]),
        2 => parts[place] = "",
        _ => parts.swap(place, 0),
    }
    parts.join(".")
}
