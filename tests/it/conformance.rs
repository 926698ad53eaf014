//! `tests/conformance/*.json`, each case three ways: the gate directly, over gRPC, and by `tenantgate check`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tenantgate::app::App;
use tenantgate::check::{Http, Request};
use tenantgate::engine::{Explanation, Reason};

use crate::harness::{Case, Client, World, cases, members};

/// Reasons that no case of this kind can reach, and where the test is that stands in for one: a file and a name in it.
const ELSEWHERE: &[(&str, &str, &[Reason])] = &[
    (
        "it/lifecycle.rs",
        "before_the_first_policy_checks_are_denied_and_then_decided",
        &[Reason::PolicyUnavailable],
    ),
    ("it/lifecycle.rs", "without_keys_the_fault_is_ours", &[Reason::KeysUnavailable]),
    ("it/lifecycle.rs", "with_no_place_left_the_answer_is_an_explicit_denial", &[Reason::Overloaded]),
    ("it/answers.rs", "what_could_not_be_handled_at_all_is_an_explicit_denial", &[Reason::InternalError]),
    ("it/partners.rs", "what_cannot_be_fetched_or_read_decides_nothing", &[Reason::PartnerUnavailable]),
];

#[test]
fn every_reason_has_a_case() {
    let mut reached: BTreeSet<String> = BTreeSet::new();
    for case in all() {
        reached.insert(case.data["expect"]["reason"].as_str().unwrap().to_owned());
    }
    let elsewhere = |reason: &Reason| ELSEWHERE.iter().any(|(_, _, reasons)| reasons.contains(reason));
    for reason in Reason::ALL {
        let (here, there) = (reached.contains(reason.word()), elsewhere(reason));
        assert!(here || there, "no conformance case for {reason}");
        assert!(!(here && there), "{reason} has a case, and no need of an exemption");
    }
}

#[test]
fn every_exempt_reason_has_its_test() {
    for (file, name, reasons) in ELSEWHERE {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let (function, case) = (format!("fn {name}("), format!(r#"{{"name": "{name}","#));
        assert!(text.contains(&function) || text.contains(&case), "{reasons:?}: no `{name}` in tests/{file}");
    }
}

#[tokio::test]
async fn the_gate_decides_every_case_as_expected() {
    let mut wrong = Vec::new();
    for case in all() {
        let world = case.world();
        let (gate, _keys) = App::gate_alone(&world.config()).await.unwrap();
        assert!(gate.judge().policy().borrow().is_some(), "{}: the bundle was refused", case.name);
        let asked = case.asked();
        let mut http = Http {
            method: asked.method.as_bytes(),
            host: asked.host.as_bytes(),
            path: asked.path.as_bytes(),
            ..Http::default()
        };
        for (name, value) in &asked.headers {
            http.add_header(name.as_bytes(), value.as_bytes());
        }
        http.body.text = asked.body.as_bytes();
        let route = asked.route.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes())).collect();
        let request = Request { http: Some(http), route, ..Request::default() };
        let mut explanation = Explanation::default();
        let decided = gate.decide(&request, case.now(), &mut explanation, members).await;
        wrong.extend(case.differs(&decided));
    }
    report("directly", &wrong);
}

#[tokio::test]
async fn the_service_answers_every_case_as_expected() {
    let mut wrong = Vec::new();
    // The service's clock is the machine's.
    let (timed, asked): (Vec<_>, Vec<_>) = all().into_iter().partition(|case| case.data.get("now").is_some());
    told(format_args!("over gRPC: {} cases asked, {} skipped for their time", asked.len(), timed.len()));
    for case in &timed {
        let file = case.name.split(':').next();
        assert!(matches!(file, Some("tokens" | "revocation")), "{} has no need of a time", case.name);
    }
    for case in asked {
        let world = case.world();
        let app = world.ready().await;
        let decided = Client::connect(&app.check).decide(&case.asked()).await;
        wrong.extend(case.differs(&decided));
    }
    report("over gRPC", &wrong);
}

#[test]
fn the_command_prints_every_case_as_expected() {
    let mut wrong = Vec::new();
    let mut skipped = BTreeMap::<_, u32>::new();
    for case in all() {
        let world = case.world();
        let arguments = match case.arguments(&world) {
            Ok(arguments) => arguments,
            Err(why) => {
                *skipped.entry(why).or_default() += 1;
                continue;
            }
        };
        let output = Command::new(env!("CARGO_BIN_EXE_tenantgate"))
            .env_clear()
            .args(["check", "--json", "--config"])
            .arg(world.path("config.json"))
            .args(arguments)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let Ok(Value::Object(decided)) = serde_json::from_slice(&output.stdout) else {
            wrong.push(format!("{}: printed no decision: {stderr}", case.name));
            continue;
        };
        let code = match decided["effect"].as_str() {
            Some("allow") => 0,
            Some("deny") => 3,
            _ => 4,
        };
        assert_eq!(output.status.code(), Some(code), "{}: {stderr}", case.name);
        wrong.extend(case.differs(&decided));
    }
    told(format_args!("by `tenantgate check`: skipped for want of a flag {skipped:?}"));
    report("by `tenantgate check`", &wrong);
}

#[expect(clippy::print_stdout, reason = "counts are for who reads the run")]
fn told(counts: std::fmt::Arguments<'_>) {
    println!("{counts}");
}

fn report(way: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{} case(s) differ {way}:\n{}", wrong.len(), wrong.join("\n"));
}

fn all() -> Vec<Case> {
    cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance"))
}

impl Case {
    pub(crate) fn world(&self) -> World {
        let mut config = self.config.clone();
        let principals = self.principals();
        if principals.is_some() {
            config["principal_map"] = "principals.json".into();
        }
        let world = World::new(&config, &self.bundle);
        if let Some(principals) = principals {
            world.write("principals.json", &principals.to_string());
        }
        world
    }

    /// Or what the command has no flag for: another method, a path, and route keys that are `report_only` or unknown.
    fn arguments(&self, world: &World) -> Result<Vec<String>, &'static str> {
        let asked = self.asked();
        if asked.method != "GET" {
            return Err("method");
        }
        if asked.path != "/" {
            return Err("path");
        }
        let mut arguments = vec!["--host".to_owned(), asked.host];
        for (name, value) in &asked.headers {
            arguments.extend(["--header".to_owned(), format!("{name}:{value}")]);
        }
        if !asked.body.is_empty() {
            world.write("body.json", &asked.body);
            arguments.extend(["--body".to_owned(), world.path("body.json").display().to_string()]);
        }
        for (key, value) in &asked.route {
            let flag = match key.as_str() {
                "mode" | "action" | "application" | "tenant" | "require" => format!("--{key}"),
                "resource_tenant" => "--resource-tenant".to_owned(),
                "source_tenant" => "--source-tenant".to_owned(),
                "report_only" => return Err("report_only"),
                _ => {
                    let reason = &self.data["expect"]["reason"];
                    assert_eq!(*reason, "route_invalid", "{}: `{key}` has no flag", self.name);
                    return Err("an unknown key");
                }
            };
            arguments.extend([flag, value.clone()]);
        }
        if let Some(now) = self.data.get("now") {
            arguments.extend(["--now".to_owned(), now.to_string()]);
        }
        Ok(arguments)
    }
}
