//! What a single file may be, and what may not be taken for one.

use serde_json::{Value, json};

use crate::harness::{Answers, FABRIKAM, L, tenantgate, tokens};

#[test]
fn what_graph_documents_becomes_a_bundle_that_loads() {
    let answers = Answers::documented();
    let ran = answers.import(&[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("1 tenant(s), 3 partner(s), policy revision "), "{}", ran.stdout);
    let page = answers.path("partners.json");
    let half = format!("warning: {}: /value/1/b2bCollaborationInbound: one half is null", page.display());
    assert!(ran.stderr.contains(&half), "{}", ran.stderr);
    let bundle = answers.bundle();
    let linted = tenantgate(&["lint", bundle.to_str().unwrap()]);
    assert_eq!(linted.code, 0, "{}", linted.stdout);
    let text = std::fs::read_to_string(bundle).unwrap();
    for kept in [
        r#""newInGraph": {"#,
        r#""b": 1.0,"#,
        "1e2,",
        "12345678901234567890123,",
        r#""caf\u00e9""#,
        r#""quota": 1.50"#,
        r#""partners@odata.context": "https"#,
        r#""partners@microsoft.graph.tips": "Use"#,
        r#""policies@odata.context": "https"#,
        r#""b2bManagementPolicy@odata.context": "https"#,
        r#""isSyncAllowed": true"#,
        r#""live.com","#,
        r#""Features": ["#,
        r#""isOrganizationDefault": true"#,
    ] {
        assert!(text.contains(kept), "{kept} is lost:\n{text}");
    }
    assert!(!text.contains("nextLink"), "what was followed leads nowhere any more");
}

#[test]
fn a_blocked_domain_still_counts() {
    let answers = Answers::documented();
    assert_eq!(answers.import(&[]).code, 0);
    let bundle = std::fs::read(answers.bundle()).unwrap();
    let options = tenantgate::policy::Options::default();
    let compiled =
        tenantgate::policy::compile([bundle.as_slice()], tenantgate::policy::Revision("1".into()), &options);
    let snapshot = compiled.snapshot.expect("it loads");
    let tenant = snapshot.tenant(L.parse().unwrap()).unwrap();
    let blocked: Vec<_> = tenant.domains.blocked.iter().map(ToString::to_string).collect();
    assert_eq!(blocked, ["live.com", "example.net"]);
    assert!(tenant.partners.get(FABRIKAM.parse().unwrap()).unwrap().user_sync_allowed);
    assert_eq!(tenant.conditional.len(), 1);
}

#[test]
fn a_setting_in_the_wrong_case_is_refused_where_it_is() {
    for (file, at) in [
        ("partners-2.json", "/value/0/B2BCollaborationInbound"),
        ("default.json", "/b2bcollaborationInbound"),
        ("crossTenantAccessPolicy.json", "/AllowedCloudEndpoints"),
        ("authorizationPolicy.json", "/AllowInvitesFrom"),
        ("b2bManagementPolicies.json", "/value/0/DisplayName"),
        ("identitySynchronization-3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21.json", "/UserSyncInbound"),
    ] {
        let answers = Answers::documented();
        answers.edit(file, |value| {
            let (parent, name) = at.rsplit_once('/').unwrap();
            value.pointer_mut(parent).unwrap()[name] = json!({});
        });
        let stderr = answers.refused();
        let expected = format!("error: {}: {at}: `", answers.path(file).display());
        assert!(stderr.contains(&expected) && stderr.contains("(property_case)"), "{expected}\n{stderr}");
    }
}

#[test]
fn an_unsupported_policy_is_refused_where_it_is() {
    let answers = Answers::documented();
    answers.edit("conditionalAccessPolicies.json", |list| {
        list["value"][0]["conditions"]["signInRiskLevels"] = json!(["high"]);
    });
    let stderr = answers.refused();
    let at = format!(
        "{}: /value/0/conditions/signInRiskLevels:",
        answers.path("conditionalAccessPolicies.json").display()
    );
    assert!(stderr.contains(&at) && stderr.contains("MFA for guests"), "{stderr}");
    // What tenant.json says beside the answer counts.
    let ignored = json!({"conditionalAccess": {"ignore": ["c1f0d3a6-6f0f-4a4e-8d30-0c5b9d5e7a11"]}});
    answers.write("tenant.json", &ignored.to_string());
    assert_eq!(answers.import(&[]).code, 0);
}

#[test]
fn utf_8_is_read_with_or_without_a_mark_and_utf_16_is_named() {
    let answers = Answers::documented();
    let plain = answers.read("partners-2.json");
    answers.write("partners-2.json", &format!("\u{feff}{plain}"));
    assert_eq!(answers.import(&[]).code, 0);
    std::fs::remove_file(answers.bundle()).unwrap();
    let little: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = plain.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let marked = |mark: &[u8], text: &[u8]| [mark, text].concat();
    for text in [marked(b"\xff\xfe", &little), marked(b"\xfe\xff", &big), little, big] {
        std::fs::write(answers.path("partners-2.json"), text).unwrap();
        let stderr = answers.refused();
        assert!(
            stderr.contains("partners-2.json: is UTF-16") && stderr.contains("-Encoding utf8"),
            "{stderr}"
        );
    }
}

#[test]
fn what_is_no_answer_is_named() {
    let error =
        json!({"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges"}});
    for (file, text, why) in [
        ("default.json", "", "is empty: the request"),
        ("default.json", " \r\n", "is empty: the request"),
        ("default.json", "ERROR: AADSTS50076", "expected value at line 1 column 1"),
        ("partners.json", r#"{"value": ["#, "EOF while parsing"),
        ("partners.json", r#"{"value": []} {}"#, "trailing characters"),
        ("partners.json", r#"{"value": [], "value": []}"#, "duplicate member `value`"),
        ("default.json", r#"{"a": 1, "a": 1}"#, "duplicate member `a`"),
        ("default.json", "{\"a\": \"\u{7f}\u{1}\"}", "control character"),
        ("default.json", &error.to_string(), "holds Graph's error `Authorization_RequestDenied`"),
        ("partners.json", &error.to_string(), "holds Graph's error `Authorization_RequestDenied`"),
        ("partners.json", "[]", "expected Graph's whole answer"),
        ("partners.json", "{}", "/value: expected the list"),
        ("partners.json", r#"{"value": {}}"#, "expected a list under `value`"),
        ("partners.json", r#"{"value": [], "partners": []}"#, "/partners: beside `value`"),
        ("default.json", r#"{"value": [{}]}"#, "/value: expected the resource itself"),
        ("default.json", r#"{"value": {"isServiceDefault": true}}"#, "/value: expected the resource itself"),
        ("default.json", r#"{"isServiceDefault": true, "value": null}"#, "/value: expected the resource"),
        ("crossTenantAccessPolicy.json", r#"{"value": "x"}"#, "/value: expected the resource itself"),
        (
            "default.json",
            r#"{"responses": [{"id": "1", "body": {}}]}"#,
            "has nothing that only a default has",
        ),
        ("default.json", r#"{"id": "x", "allowedCloudEndpoints": []}"#, "has nothing that only a default"),
        ("default.json", r#"{"@odata.etag": "x"}"#, "has nothing that only a default has"),
        ("default.json", r#"{"tenantId": "x", "inboundTrust": null}"#, "has nothing that only a default"),
        ("default.json", "[]", "expected an object"),
        ("crossTenantAccessPolicy.json", r#"{"default": {}}"#, "/default: `default.json` tells that"),
        ("crossTenantAccessPolicy.json", r#"{"partners": []}"#, "/partners: `partners.json` tells that"),
        ("tenant.json", r#"{"crossTenantAccessPolicy": {}}"#, "`crossTenantAccessPolicy.json` tells that"),
    ] {
        let answers = Answers::smallest();
        answers.write(file, text);
        let stderr = answers.refused();
        assert!(stderr.contains(&format!("{file}: ")) && stderr.contains(why), "{file} {text:?}: {stderr}");
    }
    // In the midst of a resource it is the policy's reader that sees it.
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (value, why) in
        [(r#"{"a": 1, "a": 2}"#, "duplicate member `a`"), ("1e999", "out of range"), (&deep, "recursion")]
    {
        let answers = Answers::smallest();
        answers
            .write("partners.json", &format!(r#"{{"value": [{{"tenantId": "{FABRIKAM}", "x": {value}}}]}}"#));
        let stderr = answers.refused();
        assert!(stderr.contains("partners.json: /value/0") && stderr.contains(why), "{stderr}");
        let answers = Answers::smallest();
        answers.write("default.json", &format!(r#"{{"isServiceDefault": true, "x": {value}}}"#));
        let stderr = answers.refused();
        assert!(stderr.contains("default.json: /x") && stderr.contains(why), "{stderr}");
    }
}

#[test]
fn an_answer_to_another_question_is_not_taken() {
    let context = |fragment: &str| {
        format!("https://graph.microsoft.com/v1.0/$metadata#policies/crossTenantAccessPolicy{fragment}")
    };
    let answers = Answers::smallest();
    answers.write(
        "default.json",
        &json!({"@odata.context": context("/$entity"), "allowedCloudEndpoints": []}).to_string(),
    );
    let stderr = answers.refused();
    assert!(stderr.contains("default.json: /@odata.context: is the answer to"), "{stderr}");
    let answers = Answers::smallest();
    answers.edit("partners.json", |list| {
        list["@odata.context"] = json!(context("/partners(tenantId,inboundTrust)"));
    });
    let stderr = answers.refused();
    assert!(stderr.contains("partners.json: /@odata.context: made with $select"), "{stderr}");
}

#[test]
fn an_authorization_policy_may_be_listed_as_beta_does() {
    let answers = Answers::documented();
    answers.edit("authorizationPolicy.json", |policy| {
        let context = json!("https://graph.microsoft.com/beta/$metadata#policies/authorizationPolicy");
        *policy = json!({"@odata.context": context, "value": [policy.take()]});
    });
    let listed = answers.read("authorizationPolicy.json");
    assert_eq!(answers.import(&[]).code, 0);
    let back = answers.root().join("back");
    crate::harness::export(&answers.bundle(), &back).unwrap();
    assert_eq!(
        tokens(&std::fs::read_to_string(back.join("authorizationPolicy.json")).unwrap()),
        tokens(&listed)
    );
    std::fs::remove_dir_all(back).unwrap();
    std::fs::remove_file(answers.bundle()).unwrap();
    answers.edit("authorizationPolicy.json", |list| list["value"][0]["AllowInvitesFrom"] = json!("none"));
    let stderr = answers.refused();
    assert!(stderr.contains("authorizationPolicy.json: /value/0/AllowInvitesFrom: "), "{stderr}");
}

#[test]
fn packed_lists_are_unpacked_whole_or_not_at_all() {
    for (definition, why) in [
        (json!(["{'B2BManagementPolicy':{'Version':1}}"]), "/value/0/definition: not JSON within the string"),
        (json!(["{}", "{}"]), "/value/0/definition: there are several policies"),
        (
            json!([r#"{"B2BManagementPolicy":{"InvitationsAllowedAndBlockedDomainPolicy":{}}}"#]),
            "/value/0/definition/0/B2BManagementPolicy/InvitationsAllowedAndBlockedDomainPolicy: unknown member",
        ),
        (
            json!([
                r#"{"B2BManagementPolicy":{"InvitationsAllowedAndBlockedDomainsPolicy":{"BlockedDomains":["*.x"]}}}"#
            ]),
            "/InvitationsAllowedAndBlockedDomainsPolicy/BlockedDomains/0: `*.x`",
        ),
    ] {
        let answers = Answers::documented();
        answers
            .edit("b2bManagementPolicies.json", |list| list["value"][0]["definition"] = definition.clone());
        let stderr = answers.refused();
        assert!(stderr.contains(why), "{definition}: {stderr}");
    }
    let answers = Answers::documented();
    answers.edit("b2bManagementPolicies.json", |list| {
        let one = list["value"][0].clone();
        list["value"].as_array_mut().unwrap().push(one);
    });
    assert!(answers.refused().contains("/value/1: expected one policy"));
}

#[test]
fn a_member_that_looks_like_a_list_or_an_error_is_not_lost() {
    for member in ["value", "error"] {
        let answers = Answers::smallest();
        let bundle = |place: &str| {
            let mut tenant = json!({"tenantId": L, "authorizationPolicy": {}, "crossTenantAccessPolicy": {
                "default": {"isServiceDefault": true}, "partners": []}});
            tenant.pointer_mut(place).unwrap()[member] = json!([{"allowInvitesFrom": "everyone"}]);
            std::fs::write(answers.bundle(), json!({"tenants": [tenant]}).to_string()).unwrap();
        };
        bundle("/authorizationPolicy");
        let (there, back) = (answers.root().join("there"), answers.root().join("back.json"));
        crate::harness::export(&answers.bundle(), &there).unwrap();
        crate::harness::import(&there, &back).0.unwrap();
        let again: Value = serde_json::from_str(&std::fs::read_to_string(&back).unwrap()).unwrap();
        let expected = json!({ member: [{"allowInvitesFrom": "everyone"}] });
        assert_eq!(again["tenants"][0]["authorizationPolicy"], expected);
        for place in ["/crossTenantAccessPolicy", "/crossTenantAccessPolicy/default"] {
            bundle(place);
            let (from, to) = (answers.bundle(), answers.root().join("none"));
            let ran = tenantgate(&["export", from.to_str().unwrap(), "-o", to.to_str().unwrap()]);
            assert_eq!(ran.code, 1, "{}", ran.stderr);
            assert!(ran.stderr.contains(&format!("/{member}: with that the resource")), "{}", ran.stderr);
            assert!(!to.exists());
        }
    }
}

#[test]
fn null_is_seen_whatever_space_is_around() {
    let space = " \r\n\t".repeat(40);
    for (text, code) in [
        (format!("{space}null"), 0),
        (format!("null{space}"), 0),
        (format!("\u{feff}{space}null{space}"), 0),
        (format!("null{space}null"), 1),
        ("nullx".to_owned(), 1),
        ("n ull".to_owned(), 1),
        (format!("{space}nul"), 1),
    ] {
        let answers = Answers::smallest();
        for name in ["default.json", "conditionalAccessPolicies.json"] {
            answers.write(name, &text);
            assert_eq!(answers.import(&["--force"]).code, code, "{name} {text:?}");
        }
    }
}
