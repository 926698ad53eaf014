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
    let steps: Vec<_> = decision["explain"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["step"].as_str().unwrap(), step["result"].as_str().unwrap()))
        .collect();
    let expected = [("route", "pass"), ("verified", "skip"), ("relation", "pass"), ("requirements", "pass")];
    assert_eq!(steps, expected);
}

#[test]
fn claims_are_judged_offline_and_by_a_host_that_was_named() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let jwks = format!("http://{}/keys", server.local_addr().unwrap());
    server.set_nonblocking(true).unwrap();
    let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let issuers = json!([{"issuer": issuer, "jwks": jwks, "cloud": "microsoftonline.com"}]);
    let tokens = json!({"issuers": issuers, "audiences": ["api://orders"]});
    let world = World::new(&json!({"tokens": tokens}), &bundle());
    let config = world.path("config.json");
    let claims = json!({"tid": L, "iss": issuer.replace("{tenantid}", L)}).to_string();
    let run = |more: &[&str]| {
        let mut arguments = vec!["check", "--config", text(&config), "--claims", &claims];
        arguments.extend(more);
        tenantgate(&arguments, &[])
    };
    let begun = std::time::Instant::now();
    let internal = run(&[]);
    assert_eq!(internal.status.code(), Some(0), "{}", stderr(&internal));
    assert!(stdout(&internal).starts_with("allow  internal"), "{}", stdout(&internal));
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "nothing is waited for");
    let asked = server.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(asked, Err(std::io::ErrorKind::WouldBlock), "nobody is asked for keys");

    let nowhere = run(&["--mode", "tenant_restrictions"]);
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(stderr(&nowhere).contains("name it with --host"), "{}", stderr(&nowhere));
    let untouched = run(&["--mode", "tenant_restrictions", "--host", "localhost"]);
    assert!(stdout(&untouched).starts_with("allow  unrestricted_host"), "{}", stdout(&untouched));
    let world = World::new(&json!({"mode": "tenant_restrictions"}), &bundle());
    let by_config = tenantgate(&["check", "--config", text(&world.path("config.json"))], &[]);
    assert_eq!(by_config.status.code(), Some(2), "{}", stdout(&by_config));
}

