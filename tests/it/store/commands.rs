//! `tenantgate policy`: what each command prints, does and answers.

use serde_json::{Value, json};

use super::{apply, bundle, get, partner, policy, world};
use crate::harness::{L, World};

const P0: &str = "00000000-604b-40ac-a9d7-9fd97c0b779f";

#[test]
fn what_is_applied_is_got_and_applied_again_changes_nothing() {
    let world = world(&json!({}));
    let nothing = policy(&world, &["get"]);
    assert_eq!((nothing.code, nothing.out.as_str()), (2, ""));
    assert!(nothing.err.contains("holds no policy yet"), "{}", nothing.err);
    let policy_one = bundle("blocked", &[partner(1, 1), partner(0, 1)]);
    let done = apply(&world, &policy_one, &[]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.out.starts_with("revision 1; tenants' settings: 1 added"), "{}", done.out);
    assert!(done.out.contains("partners: 2 added, 0 changed, 0 removed"), "{}", done.out);
    let (got, revision) = get(&world);
    // In the order of the ids.
    assert_eq!((got, revision.as_str()), (bundle("blocked", &[partner(0, 1), partner(1, 1)]), "revision 1"));
    let again = apply(&world, &policy_one, &["--json"]);
    let told: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((&told["changed"], &told["revision"]), (&json!(false), &json!("1")));

    assert_eq!(policy(&world, &["get", "-o", "got.json"]).code, 0);
    let kept = policy(&world, &["get", "-o", "got.json"]);
    assert_eq!(kept.code, 2);
    assert!(kept.err.contains("--force"), "{}", kept.err);
    assert_eq!(policy(&world, &["get", "-o", "got.json", "--force"]).code, 0);
    assert_eq!(policy(&world, &["apply", "got.json"]).out, "nothing to change; revision 1\n");
    assert_eq!(std::fs::read_dir(world.path("")).unwrap().filter(is_of_store).count(), 1, "one file at rest");
}

#[test]
fn the_service_and_check_read_what_was_applied() {
    let world = world(&json!({}));
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tenantgate"));
        let output =
            command.env_clear().args(arguments).arg("--config").arg(world.path("config.json")).output();
        let output = output.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let (code, _, err) = run(&["serve", "--validate"]);
    assert_eq!(code, 2);
    assert!(err.contains("holds no policy yet"), "{err}");
    assert_eq!(apply(&world, &bundle("blocked", &[partner(0, 1)]), &[]).code, 0);
    let (code, out, _) = run(&["serve", "--validate"]);
    assert_eq!((code, out.as_str()), (0, "valid; policy revision 1\n"));
    let claims = json!({"tid": L, "aud": "api://orders", "acct": 0}).to_string();
    let (code, out, err) = run(&["check", "--claims", &claims]);
    assert_eq!((code, out.contains("policy_revision=1")), (0, true), "{out}{err}");
}

fn is_of_store(entry: &std::io::Result<std::fs::DirEntry>) -> bool {
    entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("policy.db")
}

#[test]
fn a_bundle_with_errors_is_refused_as_lint_refuses_it() {
    let world = world(&json!({}));
    assert_eq!(apply(&world, &bundle("blocked", &[]), &[]).code, 0);
    let mut bad = bundle("blocked", &[partner(0, 1), partner(0, 2)]);
    let refused = apply(&world, &bad, &["--acknowledge"]);
    let linted = std::process::Command::new(env!("CARGO_BIN_EXE_tenantgate"))
        .args(["lint", "next.json"])
        .current_dir(world.path(""))
        .output()
        .unwrap();
    assert_eq!((refused.code, refused.out.as_bytes()), (1, linted.stdout.as_slice()));
    assert!(refused.out.contains("partner_duplicate"), "{}", refused.out);
    let told = apply(&world, &bad, &["--json"]);
    assert_eq!(serde_json::from_str::<Value>(&told.out).unwrap()["errors"], 1);
    // By the configuration's own lights, too: it needs this tenant.
    bad = bundle("blocked", &[]);
    bad["tenants"][0]["tenantId"] = P0.into();
    assert!(apply(&world, &bad, &["--acknowledge"]).out.contains("tenant_missing"));
    // What is a warning in a policy that arrives is an error in one that is written.
    let mut conflict = bundle("blocked", &[]);
    let half = "/tenants/0/crossTenantAccessPolicy/default/b2bCollaborationInbound/usersAndGroups/accessType";
    *conflict.pointer_mut(half).unwrap() = "allowed".into();
    let refused = apply(&world, &conflict, &["--acknowledge"]);
    assert_eq!(refused.code, 1);
    assert!(refused.out.contains("users_allowed_applications_blocked"), "{}", refused.out);
    assert_eq!(get(&world).1, "revision 1");
}

