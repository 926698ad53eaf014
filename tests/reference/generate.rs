//! Random cases: bundles that load (§12's errors do not occur in them), with whatever may come
//! to them in mode `inbound`, action `access`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::model::Request;
use super::samples::{NOW, claims, maybe, one_of, surroundings, tenants};

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) config: Value,
    pub(crate) bundle: Value,
    pub(crate) principal_map: Value,
    pub(crate) claims: Option<Value>,
    pub(crate) route: BTreeMap<String, String>,
    pub(crate) headers: Vec<(String, String)>,
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
        one_of(&LATER),
    )
        .prop_map(|(config, bundle, principal_map, claims, route, headers, later)| Case {
            config,
            bundle,
            principal_map,
            claims,
            route,
            headers,
            now: NOW + later,
        })
}

/// All reasons that this mode and action can reach.
pub(crate) fn reasons() -> &'static [&'static str] {
    &[
        "internal",
        "permitted",
        "token_missing",
        "token_malformed",
        "token_expired",
        "token_not_yet_valid",
        "token_issuer",
        "token_audience",
        "route_invalid",
        "relation_unknown",
        "foreign_guest_token",
        "session_revoked",
        "cloud_unresolved",
        "cloud_pair_unsupported",
        "cloud_not_allowed",
        "cloud_partner_unlisted",
        "cloud_direct_connect",
        "users_blocked",
        "applications_blocked",
        "users_and_applications_blocked",
        "principal_unresolved",
        "application_unresolved",
        "setting_unreadable",
        "service_provider_unlisted",
        "home_outbound_blocked",
        "non_entra_blocked",
        "domain_blocked",
        "domain_not_allowed",
        "domain_unresolved",
        "anonymous_blocked",
        "restrictions_header_invalid",
        "restrictions_claim_missing",
        "restrictions_policy_mismatch",
        "conditional_access_block",
        "mfa_required",
        "mfa_not_trusted",
        "compliant_device_required",
        "hybrid_device_required",
        "device_not_trusted",
    ]
}
