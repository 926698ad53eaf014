//! What OPA-Envoy is given, asked as its plugin asks: `policy.rego` and `envoy.rego`, with the verification of the token
//! in the place of OPA's, which regorus does not have.

mod table;

#[path = "../fixtures/mod.rs"]
mod fixtures;

use fixtures::id::APPLICATION;
use fixtures::{AUDIENCE, Caller, bundle, claims, guests_for_mfa};
use regorus::{Engine, Value};
use serde_json::json;
use table::Table;

#[test]
fn a_member_and_a_welcome_guest_are_let_by() {
    assert!(is_allowed(Caller::Member(1), true));
    assert!(is_allowed(Caller::Guest(3), true));
}

#[test]
fn a_refused_guest_is_not() {
    assert!(!is_allowed(Caller::Guest(1), true));
}

#[test]
fn nobody_is_without_a_good_token() {
    assert!(!is_allowed(Caller::Member(1), false));
    assert!(!is_allowed(Caller::Guest(3), false));
}

fn is_allowed(caller: Caller, is_good: bool) -> bool {
    let mut engine = Engine::new();
    for (name, text) in [("policy", include_str!("policy.rego")), ("envoy", include_str!("envoy.rego"))] {
        engine.add_policy(name.to_owned(), text.to_owned()).unwrap();
    }
    let table = Table::of(&bundle(8, &[guests_for_mfa()])).unwrap();
    let known = json!({
        "table": table, "keys": "{}", "issuer": "", "audience": AUDIENCE, "application": APPLICATION.to_string(),
    });
    engine.add_data(Value::from_json_str(&known.to_string()).unwrap()).unwrap();
    let verified = json!([is_good, {}, if is_good { claims(caller) } else { json!({}) }]).to_string();
    let verify = move |_: Vec<Value>| Value::from_json_str(&verified);
    engine.add_extension("io.jwt.decode_verify".to_owned(), 2, Box::new(verify)).unwrap();
    let headers = json!({"authorization": "Bearer token"});
    let input = json!({"attributes": {"request": {"http": {"headers": headers}}}});
    engine.set_input(Value::from_json_str(&input.to_string()).unwrap());
    *engine.eval_rule("data.crosstenant.envoy.allow".to_owned()).unwrap().as_bool().unwrap()
}
