//! Random cases: bundles that load (§12's errors do not occur in them), with whatever may come
//! to them: in mode `inbound`, or in the two modes of the way out.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::model::Request;
use super::samples::{NOW, claims, egress, invitations, maybe, one_of, surroundings, tenants};

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) config: Value,
    pub(crate) bundle: Value,
    pub(crate) principal_map: Value,
    pub(crate) claims: Option<Value>,
    pub(crate) route: BTreeMap<String, String>,
    pub(crate) headers: Vec<(String, String)>,
    /// The members of a JSON body, where there is one.
    pub(crate) body: Option<Vec<(String, Value)>>,
    pub(crate) method: &'static str,
    pub(crate) host: String,
    pub(crate) path: &'static str,
    pub(crate) now: i64,
}

impl Case {
    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            config: &self.config,
            bundle: &self.bundle,
            principal_map: &self.principal_map,
            claims: self.claims.as_ref(),
            route: &self.route,
            headers: &self.headers,
            body: self.body.as_deref(),
            method: self.method,
            host: &self.host,
            path: self.path,
            now: self.now,
        }
    }
}

/// One strategy serves any number of cases: building it costs more than a case.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    const LATER: [(u32, i64); 3] = [(95, 0), (3, 1), (2, -1)];
    (
        surroundings::config(),
        tenants::bundle(),
        surroundings::principal_map(),
        maybe(0.98, claims::claims()),
        surroundings::route(),
        surroundings::headers(),
        invitations::body(),
        one_of(&LATER),
    )
        .prop_map(|(config, bundle, principal_map, claims, route, headers, body, later)| Case {
            config,
            bundle,
            principal_map,
            claims,
            route,
            headers,
            body,
            method: "GET",
            host: "orders.contoso.example".to_owned(),
            path: "/",
            now: NOW + later,
        })
}

/// On the way out: our users at others' resources, and others' users on our network.
pub(crate) fn egress() -> impl Strategy<Value = Case> {
    (case(), egress::away(), egress::config(), egress::route(), egress::request()).prop_map(
        |(mut case, away, config, route, request)| {
            if let Some(claims) = &mut case.claims {
                egress::lead(claims, &away);
            }
            if let (Value::Object(known), Value::Object(more)) = (&mut case.config, config) {
                known.extend(more);
            }
            case.route.retain(|key, _| !["require", "action"].contains(&key.as_str()));
            case.body = None;
            case.route.extend(route);
            case.method = request.method;
            case.host = request.host;
            case.path = request.path;
            case.headers.extend(request.header);
            case
        },
    )
}
