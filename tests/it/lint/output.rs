//! How findings are told: text, JSON, SARIF; of one file or of several.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::lint_text;
use crate::harness::World;
use crate::harness::bundles::{P, base};

#[test]
fn findings_are_valid_sarif() {
    let mut bundle = base();
    bundle["tenants"][0]["cloud"] = json!("x");
    bundle["tenants"][0]["strange"] = json!(1);
    let log = lint_text(&bundle.to_string(), "--sarif").unwrap();
    assert_eq!(schema_errors(&log), "");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "tenantgate");
    let rules: Vec<_> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        assert!(rules.contains(&&result["ruleId"]));
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0];
        assert!(
            place["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap().starts_with("file:///")
        );
        assert!(
            place["logicalLocations"][0]["fullyQualifiedName"].as_str().unwrap().starts_with("/tenants/0/")
        );
    }
}

#[test]
fn the_schema_is_not_satisfied_by_anything() {
    let mut log = lint_text(&base().to_string(), "--sarif").unwrap();
    assert_eq!(schema_errors(&log), "", "nothing found is a valid log too");
    log["runs"][0]["results"] = json!([{"level": "fatal", "message": {}}]);
    assert_ne!(schema_errors(&log), "");
}

/// What the schema that OASIS publishes says against a log.
fn schema_errors(log: &Value) -> String {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tests/venv/bin/python");
    let script = "import json, sys; from sarif_kit.validate import validation_errors; \
                  print('\\n'.join(validation_errors(json.loads(sys.argv[1]))), end='')";
    let output = Command::new(python)
        .args(["-c", script, &log.to_string()])
        .output()
        .expect("there is no target/tests/venv: run ./tests/run, which makes it");
    assert!(output.status.success(), "run ./tests/run: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A good bundle, and beside it one with the same tenant and one with an error.
fn directory() -> World {
    let world = World::new(&json!({}), &json!({}));
    std::fs::create_dir(world.path("bundles")).unwrap();
    let mut bad = json!({"tenants": [{"tenantId": P, "crossTenantAccessPolicy": {}, "cloud": "x"}]});
    world.write("bundles/a.json", &base().to_string());
    world.write("bundles/c.json", &bad.to_string());
    bad["tenants"] = base()["tenants"].clone();
    world.write("bundles/b.json", &bad.to_string());
    world
}

fn lint_path(path: &Path, format: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenantgate"));
    let output = command.env_clear().arg("lint").args(format).arg(path).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn of_several_files_each_finding_names_its_own() {
    let world = directory();
    let bundles = world.path("bundles");
    let expected =
        [("value_malformed", "/tenants/0/cloud", "c.json"), ("tenant_duplicate", "/tenants/0", "b.json")];

    let report: Value = serde_json::from_str(&lint_path(&bundles, &["--json"])).unwrap();
    let log: Value = serde_json::from_str(&lint_path(&bundles, &["--sarif"])).unwrap();
    let text = lint_path(&bundles, &[]);
    assert_eq!(report["errors"], 2, "{report}");
    for (index, (code, pointer, name)) in expected.into_iter().enumerate() {
        let file = bundles.join(name).display().to_string();
        let finding = &report["findings"][index];
        assert_eq!(
            (&finding["code"], &finding["pointer"], &finding["file"]),
            (&json!(code), &json!(pointer), &json!(file))
        );
        let place = &log["runs"][0]["results"][index]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], format!("file://{file}"));
        assert!(
            text.lines().nth(index).unwrap().starts_with(&format!("error: {file}: {pointer}: ")),
            "{text}"
        );
    }
}

#[test]
fn of_one_file_a_finding_has_the_documented_members_alone() {
    let mut bundle = base();
    bundle["tenants"][0]["cloud"] = json!("x");
    let report = lint_text(&bundle.to_string(), "--json").unwrap();
    let members: Vec<_> = report["findings"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["code", "level", "pointer", "message", "remedy"]);
}
