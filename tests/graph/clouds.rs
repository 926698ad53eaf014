//! Which Microsoft cloud the answers are of.

use serde_json::{Value, json};

use crate::harness::{Answers, FABRIKAM};

const CHINA: &str = "microsoftgraph.chinacloudapi.cn";
const POLICY: &str = "policies/crossTenantAccessPolicy";
/// Every answer that may be a tenant's, and how its context ends.
const FILES: [(&str, &str); 7] = [
    ("crossTenantAccessPolicy.json", "policies/crossTenantAccessPolicy/$entity"),
    ("default.json", "policies/crossTenantAccessPolicy/default/$entity"),
    ("partners.json", "policies/crossTenantAccessPolicy/partners"),
    ("conditionalAccessPolicies.json", "identity/conditionalAccess/policies"),
    ("authorizationPolicy.json", "policies/authorizationPolicy/$entity"),
    ("b2bManagementPolicies.json", "policies/b2bManagementPolicies"),
    ("identitySynchronization-3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21.json", "x/identitySynchronization"),
];

fn context(host: &str, end: &str) -> Value {
    json!(format!("https://{host}/v1.0/$metadata#{end}"))
}

/// The documented answers as this host would give them, on one page.
fn of(host: &str) -> Answers {
    let answers = Answers::documented();
    answers.remove("partners-2.json");
    answers.edit("partners.json", |page| drop(page.as_object_mut().unwrap().remove("@odata.nextLink")));
    for (name, end) in FILES {
        answers.edit(name, |answer| answer["@odata.context"] = context(host, end));
    }
    answers
}

/// `cloud` of the bundle.
fn imported(answers: &Answers) -> Value {
    let ran = answers.import(&["--force"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let bundle: Value = serde_json::from_str(&std::fs::read_to_string(answers.bundle()).unwrap()).unwrap();
    bundle["tenants"][0]["cloud"].clone()
}

#[test]
fn a_national_cloud_is_not_taken_for_the_commercial_one() {
    for (host, cloud) in [
        ("graph.microsoft.com", Value::Null),
        ("graph.microsoft.us", json!("microsoftonline.us")),
        ("dod-graph.microsoft.us", json!("microsoftonline.us")),
        ("GRAPH.Microsoft.US:443", json!("microsoftonline.us")),
        (CHINA, json!("partner.microsoftonline.cn")),
    ] {
        let answers = of(host);
        assert_eq!(imported(&answers), cloud, "{host}");
        answers.write("tenant.json", &json!({"cloud": null}).to_string());
        assert_eq!(imported(&answers), cloud, "{host}");
        let same = cloud.as_str().unwrap_or("microsoftonline.com");
        answers.write("tenant.json", &json!({"cloud": same}).to_string());
        assert_eq!(imported(&answers), same, "{host}");
    }
}

#[test]
fn one_answer_is_enough_to_tell_and_one_to_contradict() {
    for (name, end) in FILES {
        // One without a context says nothing; the only one that has one tells, or is read too late for it.
        let answers = of(CHINA);
        for (other, _) in FILES.iter().filter(|(other, _)| *other != name) {
            answers.edit(other, |answer| drop(answer.as_object_mut().unwrap().remove("@odata.context")));
        }
        if name == "partners.json" || name.starts_with("identity") {
            let stderr = answers.refused();
            let expected = format!("{name}: /@odata.context: is an answer of the cloud `partner.");
            assert!(stderr.contains(&expected) && stderr.contains("no other file says so"), "{stderr}");
            answers.write("tenant.json", &json!({"cloud": "partner.microsoftonline.cn"}).to_string());
        }
        assert_eq!(imported(&answers), "partner.microsoftonline.cn", "{name}");

        let answers = of("graph.microsoft.com");
        answers.edit(name, |answer| answer["@odata.context"] = context("graph.microsoft.us", end));
        let stderr = answers.refused();
        assert!(
            stderr.contains("/@odata.context: is an answer of the cloud `microsoftonline.")
                && stderr.contains("ask all again in one cloud"),
            "{name}: {stderr}"
        );
        let answers = of("graph.microsoft.com");
        answers.write("tenant.json", &json!({"cloud": "microsoftonline.us"}).to_string());
        let stderr = answers.refused();
        assert!(stderr.contains("`microsoftonline.com`, and tenant.json says"), "{name}: {stderr}");
    }
}

#[test]
fn a_cloud_that_is_none_of_ours_has_to_be_said() {
    for host in ["graph.svc.sovcloud.fr", "graph.microsoft.com.example", "graph.microsoft.com@example", ""] {
        let answers = of(host);
        let stderr = answers.refused();
        let expected = format!("is an answer of `{host}`, and which Microsoft cloud");
        assert!(stderr.contains(&expected), "{stderr}");
        answers.write("tenant.json", &json!({"cloud": "microsoftonline.com"}).to_string());
        assert_eq!(imported(&answers), "microsoftonline.com");
    }
    let answers = Answers::smallest();
    answers.write(
        "partners.json",
        &json!({"@odata.context": context("graph.example", &format!("{POLICY}/partners")),
            "value": [{"tenantId": FABRIKAM}]})
        .to_string(),
    );
    assert!(answers.refused().contains("partners.json: /@odata.context: is an answer of `graph.example`"));
}
