//! The command line: what it prints and how it exits.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::{L, World, signer};

fn tenantgate(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenantgate"))
        .env_clear()
        .envs(variables.iter().copied())
        .args(arguments)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn bundle() -> Value {
    json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]})
}

#[test]
fn a_development_issuer_is_made_once_and_mints() {
    let world = World::new(&json!({}), &bundle());
    let directory = world.path("dev");
    let made = tenantgate(&["token", "keygen", "--dir", text(&directory)], &[]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    assert_eq!(std::fs::metadata(directory.join("key.pem")).unwrap().permissions().mode() & 0o777, 0o600);
    let again = tenantgate(&["token", "keygen", "--dir", text(&directory)], &[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("exists"));

    let printed = stdout(&tenantgate(&["token", "jwks", "--dir", text(&directory)], &[]));
    assert_eq!(printed.trim(), std::fs::read_to_string(directory.join("jwks.json")).unwrap());
    world.write("jwks.json", &printed);
    let claims = json!({"tid": L, "aud": "api://orders"}).to_string();
    let minted = stdout(&tenantgate(&["token", "mint", "--dir", text(&directory), "--claims", &claims], &[]));
    let config = world.path("config.json");
    let checked = tenantgate(&["check", "--config", text(&config), "--token", minted.trim()], &[]);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    assert!(stdout(&checked).starts_with("allow  internal"));
}

#[test]
fn check_tells_what_it_decided_by_its_exit_code() {
    let world = World::new(&json!({"authenticationContexts": {"mfa": "c1"}}), &bundle());
    let config = world.path("config.json");
    let token = signer().mint(&json!({"tid": L, "aud": "api://orders", "xms_cc": ["cp1"]}));
    let run = |more: &[&str]| {
        let mut arguments = vec!["check", "--json", "--config", text(&config)];
        arguments.extend(more);
        let output = tenantgate(&arguments, &[]);
        (output.status.code().unwrap(), serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default())
    };
    let (code, decision) = run(&["--token", &token]);
    assert_eq!((code, &decision["reason"], &decision["verified"]), (0, &json!("internal"), &json!(true)));
    let (code, decision) = run(&[]);
    assert_eq!((code, &decision["reason"]), (3, &json!("token_missing")));
    let (code, decision) = run(&["--token", &token, "--require", "mfa"]);
    assert_eq!((code, &decision["reason"]), (4, &json!("mfa_required")));
    assert!(decision["www_authenticate"].as_str().unwrap().contains("insufficient_claims"));
    let (code, _) = run(&["--token", &token, "--claims", "{}"]);
    assert_eq!(code, 2, "two callers");
    let (code, decision) = run(&["--claims", &json!({"tid": L}).to_string()]);
    assert_eq!((code, &decision["verified"]), (0, &json!(false)), "claims are not verified");
    let steps: Vec<_> =
        decision["explain"].as_array().unwrap().iter().map(|step| step["step"].clone()).collect();
    assert_eq!(steps, ["route", "verified", "relation", "requirements"]);
}

#[test]
fn without_config_the_example_decides() {
    let world = World::new(&json!({}), &bundle());
    let state = [("XDG_STATE_HOME", text(&world.path("state")).to_owned())];
    let state: Vec<_> = state.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let home = "8b1f6d3a-2c4e-4d0b-a1f7-5e9c0d7b6a42";
    let claims = json!({"tid": L, "idp": format!("https://sts.windows.net/{home}/"), "aud": "api://orders"})
        .to_string();
    let checked = tenantgate(&["check", "--explain", "--claims", &claims], &state);
    assert_eq!(checked.status.code(), Some(3), "{}", stderr(&checked));
    let printed = stdout(&checked);
    assert!(
        printed.starts_with("deny  users_and_applications_blocked") && printed.contains("STOP  setting"),
        "{printed}"
    );
    assert!(stderr(&checked).contains("what-if"));
}

#[test]
fn lint_counts_what_it_finds() {
    let world = World::new(&json!({}), &bundle());
    let policy = world.path("policy.json");
    let clean = tenantgate(&["lint", text(&policy)], &[]);
    assert_eq!(
        (clean.status.code(), stdout(&clean).as_str()),
        (Some(0), "0 error(s), 0 warning(s), 0 piece(s) of advice\n")
    );
    let mut bad = bundle();
    bad["tenants"][0]["crossTenantAccessPolicy"]["newFeature"] = json!(1);
    bad["tenants"][0]["Cloud"] = json!("microsoftonline.com");
    world.write("policy.json", &bad.to_string());
    let output = tenantgate(&["lint", "--json", text(&policy)], &[]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["errors"], &report["warnings"]), (&json!(1), &json!(1)));
    let codes: Vec<_> =
        report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].clone()).collect();
    assert_eq!(codes, ["property_unknown", "property_case"]);
    assert_eq!(report["findings"][1]["pointer"], "/tenants/0/Cloud");
    assert_eq!(tenantgate(&["lint", "/nowhere.json"], &[]).status.code(), Some(2));
}

#[test]
fn validate_starts_nothing_and_says_what_is_wrong() {
    let world = World::new(&json!({}), &bundle());
    let config = world.path("config.json");
    let valid = tenantgate(&["serve", "--validate", "--config", text(&config)], &[]);
    assert_eq!(valid.status.code(), Some(0), "{}", stderr(&valid));
    world.write("policy.json", r#"{"tenants": [{"tenantId": "x"}]}"#);
    let invalid = tenantgate(&["serve", "--validate", "--config", text(&config)], &[]);
    assert_eq!(invalid.status.code(), Some(2));
    assert!(stderr(&invalid).contains("/tenants/0/tenantId"), "{}", stderr(&invalid));
    world.write("policy.json", &bundle().to_string());
    world.write("jwks.json", r#"{"keys": []}"#);
    let invalid = tenantgate(&["serve", "--validate", "--config", text(&config)], &[]);
    assert_eq!(invalid.status.code(), Some(2));
    assert!(stderr(&invalid).contains("jwks.json"), "{}", stderr(&invalid));
}

#[test]
fn a_variable_of_the_environment_wins_and_a_wrong_one_is_named() {
    let world = World::new(&json!({}), &bundle());
    let config = world.path("config.json");
    let with = |name: &str, value: &str| {
        tenantgate(&["serve", "--validate", "--config", text(&config)], &[(name, value)])
    };
    assert_eq!(with("tenantgate_tokens__clock_skew", "30s").status.code(), Some(0));
    assert_eq!(with("TENANTGATE_SERVICE_HOST", "10.0.0.1").status.code(), Some(0), "Kubernetes injects it");
    let wrong = with("TENANTGATE_TOKENS__CLOCK_SKEWS", "30s");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        stderr(&wrong).contains("TENANTGATE_TOKENS__CLOCK_SKEWS") && stderr(&wrong).contains("`clock_skew`"),
        "{}",
        stderr(&wrong)
    );
}
