//! Which files there must be, which there may be, and what becomes of the result.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::harness::{Answers, FABRIKAM, L, tenantgate};

#[test]
fn an_unknown_file_is_refused_with_the_nearest_known_name() {
    for (name, nearest) in [
        ("Partners.json", "partners.json"),
        ("partner.json", "partners.json"),
        ("partners-02.json", "partners-2.json"),
        ("defaults.json", "default.json"),
        ("conditionalAccess.json", "conditionalAccessPolicies.json"),
        ("b2bManagementPolicy.json", "b2bManagementPolicies.json"),
        ("identitySynchronization-fabrikam.json", "identitySynchronization-<tenantId>.json"),
        ("authorizationPolicy.txt", "authorizationPolicy.json"),
    ] {
        let answers = Answers::smallest();
        answers.write(name, "{}");
        let stderr = answers.refused();
        let expected =
            format!("error: {}: unknown file; did you mean `{nearest}`?", answers.path(name).display());
        assert!(stderr.contains(&expected), "{expected}\n{stderr}");
    }
    let answers = Answers::smallest();
    answers.write(".gitkeep", "");
    assert_eq!(answers.import(&[]).code, 0, "hidden files are nobody's answer");
}

#[test]
fn what_would_permit_more_when_it_is_forgotten_must_be_there() {
    for name in ["crossTenantAccessPolicy.json", "default.json", "partners.json"] {
        let answers = Answers::documented();
        answers.remove(name);
        if name == "partners.json" {
            answers.remove("partners-2.json");
        }
        let stderr = answers.refused();
        assert!(stderr.contains(&format!("{}: is missing: ", answers.path(name).display())), "{stderr}");
    }
}

