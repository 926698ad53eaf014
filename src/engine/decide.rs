//! The one walk.

use crate::engine::access::{Access, Mode};
use crate::engine::observer::{Observer, Outcome, Step};
use crate::engine::partners::Partners;
use crate::engine::reason::Reason;
use crate::engine::rules::Rules;
use crate::engine::verdict::{Basis, Effect, Marking, Permit, Ruling, Verdict};
use crate::engine::walk::Walk;
use crate::policy::Snapshot;

/// Decides one request whose route was read and whose token was verified, with the records that `partners` finds.
pub fn decide<'s>(
    snapshot: &'s Snapshot,
    partners: &'s impl Partners,
    rules: &'s Rules,
    access: &'s Access<'s>,
    observer: &mut impl Observer,
) -> Verdict<'s> {
    let mut basis = Basis { application: access.application(), ..Basis::of_route(access.route) };
    let ruling = match walk(snapshot, partners, rules, access, observer, &mut basis) {
        Ok(permit) => Ruling::Allow(permit),
        Err(ruling) => unless_report_only(ruling, rules, access),
    };
    Verdict { ruling, basis, marking: Marking::Ours }
}

fn walk<'s>(
    snapshot: &'s Snapshot,
    partners: &'s impl Partners,
    rules: &'s Rules,
    access: &'s Access<'s>,
    observer: &mut impl Observer,
    basis: &mut Basis,
) -> Result<Permit, Ruling<'s>> {
    let Some(tenant) = snapshot.tenant(access.route.tenant) else {
        observer.step(Step::Route, Outcome::Stop, &[("hosted", &false)]);
        return Err(Ruling::Deny(Reason::RouteInvalid));
    };
    basis.cloud = tenant.cloud;
    audience(access, observer)?;
    let mut walk = Walk { snapshot, partners, tenant, access, rules, observer, basis };
    let (permit, resource) = match access.route.mode {
        Mode::Inbound => (walk.inbound()?, tenant.id),
        Mode::Outbound => (walk.outbound()?, access.resource_tenant()),
        Mode::TenantRestrictions => (walk.restricted()?, access.resource_tenant()),
    };
    walk.act(permit, resource)
}

/// A token for another application is for another audience, whatever `tokens.audiences` says.
fn audience(access: &Access<'_>, observer: &mut impl Observer) -> Result<(), Ruling<'static>> {
    let audience = access.identity.audience;
    let differs = |ours| audience.application.is_some_and(|theirs| theirs != ours);
    if access.route.application.is_some_and(differs) {
        observer.step(Step::Verified, Outcome::Stop, &[("audience", &"another application")]);
        return Err(Ruling::Deny(Reason::TokenAudience));
    }
    Ok(())
}

/// Turns a policy's refusal into an allow that says so, where the operator asked for that.
fn unless_report_only<'s>(ruling: Ruling<'s>, rules: &Rules, access: &Access<'_>) -> Ruling<'s> {
    let Some(by) = rules.reports_only(access.route) else { return ruling };
    let (effect, reason) = match ruling {
        Ruling::Deny(reason) => (Effect::Deny, reason),
        Ruling::Challenge(reason, _) => (Effect::Challenge, reason),
        Ruling::Allow(_) => return ruling,
    };
    if reason.may_be_report_only() { Ruling::Allow(Permit::despite(effect, reason, by)) } else { ruling }
}
