//! Bundles that must not load: a meaning that is not understood would be none.

use serde_json::{Value, json};
use tenantgate::policy::{Options, PrincipalMap, Revision, compile};

use crate::Rule;
use crate::harness::bundles::{P, TENANT, base, errors, misspelt, unsupported};
use crate::harness::pointer_set;

pub(crate) struct Refused {
    pub(crate) name: String,
    bundle: String,
}

impl Refused {
    pub(crate) fn is_refused(&self) -> bool {
        compile([self.bundle.as_bytes()], Revision("1".into()), &Options::default()).snapshot.is_none()
    }
}

pub(crate) fn bundles() -> Vec<Refused> {
    let mut bundles = Vec::new();
    let mut add = |name: String, bundle: String| {
        bundles.push(Refused { name: format!("bundles: {name}"), bundle });
    };
    for (pointer, value, code, _) in errors() {
        add(format!("{code}, {pointer}"), with(&pointer, value));
    }
    for (pointer, value, at, meant) in misspelt() {
        add(format!("{pointer}{at} for {meant}"), with(&pointer, value));
    }
    for (what, policies) in unsupported() {
        add(what, with(&format!("{TENANT}/conditionalAccess"), policies));
    }
    for lists in [
        json!({"definition": [r#"{"B2BManagementPolicy":{}}"#], "displayName": "B2BManagementPolicy"}),
        json!({"resource": {"definition": [r#"{"B2BManagementPolicy":{}}"#], "displayName": "B2BManagementPolicy"}}),
        json!({"InvitationsAllowedAndBlockedDomainsPolicy": {"BlockedDomains": ["*.evil.com"]}}),
    ] {
        add(lists.to_string(), with(&format!("{TENANT}/b2bManagementPolicy"), lists));
    }
    add("a member twice".to_owned(), twice(0));
    add("a member twice among many".to_owned(), twice(20));
    add("a member twice in what is called partners elsewhere".to_owned(), twice_elsewhere());
    bundles
}

pub(crate) const RULES: &[Rule] = &[Rule {
    name: "a principal that is there twice refuses the map",
    holds: |_| {
        let entry = json!({"homeTenant": P, "homeOid": P}).to_string();
        let map = format!(r#"{{"{P}":{{"{P}":{entry},"{P}":{entry}}}}}"#);
        serde_json::from_str::<PrincipalMap>(&map).is_err()
    },
}];

fn with(pointer: &str, value: Value) -> String {
    let mut bundle = base();
    pointer_set(&mut bundle, pointer, value);
    bundle.to_string()
}

fn twice_elsewhere() -> String {
    let policy = "\"crossTenantAccessPolicy\":{";
    base().to_string().replacen(policy, &format!(r#"{policy}"new":{{"partners":[{{"a":1,"a":2}}]}},"#), 1)
}

/// Beside so many others. No JSON library writes that.
fn twice(others: usize) -> String {
    let partner = format!("{{\"tenantId\":\"{P}\"");
    let trust = r#""inboundTrust":null,"inboundTrust":{"isMfaAccepted":true}"#;
    let others: Vec<_> = (0..others).map(|number| format!(r#","_{number}":null"#)).collect();
    base().to_string().replace(&partner, &format!("{partner},{trust}{}", others.concat()))
}
