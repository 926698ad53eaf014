//! Requirements: which Conditional Access policies apply and what comes of them (§7).

use serde_json::{Value, json};

use super::application;
use super::evidence;
use super::guid::Guid;
use super::kleene::Truth;
use super::model::{Facts, Stop, Trail};
use super::policy;
use super::principal::Principal;
use super::relation::Relation;

pub(crate) fn check(facts: &Facts<'_>, relation: Relation, trail: &mut Trail) -> Result<(), Stop> {
    let requirements = &facts.local["conditionalAccess"];
    let mut failures = Vec::new();
    for policy in policy::items(&requirements["policies"]) {
        let id = policy["id"].as_str().unwrap_or_default();
        let ignored = policy::texts(&requirements["ignore"]).any(|it| same_id(it, id));
        if ignored || policy["state"] == "disabled" || !applies(facts, relation, policy) {
            continue;
        }
        let Some(stop) = outcome(facts, relation, &policy["grantControls"]) else { continue };
        if policy["state"] == "enabled" {
            failures.push(stop);
        } else {
            trail.report_only.push(format!("policy:{id}:{}:{}", stop.effect, stop.reason));
        }
    }
    // The route's own requirement comes last, over everyone.
    let required = json!({"operator": "AND", "builtInControls": facts.route.require});
    failures.extend(outcome(facts, relation, &required));

    let first = |wanted: fn(&Stop) -> bool| failures.iter().find(|stop| wanted(stop)).cloned();
    let worst = first(|stop| stop.reason == "conditional_access_block")
        .or_else(|| first(|stop| stop.effect == "deny"))
        .or_else(|| first(|_| true));
    worst.map_or(Ok(()), Err)
}

/// What comes of the controls of a policy that applies; nothing where they are satisfied.
fn outcome(facts: &Facts<'_>, relation: Relation, grant: &Value) -> Option<Stop> {
    let asked = |control: &str| policy::texts(&grant["builtInControls"]).any(|it| it == control);
    if asked("block") {
        return Some(Stop::deny("conditional_access_block"));
    }
    let asked: Vec<&str> = evidence::CONTROLS.into_iter().filter(|it| asked(it)).collect();
    let missing: Vec<Stop> = asked
        .iter()
        .filter(|control| !evidence::proves(facts, relation, control))
        .map(|control| evidence::missing(facts, relation, control))
        .collect();

    if grant["operator"] == "OR" {
        if missing.len() < asked.len() {
            return None;
        }
        // The most helpful: a challenge of any branch, else the first denial.
        missing.iter().find(|stop| stop.effect == "challenge").or_else(|| missing.first()).cloned()
    } else {
        missing.first().cloned()
    }
}

/// An unknown match includes and does not exempt.
fn applies(facts: &Facts<'_>, relation: Relation, policy: &Value) -> bool {
    let conditions = &policy["conditions"];
    let applications = |side: &str| {
        let names = policy::texts(&conditions["applications"][side]);
        Truth::any(names.map(|name| is_application(facts, name)))
    };
    let principal = Principal::within(facts, facts.route.tenant);
    let users = |names: [&str; 3]| {
        Truth::any(
            names
                .into_iter()
                .map(|name| matches(facts, relation, &principal, name, &conditions["users"][name])),
        )
    };
    applications("includeApplications") != Truth::False
        && applications("excludeApplications") != Truth::True
        && users(["includeUsers", "includeGroups", "includeGuestsOrExternalUsers"]) != Truth::False
        && users(["excludeUsers", "excludeGroups", "excludeGuestsOrExternalUsers"]) != Truth::True
}

fn is_application(facts: &Facts<'_>, name: &str) -> Truth {
    match name {
        "All" => Truth::True,
        "None" => Truth::False,
        _ => application::one(facts.config, name, facts.applications.resource),
    }
}

/// One condition on users against the principal, whose ids here live in L.
fn matches(
    facts: &Facts<'_>,
    relation: Relation,
    principal: &Principal,
    condition: &str,
    value: &Value,
) -> Truth {
    if condition.ends_with("GuestsOrExternalUsers") {
        return if principal.workload { Truth::False } else { guests(facts, relation, value) };
    }
    Truth::any(policy::texts(value).map(|name| match name {
        "All" => Truth::True,
        "None" => Truth::False,
        // Workloads are users here under `All` only.
        _ if principal.workload => Truth::False,
        "GuestsOrExternalUsers" => (relation != Relation::Internal || facts.token.acct() == Some(1)).into(),
        id if condition.ends_with("Groups") => principal.is_in_group(id),
        id => principal.is_user(id),
    }))
}

fn guests(facts: &Facts<'_>, relation: Relation, value: &Value) -> Truth {
    let types = value["guestOrExternalUserTypes"].as_str().unwrap_or_default();
    let kind = Truth::any(types.split(',').map(|name| is_type(name.trim(), relation, facts.token.acct())));
    let tenants = &value["externalTenants"];
    let homed = tenants["membershipKind"] != "enumerated"
        || facts
            .home()
            .is_some_and(|home| policy::items(&tenants["members"]).any(|member| policy::holds(member, home)));
    kind.and(homed.into())
}

fn is_type(name: &str, relation: Relation, acct: Option<u64>) -> Truth {
    let collaborates = matches!(relation, Relation::Collaboration | Relation::NonEntra);
    let has_acct = |wanted: u64| match acct {
        _ if !collaborates => Truth::False,
        Some(acct) => (acct == wanted).into(),
        None => Truth::Unknown,
    };
    match name {
        "internalGuest" => (relation == Relation::Internal && acct == Some(1)).into(),
        "b2bCollaborationGuest" => has_acct(1),
        "b2bCollaborationMember" => has_acct(0),
        "b2bDirectConnectUser" => (relation == Relation::DirectConnect).into(),
        "serviceProvider" => (relation == Relation::ServiceProvider).into(),
        // External, and none of these: only who collaborates with a strange `acct`.
        "otherExternalUser" if collaborates => !has_acct(1).or(has_acct(0)),
        _ => Truth::False,
    }
}

fn same_id(one: &str, other: &str) -> bool {
    one == other || Guid::parse(one).is_some_and(|one| one.is(other))
}