#[test]
fn check_invites_redeems_and_synchronises() {
    let source = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";
    let mut bundle = bundle();
    bundle["tenants"][0]["authorizationPolicy"] = json!({"allowInvitesFrom": "everyone"});
    bundle["tenants"][0]["b2bManagementPolicy"] =
        json!({"InvitationsAllowedAndBlockedDomainsPolicy": {"BlockedDomains": ["evil.example"]}});
    bundle["tenants"][0]["crossTenantAccessPolicy"]["partners"] = json!([
        {"tenantId": source, "identitySynchronization": {"userSyncInbound": {"isSyncAllowed": true}}},
    ]);
    let world = World::new(&json!({}), &bundle);
    let (config, body) = (world.path("config.json"), world.path("invitation.json"));
    let run = |claims: &Value, more: &[&str]| {
        let claims = claims.to_string();
        let mut arguments = vec!["check", "--config", text(&config), "--claims", &claims];
        arguments.extend(more);
        tenantgate(&arguments, &[])
    };
    let member = json!({"tid": L, "acct": 0});
    let invite = |address: &str, more: &[&str]| {
        world.write("invitation.json", &json!({"invitedUserEmailAddress": address}).to_string());
        let mut arguments = vec!["--action", "invite", "--body", text(&body)];
        arguments.extend(more);
        run(&member, &arguments)
    };
    let invited = invite("kim@fabrikam.example", &["--explain"]);
    assert_eq!(invited.status.code(), Some(0), "{}", stderr(&invited));
    assert!(
        stdout(&invited).contains("pass  action        allow_invites_from=everyone"),
        "{}",
        stdout(&invited)
    );
    let refused = invite("kim@evil.example", &[]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(stdout(&refused).starts_with("deny  domain_blocked"), "{}", stdout(&refused));
    let unread = invite("kim@evil.example,kim@fabrikam.example", &["--explain"]);
    assert!(stdout(&unread).contains("invitedUserEmailAddress is not one plain mail address"));
    let cut = invite("kim@fabrikam.example", &["--header", "x-envoy-auth-partial-body: true", "--explain"]);
    assert!(stdout(&cut).contains("STOP  action        invitee=the body is cut off"), "{}", stdout(&cut));
    let missing = run(&member, &["--action", "invite", "--body", "/nowhere.json"]);
    assert_eq!(missing.status.code(), Some(2));
    let access = run(&member, &["--body", text(&body)]);
    assert!(stderr(&access).contains("only action `invite` asks something of it"), "{}", stderr(&access));

    let guest = json!({"tid": L, "idp": format!("https://sts.windows.net/{source}/"), "acct": 1});
    let redeemed = run(&guest, &["--action", "redeem"]);
    assert!(stdout(&redeemed).contains("consent=required"), "{}", stdout(&redeemed));
    let told: Value = serde_json::from_slice(&run(&guest, &["--action", "redeem", "--json"]).stdout).unwrap();
    assert_eq!((&told["consent"], &told["invitation_email"]), (&json!("required"), &json!(true)));

    let workload = json!({"tid": L, "idtyp": "app"});
    let synchronised = run(&workload, &["--action", "user_sync", "--source-tenant", source]);
    assert_eq!(synchronised.status.code(), Some(0), "{}", stdout(&synchronised));
    let unnamed = run(&workload, &["--action", "user_sync"]);
    assert!(stdout(&unnamed).starts_with("deny  sync_caller_not_workload"), "{}", stdout(&unnamed));
    let elsewhere = run(&member, &["--action", "invite", "--mode", "outbound"]);
    assert!(stdout(&elsewhere).starts_with("deny  route_invalid"), "{}", stdout(&elsewhere));
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
    let step = "\n  STOP  setting       setting=b2bCollaborationInbound  origin=partner  users=blocked  users_match=true  \
                applications=blocked  applications_match=true  strict=false\n";
    assert!(
        printed.starts_with("deny  users_and_applications_blocked") && printed.contains(step),
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
fn validate_reads_every_file_and_asks_nobody() {
    let remote = json!({"issuers": [{"cloud": "microsoftonline.com"}], "extra_ca": "authorities.pem"});
    let etcd = json!({"source": "etcd", "etcd": {"endpoints": ["http://127.0.0.1:1"]}});
    for (config, told) in [
        (json!({"tokens": remote}), "authorities.pem"),
        (
            json!({"policy": etcd, "listen": {"tls": {"check": {"certificate": "c.pem", "key": "k.pem"}}}}),
            "c.pem",
        ),
    ] {
        let world = World::new(&config, &bundle());
        let invalid = tenantgate(&["serve", "--validate", "--config", text(&world.path("config.json"))], &[]);
        assert_eq!(invalid.status.code(), Some(2), "{told}");
        assert!(stderr(&invalid).contains(told), "{}", stderr(&invalid));
    }
    let world = World::new(&json!({"policy": etcd}), &bundle());
    let valid = tenantgate(&["serve", "--validate", "--config", text(&world.path("config.json"))], &[]);
    assert_eq!(valid.status.code(), Some(0), "{}", stderr(&valid));
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

#[test]
fn check_says_whether_anybody_verified_the_token() {
    let upstream = json!({"mode": "tenant_restrictions", "tokens": {"verification": "upstream"}});
    let claims = json!({"tid": L, "aud": "https://graph.microsoft.com"});
    let token = signer().mint(&claims);
    for (config, verified) in [(upstream, false), (json!({"mode": "tenant_restrictions"}), true)] {
        let world = World::new(&config, &bundle());
        let config = world.path("config.json");
        let output = tenantgate(
            &[
                "check",
                "--json",
                "--config",
                text(&config),
                "--host",
                "graph.microsoft.com",
                "--token",
                &token,
            ],
            &[],
        );
        let decision: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&decision["reason"], &decision["verified"]), (&json!("internal"), &json!(verified)));
    }
}
