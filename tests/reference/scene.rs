//! A scene for the examples: one guest at one door, changed word by word.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::model::{self, Decision, Request};
use super::samples::{BILLING, NOW, ORDERS, POLICIES, TENANTS, USERS, record};

pub(crate) const CONTOSO: &str = TENANTS[0];
pub(crate) const FABRIKAM: &str = TENANTS[1];

pub(crate) struct Scene {
    pub(crate) config: Value,
    pub(crate) bundle: Value,
    pub(crate) map: Value,
    pub(crate) claims: Option<Value>,
    pub(crate) route: BTreeMap<String, String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<(String, Value)>>,
    pub(crate) method: &'static str,
    pub(crate) host: &'static str,
    pub(crate) path: &'static str,
}

/// A guest of Contoso whose home is Fabrikam; nothing is configured.
pub(crate) fn guest() -> Scene {
    Scene {
        config: json!({
            "tenant": CONTOSO,
            "tokens": {
                "issuers": [{"cloud": "microsoftonline.com"}], "audiences": ["api://orders"],
            },
            "applications": {"api://orders": ORDERS},
            "authenticationContexts": {"mfa": "c1", "compliantDevice": "c2"},
            "restrictions": {"resource_hosts": {
                "graph.microsoft.com": ORDERS, "*.microsoft.com": BILLING,
            }},
        }),
        bundle: json!({"tenants": [{
            "tenantId": CONTOSO,
            "cloud": "microsoftonline.com",
            "crossTenantAccessPolicy": {"default": null, "partners": [{"tenantId": FABRIKAM}]},
        }]}),
        map: Value::Null,
        claims: Some(json!({
            "tid": CONTOSO,
            "iss": format!("https://login.microsoftonline.com/{CONTOSO}/v2.0"),
            "idp": format!("https://sts.windows.net/{FABRIKAM}/"),
            "aud": "api://orders", "azp": BILLING, "oid": USERS[0], "exp": NOW + 60, "acct": 1,
        })),
        route: BTreeMap::new(),
        headers: Vec::new(),
        body: None,
        method: "GET",
        host: "orders.contoso.test",
        path: "/",
    }
}

pub(crate) fn member() -> Scene {
    guest().claim("idp", None).claim("acct", Some(json!(0)))
}

impl Scene {
    pub(crate) fn claim(mut self, name: &str, value: Option<Value>) -> Self {
        let claims = self.claims.as_mut().and_then(Value::as_object_mut).unwrap();
        match value {
            Some(value) => claims.insert(name.to_owned(), value),
            None => claims.remove(name),
        };
        self
    }

    pub(crate) fn from(self, tenant: &str) -> Self {
        let issuer = format!("https://login.microsoftonline.com/{tenant}/v2.0");
        self.claim("tid", Some(json!(tenant))).claim("iss", Some(json!(issuer)))
    }

    pub(crate) fn partner(mut self, name: &str, value: Value) -> Self {
        self.bundle["tenants"][0]["crossTenantAccessPolicy"]["partners"][0][name] = value;
        self
    }

    pub(crate) fn local(mut self, name: &str, value: Value) -> Self {
        self.bundle["tenants"][0][name] = value;
        self
    }

    pub(crate) fn config(mut self, name: &str, value: Value) -> Self {
        self.config[name] = value;
        self
    }

    pub(crate) fn route(mut self, key: &str, value: &str) -> Self {
        self.route.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Whom the body invites.
    pub(crate) fn invitee(mut self, address: &str) -> Self {
        self.body = Some(vec![("invitedUserEmailAddress".to_owned(), address.into())]);
        self
    }

    pub(crate) fn at(mut self, host: &'static str) -> Self {
        self.host = host;
        self
    }

    /// Fabrikam's own policy is hosted, too.
    pub(crate) fn hosting(mut self, policy: Value) -> Self {
        let tenants = self.bundle["tenants"].as_array_mut().unwrap();
        tenants.push(record([("tenantId", FABRIKAM.into()), ("crossTenantAccessPolicy", policy)]));
        self
    }

    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            config: &self.config,
            bundle: &self.bundle,
            principal_map: &self.map,
            claims: self.claims.as_ref(),
            route: &self.route,
            headers: &self.headers,
            body: self.body.as_deref(),
            method: self.method,
            host: self.host,
            path: self.path,
            now: NOW,
        }
    }

    pub(crate) fn decide(&self) -> Decision {
        model::decide(&self.request())
    }

    pub(crate) fn outcome(&self) -> (String, String) {
        let decision = self.decide();
        (decision.effect, decision.reason)
    }

    pub(crate) fn is(&self, effect: &str, reason: &str) {
        assert_eq!(self.outcome(), (effect.to_owned(), reason.to_owned()));
    }

    pub(crate) fn denied(&self, reason: &str) {
        self.is("deny", reason);
    }

    pub(crate) fn permitted(&self) {
        self.is("allow", "permitted");
    }
}

pub(crate) fn half(access: &str, kind: &str, targets: &[&str]) -> Value {
    let targets: Vec<Value> =
        targets.iter().map(|target| json!({"target": target, "targetType": kind})).collect();
    json!({"accessType": access, "targets": targets})
}

pub(crate) fn setting(users: Value, applications: Value) -> Value {
    record([("usersAndGroups", users), ("applications", applications)])
}

pub(crate) fn everything(access: &str) -> Value {
    setting(half(access, "user", &["AllUsers"]), half(access, "application", &["AllApplications"]))
}

pub(crate) fn requiring(control: &str) -> Value {
    json!({"policies": [{
        "id": POLICIES[0], "state": "enabled",
        "conditions": {
            "applications": {"includeApplications": ["All"]}, "users": {"includeUsers": ["All"]},
        },
        "grantControls": {"operator": "AND", "builtInControls": [control]},
    }]})
}
