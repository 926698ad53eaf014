//! Random cases: bundles that load (§12's errors do not occur in them), with whatever may come
//! to them in mode `inbound`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::model::Request;
use super::samples::{NOW, claims, invitations, maybe, one_of, surroundings, tenants};

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
            now: NOW + later,
        })
}