#[test]
fn a_change_is_made_on_the_expected_revision_alone() {
    let world = world(&json!({}));
    let versions: Vec<_> = (0..4).map(|version| bundle("blocked", &[partner(0, version)])).collect();
    let conflict = apply(&world, &versions[0], &["--expect-revision", "1", "--json"]);
    assert_eq!(conflict.code, 4);
    let told: Value = serde_json::from_str(&conflict.out).unwrap();
    assert_eq!(told, json!({"conflict": {"expected": 1, "present": 0}}));
    assert_eq!(apply(&world, &versions[0], &["--expect-revision", "0"]).code, 0);
    assert_eq!(apply(&world, &versions[1], &["--expect-revision", "1"]).code, 0);
    let late = apply(&world, &versions[2], &["--expect-revision", "1"]);
    assert_eq!(late.code, 4);
    assert!(late.err.contains("the store has revision 2, not 1"), "{}", late.err);
    assert_eq!(policy(&world, &["rollback", "1", "--expect-revision", "1"]).code, 4);
    assert_eq!(get(&world), (versions[1].clone(), "revision 2".to_owned()));
}

#[test]
fn diff_tells_what_apply_would_change() {
    let world = world(&json!({}));
    assert_eq!(
        apply(&world, &bundle("blocked", &[partner(0, 1), partner(1, 1), partner(2, 1)]), &[]).code,
        0
    );
    let next = bundle("allowed", &[partner(0, 1), partner(1, 2), partner(3, 1)]);
    world.write("next.json", &next.to_string());
    let diff = policy(&world, &["diff", "next.json"]);
    let default = "/crossTenantAccessPolicy/default/b2bCollaborationInbound";
    let expected = format!(
        "tenant {L}\n  ~ settings\n      {default}/applications/accessType: \"blocked\" → \"allowed\"\n      \
         {default}/usersAndGroups/accessType: \"blocked\" → \"allowed\"\n  \
         ~ partner 00000001-604b-40ac-a9d7-9fd97c0b779f\n      /version: 1 → 2\n  \
         - partner 00000002-604b-40ac-a9d7-9fd97c0b779f\n  + partner 00000003-604b-40ac-a9d7-9fd97c0b779f\n\
         to acknowledge: tenant {L}: {default}/usersAndGroups: the default was blocked for all, and is to be allowed for all\n\
         to acknowledge: tenant {L}: {default}/applications: the default was blocked for all, and is to be allowed for all\n\
         against revision 1; tenants' settings: 0 added, 1 changed, 0 removed; partners: 1 added, 1 changed, 1 removed\n"
    );
    assert_eq!((diff.code, diff.out), (1, expected));
    let told: Value = serde_json::from_str(&policy(&world, &["diff", "--json", "next.json"]).out).unwrap();
    assert_eq!(told["changes"].as_array().unwrap().len(), 4);
    assert_eq!(told["changes"][1]["differences"], json!([{"pointer": "/version", "before": 1, "after": 2}]));
    assert_eq!(told["to_acknowledge"][0]["pointer"], format!("{default}/usersAndGroups"));
    assert_eq!(get(&world).1, "revision 1", "diff writes nothing");
    assert_eq!(apply(&world, &next, &["--acknowledge"]).code, 0);
    let same = policy(&world, &["diff", "next.json"]);
    assert_eq!((same.code, same.out.lines().count()), (0, 1));
}

