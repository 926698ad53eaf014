//! The decision matrix: who, under which setting, gets in. A diff of `tests/golden/decision-matrix.txt` is the
//! review of a change in meaning.
//!
//! `GOLDEN=write cargo test --test properties golden` writes it anew.

mod actions;
mod egress;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::engine;
use crate::reference::generate::Case;

const L: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
const H: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";
const USER: &str = "0a3e6c1e-0d5f-4b54-9c5c-7d1f1d3b5a01";
const OTHER: &str = "0a3e6c1e-0d5f-4b54-9c5c-7d1f1d3b5a02";
const APP: &str = "11111111-2222-3333-4444-555555555555";
const NOW: i64 = 1_800_000_000;

#[test]
fn the_decision_matrix_is_as_reviewed() {
    as_reviewed("decision-matrix.txt", &matrix());
}

fn as_reviewed(file: &str, matrix: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    if std::env::var_os("GOLDEN").is_some_and(|word| word == "write") {
        std::fs::write(&path, matrix).unwrap();
    }
    let reviewed = std::fs::read_to_string(&path).unwrap();
    for (line, (now, before)) in matrix.lines().zip(reviewed.lines()).enumerate() {
        assert_eq!(now, before, "line {}; GOLDEN=write accepts the change", line + 1);
    }
    assert_eq!(matrix.lines().count(), reviewed.lines().count());
}

fn matrix() -> String {
    let mut text = String::from(
        "Who may reach an application of ours, by the setting kept for their home tenant, and by what is required.\n\
         Y permitted   c challenged   . denied; then the reason. Written by GOLDEN=write cargo test --test properties golden\n",
    );
    for (requirement, controls) in REQUIREMENTS {
        for trusted in [false, true] {
            if controls.is_empty() && trusted {
                continue;
            }
            let trust = if trusted { ", the home tenant's claims trusted" } else { "" };
            write!(text, "\n== required: {requirement}{trust}\n\n").unwrap();
            for (who, claims) in callers() {
                for (kept, setting) in settings(&["b2bCollaborationInbound", "b2bDirectConnectInbound"]) {
                    text.push_str(&line(who, kept, &case(&claims, &setting, controls, trusted)));
                }
            }
        }
    }
    text.push_str(&egress::matrix());
    text
}

fn line(who: &str, kept: &str, case: &Case) -> String {
    let decision = engine::decide(case);
    let mark = match decision.effect.as_str() {
        "allow" => 'Y',
        "challenge" => 'c',
        _ => '.',
    };
    format!("{mark}  {who:<44} {kept:<46} {}\n", decision.reason)
}

const REQUIREMENTS: [(&str, &[&str]); 4] = [
    ("nothing", &[]),
    ("MFA", &["mfa"]),
    ("compliant device", &["compliantDevice"]),
    ("MFA or device", &["mfa", "compliantDevice"]),
];

fn callers() -> Vec<(&'static str, Value)> {
    let of = |more: Value| {
        let mut claims = json!({
            "tid": L, "iss": format!("https://login.microsoftonline.com/{L}/v2.0"), "ver": "2.0", "aud": APP,
            "azp": "22222222-2222-3333-4444-555555555555", "oid": USER, "iat": NOW, "exp": NOW + 3600, "xms_cc": ["cp1"],
        });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    };
    let home = format!("https://sts.windows.net/{H}/");
    vec![
        ("internal", of(json!({"acct": 0}))),
        ("guest, id at home unknown", of(json!({"idp": home, "acct": 1}))),
        ("guest, the listed user", of(json!({"idp": home, "acct": 1, "home_oid": USER}))),
        ("guest, another user", of(json!({"idp": home, "acct": 1, "home_oid": OTHER}))),
        ("guest, MFA done at home", of(json!({"idp": home, "acct": 1, "home_oid": USER, "amr": ["mfa"]}))),
        (
            "guest, our context c1 satisfied",
            of(json!({"idp": home, "acct": 1, "home_oid": USER, "acrs": ["c1"]})),
        ),
        (
            "guest, compliant device",
            of(json!({"idp": home, "acct": 1, "home_oid": USER, "signin_state": ["dvc_cmp"]})),
        ),
        (
            "direct connect",
            of(json!({"tid": H, "iss": format!("https://login.microsoftonline.com/{H}/v2.0"), "oid": USER})),
        ),
        ("service provider", of(json!({"idp": home, "xms_idrel": "11"}))),
        ("workload of ours", of(json!({"idtyp": "app"}))),
        ("from outside Entra", of(json!({"idp": "live.com", "email": "a@example.com"}))),
    ]
}

/// The same setting kept under each of these names.
fn settings(names: &[&str]) -> Vec<(&'static str, Value)> {
    let half = |access: &str, target: &str, kind: &str| json!({"accessType": access, "targets": [{"target": target, "targetType": kind}]});
    let setting = |users: Value, applications: Value| {
        let both = json!({"usersAndGroups": users, "applications": applications});
        names.iter().map(|name| ((*name).to_owned(), both.clone())).collect::<Map<_, _>>().into()
    };
    let all_users = |access| half(access, "AllUsers", "user");
    let user = |access| half(access, USER, "user");
    let all_apps = |access| half(access, "AllApplications", "application");
    let app = |access| half(access, APP, "application");
    vec![
        ("nothing kept: defaults", json!(null)),
        ("allowed all, allowed all", setting(all_users("allowed"), all_apps("allowed"))),
        ("blocked all, blocked all", setting(all_users("blocked"), all_apps("blocked"))),
        ("allowed user, allowed all", setting(user("allowed"), all_apps("allowed"))),
        ("blocked user, allowed all", setting(user("blocked"), all_apps("allowed"))),
        ("allowed all, blocked app", setting(all_users("allowed"), app("blocked"))),
        ("blocked user, blocked app", setting(user("blocked"), app("blocked"))),
        ("blocked user, blocked all (warned of)", setting(user("blocked"), all_apps("blocked"))),
    ]
}

fn case(claims: &Value, setting: &Value, controls: &[&str], trusted: bool) -> Case {
    let trust = json!({"isMfaAccepted": trusted, "isCompliantDeviceAccepted": trusted});
    let mut partner = json!({"tenantId": H, "isServiceProvider": true, "inboundTrust": trust});
    if let Value::Object(kept) = setting {
        partner.as_object_mut().unwrap().extend(kept.clone());
    }
    let policy = json!({
        "id": "required", "state": "enabled",
        "conditions": {"applications": {"includeApplications": ["All"]}, "users": {"includeUsers": ["All"]}},
        "grantControls": {"operator": "OR", "builtInControls": controls},
    });
    let policies: Vec<_> = (!controls.is_empty()).then_some(policy).into_iter().collect();
    let tenant = json!({
        "tenantId": L,
        "crossTenantAccessPolicy": {"partners": [partner]},
        "conditionalAccess": {"policies": policies},
    });
    Case {
        config: json!({
            "tenant": L,
            "tokens": {"issuers": [{"cloud": "microsoftonline.com"}], "audiences": [APP]},
            "authenticationContexts": {"mfa": "c1", "compliantDevice": "c2"},
        }),
        bundle: json!({"tenants": [tenant]}),
        principal_map: json!(null),
        claims: Some(claims.clone()),
        route: BTreeMap::new(),
        headers: Vec::new(),
        body: None,
        method: "GET",
        host: "orders.contoso.example".to_owned(),
        path: "/",
        now: NOW,
    }
}