#[test]
fn what_is_not_told_is_said_whichever_way_it_is_not_told() {
    let effects = [
        ("default.json", "Microsoft's own defaults hold"),
        ("partners.json", "the defaults hold for every organisation"),
        ("conditionalAccessPolicies.json", "no Conditional Access policy"),
        ("authorizationPolicy.json", "only administrators"),
        ("b2bManagementPolicies.json", "no mail domain will be refused"),
    ];
    let notes = |answers: &Answers| {
        let ran = answers.import(&["--force"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        effects.map(|(name, effect)| {
            ran.stderr.contains(&format!("note: {} tells nothing: {effect}", answers.path(name).display()))
        })
    };
    assert_eq!(notes(&Answers::smallest()), [true, false, true, true, true], "`{{}}`, and absent files");
    let answers = Answers::smallest();
    for (name, _) in effects {
        answers.write(name, "null");
    }
    answers.write("tenant.json", &json!({"conditionalAccess": {"ignore": []}}).to_string());
    assert_eq!(notes(&answers), [true; 5], "null");
    answers.write("partners.json", r#"{"value": []}"#);
    answers.write("conditionalAccessPolicies.json", r#"{"value": []}"#);
    answers.write("authorizationPolicy.json", r#"{"value": []}"#);
    assert_eq!(notes(&answers), [true, false, false, true, true], "what is empty says so itself");
    assert_eq!(notes(&Answers::documented()), [false; 5]);
}

#[test]
fn a_member_is_exported_once() {
    let tenant = |policy: &str| format!(r#"{{"tenantId": "{L}", "crossTenantAccessPolicy": {policy}}}"#);
    let twice = |one: &str, other: &str| format!(r#"{{{one}, "x": 1, {other}}}"#);
    let (null, list) = (r#""partners": null"#, r#""partners": []"#);
    let policies = [(null, null), (list, null), (null, list), (list, list)];
    let bundles = policies
        .map(|(one, other)| ("partners", format!(r#"{{"tenants": [{}]}}"#, tenant(&twice(one, other)))));
    let one = tenant("{}");
    let more = [
        ("tenants", format!(r#"{{"tenants": [{one}], "tenants": []}}"#)),
        ("tenants", format!(r#"{{"tenants": [], "tenants": [{one}]}}"#)),
        (
            "crossTenantAccessPolicy",
            format!(
                r#"{{"tenants": [{}, "crossTenantAccessPolicy": {{}}}}]}}"#,
                one.strip_suffix('}').unwrap()
            ),
        ),
    ];
    for (name, bundle) in bundles.into_iter().chain(more) {
        let answers = Answers::smallest();
        fs::write(answers.bundle(), &bundle).unwrap();
        let (from, to) = (answers.bundle(), answers.root().join("there"));
        let ran = tenantgate(&["export", from.to_str().unwrap(), "-o", to.to_str().unwrap()]);
        assert_eq!(ran.code, 1, "{bundle}");
        assert!(ran.stderr.contains(&format!("duplicate member `{name}`")), "{bundle}: {}", ran.stderr);
    }
}

#[test]
fn every_page_is_there_once() {
    let answers = Answers::documented();
    answers.remove("partners-2.json");
    let stderr = answers.refused();
    assert!(
        stderr
            .contains("partners.json: /@odata.nextLink: Graph has more, and `partners-2.json` is not there"),
        "{stderr}"
    );

    let answers = Answers::documented();
    answers.edit("partners.json", |page| drop(page.as_object_mut().unwrap().remove("@odata.nextLink")));
    let stderr = answers.refused();
    assert!(
        stderr.contains("partners.json: has no @odata.nextLink")
            && stderr.contains("`partners-2.json` is there"),
        "{stderr}"
    );

    let answers = Answers::documented();
    answers.write("partners.json", "null");
    let stderr = answers.refused();
    assert!(stderr.contains("partners.json: has no @odata.nextLink"), "{stderr}");

    let answers = Answers::documented();
    fs::rename(answers.path("partners-2.json"), answers.path("partners-3.json")).unwrap();
    let stderr = answers.refused();
    assert!(stderr.contains("partners-2.json: is missing: a later page is there"), "{stderr}");

    let answers = Answers::documented();
    fs::copy(answers.path("partners-2.json"), answers.path("partners-3.json")).unwrap();
    fs::copy(answers.path("partners.json"), answers.path("partners-2.json")).unwrap();
    let stderr = answers.refused();
    assert!(stderr.contains("partners-2.json: /@odata.nextLink: leads where that of"), "{stderr}");

    let answers = Answers::documented();
    answers.edit("partners-2.json", |page| {
        page["@odata.context"] = json!("https://graph.microsoft.com/beta/$metadata#x");
    });
    let stderr = answers.refused();
    assert!(stderr.contains("partners-2.json: /@odata.context: not what another page"), "{stderr}");

    let answers = Answers::documented();
    let first = fs::read_to_string(answers.path("conditionalAccessPolicies.json")).unwrap();
    answers.edit("conditionalAccessPolicies.json", |page| page["@odata.nextLink"] = json!("https://x/2"));
    answers.write("conditionalAccessPolicies-2.json", &first);
    let stderr = answers.refused();
    assert!(stderr.contains("conditionalAccessPolicies-2.json: /value/0: `c1f0d3a6"), "{stderr}");
}

#[test]
fn a_partner_is_there_once_whatever_the_page_and_the_case() {
    let answers = Answers::documented();
    answers.edit("partners-2.json", |page| {
        page["value"].as_array_mut().unwrap().push(json!({"tenantId": FABRIKAM.to_uppercase()}));
    });
    let stderr = answers.refused();
    let expected = format!(
        "error: {}: /value/1: partner {FABRIKAM} is there twice, first in partners.json at /value/1 (partner_duplicate)",
        answers.path("partners-2.json").display()
    );
    assert!(stderr.contains(&expected), "{stderr}");
}

#[test]
fn synchronisation_is_that_of_a_partner_and_told_once() {
    let file = format!("identitySynchronization-{FABRIKAM}.json");
    let answers = Answers::documented();
    answers.edit(&file, |settings| settings["tenantId"] = json!(L));
    assert!(answers.refused().contains("/tenantId: not the tenant of the file's name"));

    let answers = Answers::documented();
    fs::rename(answers.path(&file), answers.path(&format!("identitySynchronization-{L}.json"))).unwrap();
    answers.edit(&format!("identitySynchronization-{L}.json"), |settings| settings["tenantId"] = json!(L));
    assert!(answers.refused().contains("no partner has this tenantId"));

    let answers = Answers::documented();
    answers.edit("partners.json", |page| page["value"][1]["identitySynchronization"] = json!({}));
    assert!(answers.refused().contains("in the list already"));

    let answers = Answers::documented();
    fs::copy(
        answers.path(&file),
        answers.path(&format!("identitySynchronization-{}.json", FABRIKAM.to_uppercase())),
    )
    .unwrap();
    assert!(answers.refused().contains("is there as well: keep one of the two"));
}

#[test]
fn whose_settings_they_are_is_told_and_nobody_contradicts() {
    let answers = Answers::smallest();
    let (from, to) = (answers.directory(), answers.bundle());
    let bare = tenantgate(&["import", "--from", from.to_str().unwrap(), "-o", to.to_str().unwrap()]);
    assert_eq!(bare.code, 1);
    assert!(bare.stderr.contains("whose settings are these?"), "{}", bare.stderr);
    answers.write("tenant.json", &json!({"tenantId": FABRIKAM}).to_string());
    let stderr = answers.refused();
    assert!(
        stderr.contains(&format!("the settings of {L}")) && stderr.contains(&format!("of {FABRIKAM}")),
        "{stderr}"
    );
    let named = answers.import(&["--tenant", FABRIKAM]);
    assert_eq!(named.code, 0, "{}", named.stderr);
    assert_eq!(answers.import(&["--tenant", "contoso.com"]).code, 2);
}

#[test]
fn a_bundle_is_replaced_on_demand_and_only_by_a_whole_one() {
    let answers = Answers::documented();
    fs::write(answers.bundle(), "precious").unwrap();
    let ran = answers.import(&[]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("policy.json` exists: --force replaces it"), "{}", ran.stderr);
    answers.edit("default.json", |default| default["inboundtrust"] = json!(null));
    assert_eq!(answers.import(&["--force"]).code, 1);
    assert_eq!(fs::read_to_string(answers.bundle()).unwrap(), "precious");
    answers.edit("default.json", |default| drop(default.as_object_mut().unwrap().remove("inboundtrust")));
    assert_eq!(answers.import(&["--force"]).code, 0);
    assert!(fs::read_to_string(answers.bundle()).unwrap().starts_with("{\n"));
    for mode in [0o660, 0o600, 0o666, 0o444] {
        fs::set_permissions(answers.bundle(), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(answers.import(&["--force"]).code, 0);
        let kept = fs::metadata(answers.bundle()).unwrap().permissions().mode() & 0o777;
        assert_eq!(kept, mode, "{kept:o} and not {mode:o}");
    }
    let left = fs::read_dir(answers.root()).unwrap().count();
    assert_eq!(left, 2, "no temporary file is left");
    assert_eq!(answers.import(&["-o", "/nowhere/policy.json"]).code, 2, "said twice");
}

#[test]
fn what_cannot_be_done_says_so() {
    let answers = Answers::smallest();
    let to = answers.bundle();
    let graph = tenantgate(&["import", "--from", "graph", "-o", to.to_str().unwrap()]);
    assert_eq!(graph.code, 2);
    assert!(graph.stderr.contains("does not ask Graph itself"), "{}", graph.stderr);
    let nowhere = tenantgate(&["import", "--from", "/nowhere", "-o", to.to_str().unwrap()]);
    assert_eq!(nowhere.code, 2);
    assert!(nowhere.stderr.contains("cannot read `/nowhere`"), "{}", nowhere.stderr);
    let from = answers.directory();
    let unwritable =
        tenantgate(&["import", "--from", from.to_str().unwrap(), "--tenant", L, "-o", "/nowhere/x.json"]);
    assert_eq!(unwritable.code, 2);
    assert!(unwritable.stderr.contains("cannot write `/nowhere/x.json`"), "{}", unwritable.stderr);
    let full = tenantgate(&["export", "/nowhere.json", "-o", from.to_str().unwrap()]);
    assert_eq!(full.code, 2);
    assert_eq!(answers.import(&[]).code, 0);
    let full = tenantgate(&["export", to.to_str().unwrap(), "-o", from.to_str().unwrap()]);
    assert_eq!(full.code, 2);
    assert!(full.stderr.contains("is there and not empty"), "{}", full.stderr);
}

/// Contoso and Fabrikam, each in a directory of its own.
fn two() -> Answers {
    let answers = Answers::smallest();
    let files = ["crossTenantAccessPolicy.json", "default.json", "partners.json"];
    for (id, other) in [(L, FABRIKAM), (FABRIKAM, L)] {
        fs::create_dir(answers.path(id)).unwrap();
        for name in files {
            fs::copy(answers.path(name), answers.path(id).join(name)).unwrap();
        }
        let partner = json!({"value": [{
            "tenantId": other,
            "automaticUserConsentSettings": {"inboundAllowed": true, "outboundAllowed": null},
            "identitySynchronization": {"userSyncInbound": {"isSyncAllowed": true}},
        }]});
        answers.write(&format!("{id}/partners.json"), &partner.to_string());
    }
    for name in files {
        answers.remove(name);
    }
    answers
}

#[test]
fn several_tenants_are_a_directory_each_and_judged_together() {
    let answers = two();
    let run = || {
        let (from, to) = (answers.directory(), answers.bundle());
        tenantgate(&["import", "--force", "--from", from.to_str().unwrap(), "-o", to.to_str().unwrap()])
    };
    let ran = run();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("2 tenant(s), 2 partner(s)"), "{}", ran.stdout);
    // Only Fabrikam's own settings, in the other directory, can tell that it does not redeem outbound.
    let at = format!(
        "{}: /value/0/identitySynchronization: users may be synchronised",
        answers.path(L).join("partners.json").display()
    );
    assert!(ran.stderr.contains(&at), "{}", ran.stderr);
    let order = || {
        let bundle: Value = serde_json::from_str(&fs::read_to_string(answers.bundle()).unwrap()).unwrap();
        bundle["tenants"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tenant| tenant["tenantId"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(order(), [FABRIKAM, L], "by name");
    answers.write("tenants.json", &json!([L, FABRIKAM]).to_string());
    assert_eq!(run().code, 0);
    assert_eq!(order(), [L, FABRIKAM], "as listed");
    for (listed, why) in
        [(json!([L]), FABRIKAM), (json!([L, FABRIKAM, L]), L), (json!([L, FABRIKAM, "x"]), "`x`")]
    {
        answers.write("tenants.json", &listed.to_string());
        let ran = run();
        assert_eq!(ran.code, 1);
        assert!(ran.stderr.contains("names no directory for") && ran.stderr.contains(why), "{}", ran.stderr);
    }
    answers.remove("tenants.json");
    let one_of_several = answers.import(&["--tenant", L, "--force"]);
    assert_eq!(one_of_several.code, 1);
    assert!(one_of_several.stderr.contains("name the tenant's own directory"), "{}", one_of_several.stderr);
    answers.write("default.json", "{}");
    let ran = run();
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("a directory beside the files of one tenant"), "{}", ran.stderr);
}

#[test]
fn a_tenant_has_one_directory() {
    let answers = two();
    fs::rename(answers.path(L), answers.path("contoso")).unwrap();
    answers.write("contoso/tenant.json", &json!({"tenantId": FABRIKAM}).to_string());
    let (from, to) = (answers.directory(), answers.bundle());
    let ran = tenantgate(&["import", "--from", from.to_str().unwrap(), "-o", to.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("has another directory already"), "{}", ran.stderr);
}
