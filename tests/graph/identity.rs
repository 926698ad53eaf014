//! There and back: nothing is lost and nothing is re-spelled.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::value::RawValue;

use crate::harness::{Answers, contents, export, import, tokens};
use crate::random;

/// Random bundles; a release's run may want more.
const CASES: u32 = 1_000;

type Parts = BTreeMap<String, Box<RawValue>>;

/// A bundle with the members of the bundle's own objects in the order of their names, and everything that is Graph's
/// in its own order and spelling.
fn sorted(bundle: &str) -> String {
    let mut whole: BTreeMap<String, Vec<Parts>> = serde_json::from_str(bundle).unwrap();
    let tenants = whole.remove("tenants").unwrap();
    assert!(whole.is_empty());
    let tenants: Vec<_> = tenants.iter().map(|tenant| object(tenant, own)).collect();
    tokens(&tenants.join("\n"))
}

fn own(name: &str, value: &RawValue) -> String {
    match name {
        "conditionalAccess" if value.get() != "null" => {
            object(&serde_json::from_str(value.get()).unwrap(), |_, value| value.get().to_owned())
        }
        "crossTenantAccessPolicy" => {
            // The list and the default have files of their own; the order of everything else is Graph's.
            let members: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(value.get()).unwrap();
            let others = |name: &&String| *name != "default" && !name.starts_with("partners");
            let order: Vec<_> = members.keys().filter(others).collect();
            let sorted =
                object(&serde_json::from_str(value.get()).unwrap(), |_, value| value.get().to_owned());
            format!("{order:?}{sorted}")
        }
        _ => value.get().to_owned(),
    }
}

fn object(members: &Parts, text: impl Fn(&str, &RawValue) -> String) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{}:{}", random::quoted(name), text(name, value)))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn check(property: impl Fn(&str, &Path) -> Result<(), TestCaseError>) {
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&random::bundle(), |bundle| {
        let root = scratch();
        fs::write(root.path().join("a.json"), &bundle).unwrap();
        property(&bundle, root.path())
    });
    outcome.unwrap();
}

/// In memory where that can be: what is written is synchronised with the disk, and here no disk is meant.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

#[test]
fn a_random_bundle_is_the_same_after_export_and_import() {
    check(|bundle, root| {
        let (there, back) = (root.join("answers"), root.join("b.json"));
        export(&root.join("a.json"), &there).unwrap();
        let (outcome, heard) = import(&there, &back);
        let found: Vec<_> = heard.found.iter().map(|found| found.finding.to_string()).collect();
        prop_assert!(outcome.is_ok(), "{outcome:?} {found:?}");
        let again = fs::read_to_string(&back).unwrap();
        prop_assert_eq!(sorted(bundle), sorted(&again));
        // What import writes is in its order already.
        let (there, last) = (root.join("again"), root.join("c.json"));
        export(&back, &there).unwrap();
        import(&there, &last).0.unwrap();
        prop_assert_eq!(again, fs::read_to_string(last).unwrap());
        Ok(())
    });
}

#[test]
fn random_answers_are_the_same_after_import_and_export() {
    check(|_, root| {
        let (first, second) = (root.join("1"), root.join("2"));
        export(&root.join("a.json"), &first).unwrap();
        import(&first, &root.join("b.json")).0.unwrap();
        export(&root.join("b.json"), &second).unwrap();
        prop_assert_eq!(contents(&first), contents(&second));
        Ok(())
    });
}

