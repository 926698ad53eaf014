//! Who is calling: the relation (§2).

use super::claims::Token;
use super::guid::{Guid, MSA};
use super::issuer::Home;
use super::model::Stop;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Internal,
    Collaboration,
    DirectConnect,
    ServiceProvider,
    NonEntra,
    ExternalIdentity,
    OwnIdentity,
}

impl Relation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Collaboration => "b2b_collaboration",
            Self::DirectConnect => "b2b_direct_connect",
            Self::ServiceProvider => "service_provider",
            Self::NonEntra => "non_entra",
            Self::ExternalIdentity => "external_identity",
            Self::OwnIdentity => "own_identity",
        }
    }
}

pub(crate) fn inbound(token: &Token<'_>, local: Guid) -> Result<Relation, Stop> {
    let unknown = Err(Stop::deny("relation_unknown"));
    // §1: an `idp` that may be a cloud that we do not know, whoever issued the token.
    if token.home == Home::Unknown || token.tenant == MSA {
        return unknown;
    }
    if token.tenant != local {
        if token.home == Home::Tenant(token.tenant) {
            return Ok(Relation::DirectConnect);
        }
        return Err(Stop::deny("foreign_guest_token"));
    }
    match token.home {
        Home::Tenant(home) if home == local => {
            let stranger = token.is_related(&[9, 11, 15, 17, 19, 21, 23, 25, 27, 29, 31]);
            let guest = token.is_related(&[5]) && token.acct() != Some(1);
            if stranger || guest { unknown } else { Ok(Relation::Internal) }
        }
        Home::Tenant(_) => {
            if token.is_related(&[9, 15, 23]) {
                unknown
            } else if token.is_related(&[11, 31]) {
                Ok(Relation::ServiceProvider)
            } else if token.is_related(&[17, 19, 21, 25]) {
                Ok(Relation::DirectConnect)
            } else {
                Ok(Relation::Collaboration)
            }
        }
        Home::None => Ok(Relation::NonEntra),
        Home::Unknown => unknown,
    }
}

pub(crate) fn outbound(token: &Token<'_>, local: Guid, resource: Guid) -> Result<Relation, Stop> {
    if token.home == Home::Unknown {
        return Err(Stop::deny("relation_unknown"));
    }
    if token.tenant != local && token.tenant != resource {
        return Err(Stop::deny("resource_tenant_mismatch"));
    }
    Ok(if token.tenant == local {
        if resource == local { Relation::Internal } else { Relation::DirectConnect }
    } else if token.home != Home::Tenant(local) {
        Relation::ExternalIdentity
    } else if token.is_related(&[11, 31]) {
        Relation::ServiceProvider
    } else {
        Relation::Collaboration
    })
}

pub(crate) fn restrictions(token: &Token<'_>, local: Guid) -> Result<Relation, Stop> {
    if token.home == Home::Unknown {
        return Err(Stop::deny("relation_unknown"));
    }
    let own = token.tenant == local || token.home == Home::Tenant(local);
    Ok(if own { Relation::OwnIdentity } else { Relation::ExternalIdentity })
}

/// A workload is nobody's user.
pub(crate) fn is_workload(token: &Token<'_>) -> bool {
    const OF_USERS: [&str; 8] =
        ["scp", "upn", "unique_name", "preferred_username", "email", "name", "acct", "amr"];
    match token.text("idtyp") {
        Some("user") => false,
        Some("app") => true,
        _ => {
            token.is_related(&[7, 13, 33])
                || token.has("roles") && !OF_USERS.iter().any(|name| token.has(name))
        }
    }
}
