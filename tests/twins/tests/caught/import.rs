//! Answers that must not become a bundle.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tenantgate::source::{Found, Import, Progress};

use crate::Rule;
use crate::harness::L;
use crate::harness::bundles::{ID, P, mfa_policy};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "a page is missing",
        holds: |_| refused(&[("partners.json", page(&[P], Some("https://graph.microsoft.com/2")))]),
    },
    Rule {
        name: "a page behind the last",
        holds: |_| refused(&[("partners.json", page(&[P], None)), ("partners-2.json", page(&[ID], None))]),
    },
    Rule {
        name: "a page twice",
        holds: |_| {
            let empty = page(&[], Some("https://graph.microsoft.com/2"));
            refused(&[
                ("partners.json", empty.clone()),
                ("partners-2.json", empty),
                ("partners-3.json", page(&[P], None)),
            ])
        },
    },
    Rule { name: "a partner twice", holds: |_| refused(&[("partners.json", page(&[P, P], None))]) },
    Rule {
        name: "a Conditional Access policy twice",
        holds: |_| {
            let policy = mfa_policy()["policies"][0].clone();
            refused(&[("conditionalAccessPolicies.json", json!({"value": [policy, policy]}))])
        },
    },
    Rule {
        name: "an answer under another name",
        holds: |_| refused(&[("conditionalAccess.json", json!({"value": [mfa_policy()["policies"][0]]}))]),
    },
    Rule { name: "a tenant that is listed and not there", holds: |_| !imports(&directories(&json!([L, P]))) },
    Rule {
        name: "a setting in the wrong case",
        holds: |_| {
            refused(&[("default.json", json!({"isServiceDefault": true, "B2BCollaborationInbound": {}}))])
        },
    },
    Rule {
        name: "an answer with some properties",
        holds: |_| {
            let mut some = page(&[P], None);
            some["@odata.context"] = context("partners(tenantId)");
            refused(&[("partners.json", some)])
        },
    },
    Rule {
        name: "an answer to another request",
        holds: |_| {
            let other = json!({"@odata.context": context("partners/$entity"), "inboundTrust": null});
            refused(&[("default.json", other)])
        },
    },
    Rule {
        name: "a list for the default",
        holds: |_| refused(&[("default.json", json!({"isServiceDefault": true, "value": [{}]}))]),
    },
    Rule {
        name: "anything for the default",
        holds: |_| refused(&[("default.json", json!({"responses": [{"body": {}}]}))]),
    },
    Rule {
        name: "a partner for the default",
        holds: |_| refused(&[("default.json", json!({"tenantId": P, "inboundTrust": null}))]),
    },
    Rule {
        name: "a national cloud",
        holds: |_| {
            cloud(&[("default.json", of("graph.microsoft.us"))]).as_deref() == Some("microsoftonline.us")
        },
    },
    Rule {
        name: "two clouds",
        holds: |_| {
            let policy = json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#x"});
            refused(&[
                ("crossTenantAccessPolicy.json", policy),
                ("default.json", of("microsoftgraph.chinacloudapi.cn")),
            ])
        },
    },
    Rule {
        name: "a cloud that nobody knows",
        holds: |_| refused(&[("default.json", of("graph.svc.sovcloud.example"))]),
    },
    Rule {
        name: "a cloud that only partners tell",
        holds: |_| {
            let mut page = page(&[P], None);
            page["@odata.context"] = of("graph.microsoft.us")["@odata.context"].take();
            refused(&[("partners.json", page)])
        },
    },
    Rule {
        name: "another tenant's settings",
        holds: |_| refused(&[("tenant.json", json!({"tenantId": P}))]),
    },
    Rule {
        name: "another partner's synchronisation",
        holds: |_| {
            let file = format!("identitySynchronization-{P}.json");
            refused(&[(&file, json!({"tenantId": ID, "userSyncInbound": {"isSyncAllowed": true}}))])
        },
    },
    Rule {
        name: "a bundle that is there",
        holds: |_| {
            let files = directories(&json!([L]));
            imports(&files) && !imports(&files)
        },
    },
];

fn page(partners: &[&str], next: Option<&str>) -> Value {
    let partners: Vec<_> = partners.iter().map(|id| json!({"tenantId": id})).collect();
    let mut page = json!({"value": partners});
    if let Some(next) = next {
        page["@odata.nextLink"] = json!(next);
    }
    page
}

fn context(of: &str) -> Value {
    json!(format!("https://graph.microsoft.com/v1.0/$metadata#policies/crossTenantAccessPolicy/{of}"))
}

/// A default as this host answers.
fn of(host: &str) -> Value {
    json!({"@odata.context": format!("https://{host}/v1.0/$metadata#x"), "isServiceDefault": true})
}

/// Whether these files beside the least that there must be keep a bundle from being written.
fn refused(files: &[(&str, Value)]) -> bool {
    !imports(&with(files))
}

/// The tenant's cloud in the bundle of these files.
fn cloud(files: &[(&str, Value)]) -> Option<String> {
    let directory = with(files);
    assert!(imports(&directory));
    let bundle = fs::read_to_string(directory.path().join("policy.json")).unwrap();
    let bundle: Value = serde_json::from_str(&bundle).unwrap();
    bundle["tenants"][0]["cloud"].as_str().map(str::to_owned)
}

fn with(files: &[(&str, Value)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    least(&directory.path().join("answers"));
    for (name, value) in files {
        fs::write(directory.path().join("answers").join(name), value.to_string()).unwrap();
    }
    directory
}

fn least(directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    for (name, value) in [
        ("crossTenantAccessPolicy.json", json!({})),
        ("default.json", json!({})),
        ("partners.json", page(&[P], None)),
    ] {
        fs::write(directory.join(name), value.to_string()).unwrap();
    }
}

/// The tenant's directory, and which are listed.
fn directories(listed: &Value) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    least(&directory.path().join("answers").join(L));
    fs::write(directory.path().join("answers/tenants.json"), listed.to_string()).unwrap();
    directory
}

fn imports(directory: &tempfile::TempDir) -> bool {
    let (from, to) = (directory.path().join("answers"), directory.path().join("policy.json"));
    let several = from.join("tenants.json").exists();
    let tenant = if several { None } else { Some(L.parse().unwrap()) };
    Import { from: &from, tenant, to: &to, replace: false }.run(&mut Deaf).is_ok()
}

struct Deaf;

impl Progress for Deaf {
    fn total(&mut self, _: u64) {}
    fn read(&mut self, _: u64) {}
    fn partners(&mut self, _: u64) {}
    fn found(&mut self, _: Found) {}
    fn absent(&mut self, _: PathBuf, _: &'static str) {}
}
