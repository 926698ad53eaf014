//! The route's `action` where it is not `access` (§9): the last step, once access is permitted.

use super::claims::Token;
use super::cloud;
use super::conditional;
use super::domain;
use super::guid::Guid;
use super::inbound;
use super::issuer::Home;
use super::model::{Facts, Request, Stop, Trail};
use super::policy;
use super::relation::{self, Relation};
use super::route::Route;
use super::setting;

/// What is told beside a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Redemption {
    pub(crate) suppressed: bool,
    /// Of a user who redeems: whether by collaboration. Synchronization tells of no mail.
    collaborates: Option<bool>,
}

impl Redemption {
    pub(crate) fn consent(self) -> &'static str {
        if self.suppressed { "suppressed" } else { "required" }
    }

    pub(crate) fn invitation_email(self) -> Option<bool> {
        self.collaborates.map(|collaborates| collaborates && !self.suppressed)
    }

    pub(crate) fn consent_prompt(self) -> Option<bool> {
        self.collaborates.map(|_| !self.suppressed)
    }

    pub(crate) fn notification_email(self) -> Option<bool> {
        self.collaborates
    }
}

pub(crate) fn redeem(request: &Request<'_>, route: &Route, trail: &mut Trail) -> Result<&'static str, Stop> {
    let (token, restriction) = inbound::arrive(request, route)?;
    let facts = Facts::new(request, route, &token, route.application);
    let relation = inbound::identify(&facts, restriction.as_ref(), trail)?;
    let reason = inbound::permit(&facts, relation, trail)?;
    tell(&facts, relation, route.tenant, trail);
    Ok(reason)
}

/// What whoever redeems at `target` is told of; nothing where nobody comes from elsewhere.
pub(crate) fn tell(facts: &Facts<'_>, relation: Relation, target: Guid, trail: &mut Trail) {
    if relation == Relation::Internal || facts.home() == Some(target) {
        return;
    }
    trail.redemption = Some(Redemption {
        suppressed: facts.home().is_some_and(|source| redeems_itself(facts, source, target)),
        collaborates: Some(relation == Relation::Collaboration),
    });
}

/// Suppressed ⇔ the source lets out and the target lets in. An unhosted side is unchecked, and
/// so is another cloud, unless configured.
pub(crate) fn redeems_itself(facts: &Facts<'_>, source: Guid, target: Guid) -> bool {
    let hosted = |tenant| policy::tenant(facts.bundle, tenant);
    let (Some(home), Some(resource)) = (hosted(source), hosted(target)) else { return false };
    let set =
        |owner, other, field| *setting::field(owner, other, "automaticUserConsentSettings", field) == true;
    let cloud = |tenant| {
        if tenant == facts.route.tenant {
            return Some(policy::cloud(facts.local));
        }
        cloud::of(facts, facts.local, tenant)
    };
    (cloud(source) == cloud(target) || facts.config["cross_cloud_redemption"] == true)
        && set(home, target, "outboundAllowed")
        && set(resource, source, "inboundAllowed")
}

pub(crate) fn invite(request: &Request<'_>, route: &Route, trail: &mut Trail) -> Result<&'static str, Stop> {
    let (token, restriction) = inbound::arrive(request, route)?;
    let facts = Facts::new(request, route, &token, route.application);
    let relation = inbound::identify(&facts, restriction.as_ref(), trail)?;
    let reason = inbound::permit(&facts, relation, trail)?;
    if !may_invite(&facts, relation) {
        return Err(Stop::deny("inviter_not_allowed"));
    }
    let address = invitee(request).ok_or("invitee_unresolved")?;
    let domain = domain::of(address).ok_or("invitee_unresolved")?;
    domain::judge(facts.local, &domain)?;
    if let Some(tenant) = tenant_of(&facts, &domain) {
        trail.partner = Some(tenant);
        if trail.read(facts.local, tenant, "b2bCollaborationInbound").blocks_everyone(&facts) {
            return Err(Stop::deny("users_and_applications_blocked"));
        }
    }
    Ok(reason)
}

/// Roles are held in the tenant that issued the token: only L's count here.
fn may_invite(facts: &Facts<'_>, relation: Relation) -> bool {
    const ADMINS_AND_INVITERS: [&str; 3] = [
        "62e90394-69f5-4237-9190-012177145e10",
        "fe930be7-5e62-47db-91af-98c3a49a38b1",
        "95e79109-95c0-4d8e-aee3-d01accf2d47b",
    ];
    let appointed = facts.issued_by_local()
        && policy::items(facts.token.claim("wids")).any(|role| {
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

/// The one address that the whole body names, if no reader could find another one in it, in
/// whatever case its member is and whatever encoding a header gives the body.
fn invitee<'a>(request: &Request<'a>) -> Option<&'a str> {
    let partial = request
        .headers
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("x-envoy-auth-partial-body") && value != "false");
    let encoded = request.headers.iter().any(|(name, value)| match name.to_lowercase().as_str() {
        "content-encoding" => !["", "identity"].contains(&value.to_lowercase().as_str()),
        "content-type" => {
            let value = value.to_lowercase().replace([' ', '\t', '"'], "");
            value.split(';').skip(1).any(|each| each.starts_with("charset") && each != "charset=utf-8")
        }
        _ => false,
    });
    let members = request.body.filter(|_| !partial && !encoded)?;
    let repeated = |name: &str| members.iter().filter(|(each, _)| each == name).count() > 1;
    if members.iter().any(|(name, _)| repeated(name)) {
        return None;
    }
    let mut alike =
        members.iter().filter(|(name, _)| name.to_uppercase() == "invitedUserEmailAddress".to_uppercase());
    let (Some((name, address)), None) = (alike.next(), alike.next()) else { return None };
    address.as_str().filter(|_| name == "invitedUserEmailAddress")
}

fn tenant_of(facts: &Facts<'_>, domain: &str) -> Option<Guid> {
    let domains = facts.local["domains"].as_object()?;
    let (_, tenant) = domains.iter().find(|(name, _)| domain::are_same(name, domain))?;
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
    match (relation, facts.home()) {
        (Relation::NonEntra, _) => inbound::non_entra(&facts)?,
        (Relation::Internal, _) | (_, None) => {}
        (_, Some(home)) => cloud::rule(&facts, facts.local, home, relation)?,
    }
    conditional::check(&facts, relation, trail)?;

    let source = source(&token, route).ok_or("sync_caller_not_workload")?;
    trail.partner = Some(source);
    let partner = policy::partner(facts.local, source);
    let allowed = partner.is_some_and(|partner| {
        partner["identitySynchronization"]["userSyncInbound"]["isSyncAllowed"] == true
    });
    if !allowed {
        return Err(Stop::deny("sync_not_allowed"));
    }
    let suppressed = redeems_itself(&facts, source, route.tenant);
    trail.redemption = Some(Redemption { suppressed, collaborates: None });
    Ok("permitted")
}

/// The tenant that the workload syncs from: the one that issued its token, or, with L's own
/// token, the one that the route names. A workload of a third tenant is neither's.
fn source(token: &Token<'_>, route: &Route) -> Option<Guid> {
    if !relation::is_workload(token) {
        return None;
    }
    if token.tenant != route.tenant {
        return route.source_tenant.is_none_or(|it| it == token.tenant).then_some(token.tenant);
    }
    let source = route.source_tenant?;
    let at_home = |tenant| token.home == Home::Tenant(tenant);
    (at_home(route.tenant) || at_home(source)).then_some(source)
}
