//! A key is (issuer, kid, material): it signs for nobody else, whatever they call theirs.

use serde_json::{Value, json};
use tenantgate::id::Cloud;
use tenantgate::token::{KeyRing, entra_issuers};

use super::{ACCEPTED, check_against, expectation, issuer, keys, one, row};
use crate::forge::{Draft, FABRIKAM, KID, TENANT, attackers, good, jwks, ours, v1, v2};

const MSA: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

fn confined(to: impl Into<Value>) -> KeyRing {
    let mut jwk = ours().jwk(KID);
    jwk["issuer"] = to.into();
    let [(v2, _), _] = entra_issuers(Cloud::Commercial);
    one(keys(&v2, &jwks(&[jwk])))
}

fn of(tenant: &str) -> Draft {
    good().claim("tid", tenant).claim("iss", v2(tenant))
}

#[test]
fn a_confined_key_signs_for_the_issuer_that_it_names() {
    let cases = [
        ("any tenant", v2("{tenantid}"), ACCEPTED),
        ("this tenant", v2(TENANT), ACCEPTED),
        ("this tenant in upper case", v2(&TENANT.to_uppercase()), ACCEPTED),
        ("another tenant", v2(FABRIKAM), "token_key_unknown"),
        ("personal accounts", v2(MSA), "token_key_unknown"),
        ("any tenant of version 1", v1("{tenantid}"), "token_key_unknown"),
        ("this tenant in version 1", v1(TENANT), "token_key_unknown"),
        ("another cloud", "https://login.microsoftonline.us/{tenantid}/v2.0".to_owned(), "token_key_unknown"),
        ("another host", format!("https://attacker.example/{TENANT}/v2.0"), "token_key_unknown"),
        ("http", format!("http://login.microsoftonline.com/{TENANT}/v2.0"), "token_key_unknown"),
        ("a slash more", format!("{}/", v2(TENANT)), "token_key_unknown"),
        ("another placeholder", v2("{tid}"), "token_key_unknown"),
        ("common", v2("common"), "token_key_unknown"),
        ("nothing", String::new(), "token_key_unknown"),
        ("what is no issuer", "x".to_owned(), "token_key_unknown"),
    ];
    for (name, to, expected) in cases {
        check_against([row(format!("confined to {name}"), good(), expected)], &confined(to), &expectation());
    }
}

#[test]
fn a_key_of_personal_accounts_signs_for_no_tenant() {
    let ring = confined(v2(MSA));
    let rows = [
        row("a personal account", of(MSA), ACCEPTED),
        row("a tenant", of(TENANT), "token_key_unknown"),
        row("another tenant", of(FABRIKAM), "token_key_unknown"),
        row("a tenant's tid", of(MSA).claim("tid", TENANT), "token_issuer"),
        row("a tenant's iss", of(MSA).claim("iss", v2(TENANT)), "token_issuer"),
    ];
    check_against(rows, &ring, &expectation());
}

#[test]
fn what_confines_a_key_must_be_readable() {
    let issuer = entra_issuers(Cloud::Commercial)[0].0.clone();
    for value in [json!(5), json!([]), json!({})] {
        let mut jwk = ours().jwk(KID);
        jwk["issuer"] = value;
        let read =
            tenantgate::token::KeySet::unknown(issuer.clone()).replaced(&issuer, &jwks(&[jwk]), i64::MAX);
        assert!(read.is_err(), "a confinement that is no text is no confinement");
    }
}

#[test]
fn two_issuers_may_call_two_keys_the_same() {
    let [(v2_issuer, _), (v1_issuer, _)] = entra_issuers(Cloud::Commercial);
    let sets = [keys(&v2_issuer, &ours().jwks(KID)), keys(&v1_issuer, &attackers().jwks(KID))];
    let ring = KeyRing { sets: Box::new(sets) };
    let version_1 = good().claim("iss", v1(TENANT)).claim("ver", "1.0");
    let rows = [
        row("the first by its key", good(), ACCEPTED),
        row("the second by its key", version_1.clone().by_attacker(), ACCEPTED),
        row("the first by the second's key", good().by_attacker(), "token_signature"),
        row("the second by the first's key", version_1, "token_signature"),
    ];
    check_against(rows, &ring, &expectation());
}

#[test]
fn an_issuer_of_one_tenant_has_keys_for_that_tenant_alone() {
    let ring = one(keys(&issuer(&v2(TENANT), Cloud::Commercial), &ours().jwks(KID)));
    let rows = [
        row("its tenant", good(), ACCEPTED),
        row("its tenant in upper case", of(&TENANT.to_uppercase()), ACCEPTED),
        row("another tenant", of(FABRIKAM), "token_issuer"),
        row("another tid", good().claim("tid", FABRIKAM), "token_issuer"),
    ];
    check_against(rows, &ring, &expectation());
}

#[test]
fn two_sets_of_one_form_of_issuer_are_both_asked() {
    let template = issuer("https://login.microsoftonline.com/{tenantid}/v2.0", Cloud::Commercial);
    let only = issuer(&v2(TENANT), Cloud::Commercial);
    let sets = [keys(&template, &attackers().jwks("theirs")), keys(&only, &ours().jwks(KID))];
    let ring = KeyRing { sets: Box::new(sets) };
    let rows = [
        row("a key of the second", good(), ACCEPTED),
        row("a key of the first", good().header("kid", "theirs").by_attacker(), ACCEPTED),
        row("the second's key for another tenant", of(FABRIKAM), "token_key_unknown"),
        row("a key of neither", good().header("kid", "x"), "token_key_unknown"),
    ];
    check_against(rows, &ring, &expectation());
}
