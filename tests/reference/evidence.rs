//! What a token proves of a control, whose word counts, and what a missing control means (§7).

use serde_json::Value;

use super::model::{Facts, Stop};
use super::policy;
use super::relation::Relation;
use super::setting;

/// In the order in which a missing one is named.
pub(crate) const CONTROLS: [&str; 3] = ["mfa", "compliantDevice", "domainJoinedDevice"];

/// Whether the token proves the control, by a word that counts.
pub(crate) fn proves(facts: &Facts<'_>, relation: Relation, control: &str) -> bool {
    let token = facts.token;
    let bare = match control {
        "mfa" => token.lists("amr", "mfa") || token.lists("amr", "ngcmfa"),
        "compliantDevice" => token.lists("signin_state", "dvc_cmp"),
        _ => token.lists("signin_state", "dvc_dmjd"),
    };
    let by_context = contexts(facts)[control].as_str().is_some_and(|context| token.lists("acrs", context));
    if relation == Relation::Internal {
        bare || by_context
    } else if relation == Relation::NonEntra {
        by_context
    } else if facts.issued_by_local() {
        // L's own STS decided on the contexts, trust included.
        by_context || bare && trusts(facts, control)
    } else {
        (bare || by_context) && trusts(facts, control)
    }
}

/// What comes of a control that is missing.
pub(crate) fn missing(facts: &Facts<'_>, relation: Relation, control: &str) -> Stop {
    let believed = relation == Relation::Internal || trusts(facts, control);
    match (control, believed, relation) {
        ("mfa", false, Relation::DirectConnect) => Stop::deny("mfa_not_trusted"),
        ("mfa", ..) => challenge(facts, control, "mfa_required"),
        (_, false, _) => Stop::deny("device_not_trusted"),
        ("compliantDevice", true, _) => challenge(facts, control, "compliant_device_required"),
        (_, true, _) => challenge(facts, control, "hybrid_device_required"),
    }
}

/// A challenge where it can be given, else a denial for the same reason.
fn challenge(facts: &Facts<'_>, control: &str, reason: &'static str) -> Stop {
    match contexts(facts)[control].as_str() {
        Some(context) => {
            let claim = format!(r#""acrs":{{"essential":true,"value":"{context}"}}"#);
            facts.challenge_without_context(reason, &claim)
        }
        None => Stop::deny(reason),
    }
}

/// L's `inboundTrust` for H; nobody trusts a home that is no tenant.
fn trusts(facts: &Facts<'_>, control: &str) -> bool {
    let field = match control {
        "mfa" => "isMfaAccepted",
        "compliantDevice" => "isCompliantDeviceAccepted",
        _ => "isHybridAzureADJoinedDeviceAccepted",
    };
    facts.home().is_some_and(|home| *setting::field(facts.local, home, "inboundTrust", field) == true)
}

/// The map of the tenant that issued the token: L's own, or what L knows of H's. A map that the
/// bundle gives the tenant stands in place of the config's.
fn contexts<'a>(facts: &Facts<'a>) -> &'a Value {
    let map = |name: &str| {
        let own = &facts.local[name];
        if own.is_null() { &facts.config[name] } else { own }
    };
    if facts.issued_by_local() {
        map("authenticationContexts")
    } else {
        facts
            .home()
            .and_then(|home| policy::keyed(map("partnerAuthenticationContexts"), home))
            .unwrap_or(&Value::Null)
    }
}
