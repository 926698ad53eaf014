//! The route's `action` where it is not `access`, in mode `inbound` (§9).

use super::claims::Token;
use super::cloud;
use super::conditional;
use super::domain;
use super::guid::Guid;
use super::inbound;
use super::model::{self, Decision, Facts, Request, Stop, Trail};
use super::policy;
use super::relation::{self, Relation};
use super::route::Route;
use super::setting;

/// What a redemption tells beside its decision; nothing where nobody comes from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Consent {
    pub(crate) suppressed: bool,
    collaborates: bool,
}

impl Consent {
    pub(crate) fn invitation_email(self) -> bool {
        self.collaborates && !self.suppressed
    }

    pub(crate) fn consent_prompt(self) -> bool {
        !self.suppressed
    }

    pub(crate) fn notification_email(self) -> bool {
        self.collaborates
    }
}

pub(crate) fn redeem(
    request: &Request<'_>,
    route: &Route,
    trail: &mut Trail,
) -> Result<(&'static str, Option<Consent>), Stop> {
    let (token, restriction) = inbound::arrive(request, route)?;
    let facts = Facts::new(request, route, &token, route.application);
    let relation = inbound::identify(&facts, restriction.as_ref(), trail)?;
    let reason = inbound::permit(&facts, relation, trail)?;
    Ok((reason, (relation != Relation::Internal).then(|| consent(&facts, relation))))
}

fn consent(facts: &Facts<'_>, relation: Relation) -> Consent {
    Consent {
        suppressed: facts.home().is_some_and(|home| redeems_itself(facts, home)),
        collaborates: relation == Relation::Collaboration,
    }
}

/// Suppressed ⇔ the source lets out and the target, L, lets in. An unhosted side is unchecked,
/// and so is another cloud, unless configured.
pub(crate) fn redeems_itself(facts: &Facts<'_>, source: Guid) -> bool {
    let Some(theirs) = policy::tenant(facts.bundle, source) else { return false };
    let set =
        |owner, other, field| *setting::field(owner, other, "automaticUserConsentSettings", field) == true;
    let same_cloud = cloud::of(facts, facts.local, source).is_none_or(|it| it == policy::cloud(facts.local));
    (same_cloud || facts.config["cross_cloud_redemption"] == true)
        && set(theirs, facts.route.tenant, "outboundAllowed")
        && set(facts.local, source, "inboundAllowed")
}

/// `invite`, with the invitee's address, of which a `Request` says nothing.
pub(crate) fn invite(request: &Request<'_>, invitee: Option<&str>) -> Decision {
    model::judge(request, |route, trail| {
        assert!(
            route.mode == "inbound" && route.action == "invite",
            "the reference model invites in mode inbound only"
        );
        let (token, restriction) = inbound::arrive(request, route)?;
        let facts = Facts::new(request, route, &token, route.application);
        let relation = inbound::identify(&facts, restriction.as_ref(), trail)?;
        let reason = inbound::permit(&facts, relation, trail)?;
        if !may_invite(&facts, relation) {
            return Err(Stop::deny("inviter_not_allowed"));
        }
        let domain = invitee.and_then(domain::of).ok_or("invitee_unresolved")?;
        domain::judge(facts.local, &domain)?;
        if let Some(tenant) = tenant_of(&facts, &domain)
            && trail.read(facts.local, tenant, "b2bCollaborationInbound").blocks_everyone(&facts)
        {
            return Err(Stop::deny("users_and_applications_blocked"));
        }
        Ok(reason)
    })
}

fn may_invite(facts: &Facts<'_>, relation: Relation) -> bool {
    const ADMINS_AND_INVITERS: [&str; 3] = [
        "62e90394-69f5-4237-9190-012177145e10",
        "fe930be7-5e62-47db-91af-98c3a49a38b1",
        "95e79109-95c0-4d8e-aee3-d01accf2d47b",
    ];
    let appointed = policy::items(facts.token.claim("wids")).any(|role| {
        role.as_str()
            .and_then(Guid::parse)
            .is_some_and(|role| ADMINS_AND_INVITERS.iter().any(|each| role.is(each)))
    });
    let member = relation == Relation::Internal && facts.token.acct() == Some(0);
    match facts.local["authorizationPolicy"]["allowInvitesFrom"].as_str() {
        Some("everyone") => true,
        Some("adminsGuestInvitersAndAllMembers") => appointed || member,
        Some("adminsAndGuestInviters") | None => appointed,
        Some(_) => false,
    }
}

fn tenant_of(facts: &Facts<'_>, domain: &str) -> Option<Guid> {
    let domains = facts.local["domains"].as_object()?;
    let (_, tenant) = domains.iter().find(|(name, _)| name.eq_ignore_ascii_case(domain))?;
    Guid::parse(tenant.as_str()?)
}

/// `user_sync` skips the setting and the other side.
pub(crate) fn user_sync(
    request: &Request<'_>,
    route: &Route,
    trail: &mut Trail,
) -> Result<&'static str, Stop> {
    let (token, restriction) = inbound::arrive(request, route)?;
    let facts = Facts::new(request, route, &token, route.application);
    let relation = inbound::identify(&facts, restriction.as_ref(), trail)?;
    if let (true, Some(home)) = (relation != Relation::Internal, facts.home()) {
        cloud::rule(&facts, facts.local, home, relation)?;
    }
    conditional::check(&facts, relation, trail)?;

    let source = source(&token, route).ok_or("sync_caller_not_workload")?;
    trail.partner = Some(source);
    let partner = policy::partner(facts.local, source);
    let allowed = partner.is_some_and(|partner| {
        partner["identitySynchronization"]["userSyncInbound"]["isSyncAllowed"] == true
    });
    if allowed { Ok("permitted") } else { Err(Stop::deny("sync_not_allowed")) }
}

/// The tenant that the workload syncs from: the one that issued its token, or, with L's own
/// token, the one that the route names.
fn source(token: &Token<'_>, route: &Route) -> Option<Guid> {
    if !relation::is_workload(token) {
        return None;
    }
    if token.tenant == route.tenant {
        return route.source_tenant;
    }
    route.source_tenant.is_none_or(|it| it == token.tenant).then_some(token.tenant)
}