#[test]
fn documented_answers_come_back_as_they_were_but_for_pages() {
    let answers = Answers::documented();
    assert_eq!(answers.import(&[]).code, 0);
    let back = answers.root().join("back");
    export(&answers.bundle(), &back).unwrap();
    let again = contents(&back);
    let before = contents(&answers.directory());
    let own = ["partners", "identitySynchronization", "tenant"];
    let kept = |(name, _): &&(String, String)| !own.iter().any(|own| name.starts_with(own));
    assert_eq!(again.iter().filter(kept).collect::<Vec<_>>(), before.iter().filter(kept).collect::<Vec<_>>());
    let text =
        |files: &[(String, String)], name: &str| files.iter().find(|(own, _)| own == name).unwrap().1.clone();
    // One page, and what had a file of its own is with its partner, where $expand would have put it.
    let whole = text(&again, "partners.json");
    let (first, second) = (text(&before, "partners.json"), text(&before, "partners-2.json"));
    let items = |page: &str| page.split_once("\"value\":[").unwrap().1.rsplit_once(']').unwrap().0.to_owned();
    let synchronization = before.iter().find(|(name, _)| name.starts_with("identity")).unwrap().1.clone();
    let fabrikam = items(&first);
    let fabrikam =
        format!("{},\"identitySynchronization\":{synchronization}}}", fabrikam.strip_suffix('}').unwrap());
    let head = first.split_once("\"value\":[").unwrap().0;
    assert_eq!(whole, format!("{head}\"value\":[{fabrikam},{}]}}", items(&second)));
    assert_eq!(text(&again, "tenant.json"), format!("{{\"tenantId\":\"{}\"}}", crate::harness::L));
}

#[test]
fn the_shipped_example_goes_there_and_back() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/example/policy.json");
    let root = tempfile::tempdir().unwrap();
    let (there, back) = (root.path().join("answers"), root.path().join("policy.json"));
    export(Path::new(example), &there).unwrap();
    import(&there, &back).0.unwrap();
    assert_eq!(sorted(&fs::read_to_string(example).unwrap()), sorted(&fs::read_to_string(back).unwrap()));
}

#[test]
fn how_the_list_is_cut_and_where_synchronisation_is_told_makes_no_difference() {
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let cases = (random::bundle(), 1..4_usize);
    let outcome = runner.run(&cases, |(bundle, size)| {
        let root = scratch();
        let at = |name: &str| root.path().join(name);
        fs::write(at("a.json"), &bundle).unwrap();
        export(&at("a.json"), &at("answers")).unwrap();
        import(&at("answers"), &at("b.json")).0.unwrap();
        cut(&at("answers"), size);
        import(&at("answers"), &at("c.json")).0.unwrap();
        prop_assert_eq!(fs::read_to_string(at("b.json")).unwrap(), fs::read_to_string(at("c.json")).unwrap());
        Ok(())
    });
    outcome.unwrap();
}

/// Cuts every list of partners into pages of some items.
fn cut(directory: &Path, size: usize) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            cut(&path, size);
        }
    }
    let Ok(text) = fs::read_to_string(directory.join("partners.json")) else { return };
    if text.trim() == "null" {
        return;
    }
    let whole: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let raw: Parts = serde_json::from_str(&text).unwrap();
    let items: Vec<Box<RawValue>> = serde_json::from_str(raw["value"].get()).unwrap();
    let pages: Vec<_> = items.chunks(size).collect();
    for (index, page) in pages.iter().enumerate() {
        let mut members = Vec::new();
        for name in whole.keys() {
            // What Graph says about the whole list it says on the first page.
            let value = match name.as_str() {
                "value" => {
                    let items: Vec<_> = page.iter().map(|item| item.get()).collect();
                    format!("[{}]", items.join(","))
                }
                _ if index > 0 => continue,
                name => raw[name].get().to_owned(),
            };
            members.push(format!("{}:{value}", random::quoted(name)));
        }
        if index + 1 < pages.len() {
            members.push(format!("\"@odata.nextLink\":\"https://graph.microsoft.com/?$skiptoken={index}\""));
        }
        let name =
            if index == 0 { "partners.json".to_owned() } else { format!("partners-{}.json", index + 1) };
        fs::write(directory.join(name), format!("{{{}}}", members.join(","))).unwrap();
    }
}
