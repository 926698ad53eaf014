//! Conditional Access: which policies apply, and whether the token satisfies them.

use crate::engine::access::Access;
use crate::engine::application;
use crate::engine::evidence::Evidence;
use crate::engine::kleene::Truth;
use crate::engine::observer::Observer;
use crate::engine::principal::Principal;
use crate::engine::reason::Reason;
use crate::engine::relation::Relation;
use crate::engine::verdict::{Effect, Ruling};
use crate::policy::{
    ConditionalPolicy, Control, Controls, ExternalUsers, GuestTypes, Operator, PolicyState, Tenants, UserSet,
};
use crate::token::Home;

/// Evaluates every policy that applies, then what the route itself requires. Of several failures a block comes
/// first, then the first denial, then the first challenge.
pub(in crate::engine) fn evaluate<'s>(
    evidence: Evidence<'s, '_>,
    observer: &mut impl Observer,
) -> Result<(), Ruling<'s>> {
    let mut worst = None;
    for policy in evidence.tenant.conditional.iter().filter(|policy| applies(policy, evidence)) {
        let Err(failure) = satisfied(&policy.controls, evidence) else { continue };
        match policy.state {
            PolicyState::Enabled => worst = Some(worse(worst, failure)),
            PolicyState::ReportOnly => report(policy, failure, observer),
        }
    }
    if let Err(failure) = all(evidence.access.route.require.iter(), evidence) {
        worst = Some(worse(worst, failure));
    }
    worst.map_or(Ok(()), Err)
}

fn worse<'s>(known: Option<Ruling<'s>>, new: Ruling<'s>) -> Ruling<'s> {
    const fn weight(ruling: &Ruling<'_>) -> u8 {
        match ruling {
            Ruling::Deny(Reason::ConditionalAccessBlock) => 3,
            Ruling::Deny(_) => 2,
            Ruling::Challenge(..) => 1,
            Ruling::Allow(_) => 0,
        }
    }
    known.filter(|known| weight(known) >= weight(&new)).unwrap_or(new)
}

fn report(policy: &ConditionalPolicy, failure: Ruling<'_>, observer: &mut impl Observer) {
    match failure {
        Ruling::Deny(reason) => observer.report_only(&policy.id, Effect::Deny, reason),
        Ruling::Challenge(reason, _) => observer.report_only(&policy.id, Effect::Challenge, reason),
        Ruling::Allow(_) => {}
    }
}

fn satisfied<'s>(controls: &Controls, evidence: Evidence<'s, '_>) -> Result<(), Ruling<'s>> {
    match controls {
        Controls::Block => Err(Ruling::Deny(Reason::ConditionalAccessBlock)),
        Controls::Require(Operator::And, required) => all(required.iter().copied(), evidence),
        Controls::Require(Operator::Or, required) => any(required, evidence),
    }
}

fn all<'s>(
    mut required: impl Iterator<Item = Control>,
    evidence: Evidence<'s, '_>,
) -> Result<(), Ruling<'s>> {
    let missing = required.find(|control| !evidence.proves(*control));
    missing.map_or(Ok(()), |control| Err(evidence.missing(control)))
}

/// Any one is enough; where none is there, the outcome that helps the caller most.
fn any<'s>(required: &[Control], evidence: Evidence<'s, '_>) -> Result<(), Ruling<'s>> {
    if required.iter().any(|control| evidence.proves(*control)) {
        return Ok(());
    }
    let outcomes = || required.iter().map(|control| evidence.missing(*control));
    let challenge = outcomes().find(|outcome| matches!(outcome, Ruling::Challenge(..)));
    challenge.or_else(|| outcomes().next()).map_or(Ok(()), Err)
}

/// An unknown match includes and does not exempt.
fn applies(policy: &ConditionalPolicy, evidence: Evidence<'_, '_>) -> bool {
    let application = evidence.access.application();
    let in_set = |set| application::in_set(set, application, evidence.rules);
    let principal = Principal::in_directory(evidence.tenant.id, evidence.access, evidence.rules);
    let is_meant = |set| is_meant(set, principal, evidence);
    in_set(&policy.applications.include) != Truth::False
        && in_set(&policy.applications.exclude) != Truth::True
        && is_meant(&policy.users.include) != Truth::False
        && is_meant(&policy.users.exclude) != Truth::True
}

fn is_meant(set: &UserSet, principal: Principal<'_>, evidence: Evidence<'_, '_>) -> Truth {
    if set.all || principal.is_workload() {
        return set.all.into();
    }
    let guest = set.guests && is_guest(evidence.relation, evidence.access);
    let external = set.external.as_ref().map_or(Truth::False, |external| is_external(external, evidence));
    Truth::from(guest) | external | principal.is_listed(&set.users, &set.groups)
}

/// `GuestsOrExternalUsers`
fn is_guest(relation: Relation, access: &Access<'_>) -> bool {
    relation != Relation::Internal || access.identity.account == Some(1)
}

fn is_external(external: &ExternalUsers, evidence: Evidence<'_, '_>) -> Truth {
    let from = match (&external.tenants, evidence.access.identity.home) {
        (Tenants::All, _) => true,
        (Tenants::Only(tenants), Home::Tenant(home)) => tenants.binary_search(&home).is_ok(),
        (Tenants::Only(_), Home::NonEntra | Home::Unlisted) => false,
    };
    Truth::from(from) & has_type(external.types, evidence.relation, evidence.access.identity.account)
}

/// Graph `conditionalAccessGuestOrExternalUserTypes`.
fn has_type(types: GuestTypes, relation: Relation, account: Option<u64>) -> Truth {
    let has = |kind| Truth::from(types.has(kind));
    match (relation, account) {
        (Relation::Internal, Some(1)) => has(GuestTypes::INTERNAL_GUEST),
        (Relation::Internal, _) => Truth::False,
        (Relation::DirectConnect, _) => has(GuestTypes::DIRECT_CONNECT_USER),
        (Relation::ServiceProvider, _) => has(GuestTypes::SERVICE_PROVIDER),
        (Relation::Collaboration | Relation::NonEntra, Some(1)) => has(GuestTypes::COLLABORATION_GUEST),
        (Relation::Collaboration | Relation::NonEntra, Some(0)) => has(GuestTypes::COLLABORATION_MEMBER),
        (Relation::Collaboration | Relation::NonEntra, Some(_)) => has(GuestTypes::OTHER_EXTERNAL_USER),
        // Of egress, where no policy is asked.
        (Relation::OwnIdentity | Relation::ExternalIdentity, _) => Truth::Unknown,
        (Relation::Collaboration | Relation::NonEntra, None) => {
            let any = [
                GuestTypes::COLLABORATION_GUEST,
                GuestTypes::COLLABORATION_MEMBER,
                GuestTypes::OTHER_EXTERNAL_USER,
            ];
            // One of the three, and which is not known.
            if any.into_iter().any(|kind| types.has(kind)) { Truth::Unknown } else { Truth::False }
        }
    }
}