#[test]
fn rollback_is_a_new_change_with_the_old_content() {
    let world = world(&json!({}));
    let versions = [
        bundle("blocked", &[partner(0, 1), partner(1, 1)]),
        bundle("blocked", &[partner(0, 2), partner(1, 1), partner(2, 1)]),
        bundle("blocked", &[partner(1, 3), partner(2, 1)]),
    ];
    for version in &versions {
        assert_eq!(apply(&world, version, &[]).code, 0);
    }
    // Back and forth, each the identity.
    for (revision, present) in (4..).zip([1, 2, 3, 1, 3, 5]) {
        let done = policy(&world, &["rollback", &present.to_string()]);
        assert!(done.out.starts_with(&format!("revision {revision};")), "{}{}", done.out, done.err);
        let wanted = if present == 5 { &versions[1] } else { &versions[present - 1] };
        assert_eq!(get(&world), (wanted.clone(), format!("revision {revision}")));
    }
    assert_eq!(policy(&world, &["rollback", "9"]).out, "nothing to change; revision 9\n");
    for unknown in ["0", "10", "99"] {
        let refused = policy(&world, &["rollback", unknown]);
        assert_eq!(refused.code, 2);
        assert!(refused.err.contains("is not kept"), "{}", refused.err);
    }
    let history: Value = serde_json::from_str(&policy(&world, &["history", "--json"]).out).unwrap();
    let told = |at: usize, name: &str| history[at][name].as_str().unwrap().to_owned();
    assert_eq!((told(0, "revision"), told(0, "what")), ("9".to_owned(), "rollback to 5".to_owned()));
    assert_eq!((told(8, "revision"), told(8, "what")), ("1".to_owned(), "apply".to_owned()));
    assert_eq!(history[6]["partners"], json!({"added": 0, "changed": 1, "removed": 1}));
    assert_eq!(policy(&world, &["history"]).out.lines().count(), 9);
}

#[test]
fn rollback_asks_what_apply_asks() {
    let world = world(&json!({}));
    assert_eq!(apply(&world, &bundle("allowed", &[partner(0, 1)]), &[]).code, 0);
    assert_eq!(apply(&world, &bundle("blocked", &[partner(0, 1)]), &[]).code, 0);
    let asked = policy(&world, &["rollback", "1"]);
    assert_eq!(asked.code, 3);
    assert!(asked.err.contains("the default was blocked for all"), "{}", asked.err);
    assert_eq!(policy(&world, &["rollback", "1", "--acknowledge"]).code, 0);
    // A configuration that needs another tenant by now.
    let text = std::fs::read_to_string(world.path("config.json")).unwrap();
    world.write("config.json", &text.replace(L, P0));
    let refused = policy(&world, &["rollback", "2", "--acknowledge"]);
    assert_eq!(refused.code, 1);
    assert!(refused.out.contains("tenant_missing"), "{}", refused.out);
}

#[test]
fn what_cannot_be_done_is_said() {
    let files = World::new(&json!({}), &bundle("blocked", &[]));
    for arguments in [&["get"][..], &["apply", "policy.json"], &["history"], &["rollback", "1"]] {
        let refused = policy(&files, arguments);
        assert_eq!(refused.code, 2);
        assert!(refused.err.contains("`policy.source` is `file`"), "{}", refused.err);
    }
    let refused = std::process::Command::new(env!("CARGO_BIN_EXE_tenantgate"))
        .args(["policy", "get", "--admin", "http://127.0.0.1:9192"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("no admin API"));
    let nameless = World::new(&json!({"policy": {"source": "embedded", "path": null}}), &json!({}));
    assert!(policy(&nameless, &["get"]).err.contains("name the database file"));

    let world = world(&json!({}));
    assert_eq!(apply(&world, &bundle("blocked", &[partner(0, 1)]), &[]).code, 0);
    let file = std::fs::read(world.path("policy.db")).unwrap();
    let at = file.windows(10).position(|bytes| bytes == br#""version":"#).unwrap();
    let mut flipped = file.clone();
    flipped[at + 10] ^= 1;
    for (bad, why) in [
        (flipped, "its records are not those of revision 1"),
        (file[..file.len() / 2].to_vec(), "is damaged"),
        (b"tenants: []".repeat(1000), "it is no database"),
    ] {
        std::fs::write(world.path("policy.db"), bad).unwrap();
        let refused = policy(&world, &["get", "-o", "out.json"]);
        assert_eq!(refused.code, 2);
        assert!(refused.err.contains(why), "{}", refused.err);
        assert!(!world.path("out.json").exists());
        assert_eq!(apply(&world, &bundle("blocked", &[]), &["--acknowledge"]).code, 2);
    }
    std::fs::write(world.path("policy.db"), file).unwrap();
    assert_eq!(get(&world).1, "revision 1");
}
