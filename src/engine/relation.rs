//! What the caller is to the protected tenant.

use crate::engine::reason::Reason;
use crate::id::{MSA, TenantId};
use crate::token::{Home, Identity};

/// The caller's relation to L.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// One of L's own.
    Internal,
    /// B2B collaboration: a guest or external member with an object in L's directory.
    Collaboration,
    /// B2B direct connect: authenticated at home, no object in L's directory.
    DirectConnect,
    /// A partner that administers L (GDAP, DAP).
    ServiceProvider,
    /// Somebody from outside Entra.
    NonEntra,
    /// On our network: an account of ours, or ours at home.
    OwnIdentity,
    /// On our network: somebody else's account at somebody else's resource.
    ExternalIdentity,
}

impl Relation {
    /// The word in a decision.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Collaboration => "b2b_collaboration",
            Self::DirectConnect => "b2b_direct_connect",
            Self::ServiceProvider => "service_provider",
            Self::NonEntra => "non_entra",
            Self::OwnIdentity => "own_identity",
            Self::ExternalIdentity => "external_identity",
        }
    }
}

/// The inbound rows of semantics §2. Values of `xms_idrel`: "Agent token claims", entity relationship.
pub(in crate::engine) fn inbound(local: TenantId, identity: &Identity) -> Result<Relation, Reason> {
    let related = |values: &[u8]| identity.relation.has_any(values);
    if identity.tenant == MSA || identity.home == Home::Unlisted {
        return Err(Reason::RelationUnknown);
    }
    if identity.tenant != local {
        let at_home = identity.home == Home::Tenant(identity.tenant);
        return if at_home { Ok(Relation::DirectConnect) } else { Err(Reason::ForeignGuestToken) };
    }
    match identity.home {
        Home::NonEntra => Ok(Relation::NonEntra),
        Home::Unlisted => Err(Reason::RelationUnknown),
        Home::Tenant(home) if home == local => {
            // The token says that its user is at home here and, in the same breath, that it is not.
            let external = related(&[9, 11, 15, 17, 19, 21, 23, 25, 27, 29, 31]);
            let guest_without_saying_so = related(&[5]) && identity.account != Some(1);
            let contradicts = external || guest_without_saying_so;
            if contradicts { Err(Reason::RelationUnknown) } else { Ok(Relation::Internal) }
        }
        Home::Tenant(_) if related(&[9, 15, 23]) => Err(Reason::RelationUnknown),
        Home::Tenant(_) if related(&[11, 31]) => Ok(Relation::ServiceProvider),
        Home::Tenant(_) if related(&[17, 19, 21, 25]) => Ok(Relation::DirectConnect),
        Home::Tenant(_) => Ok(Relation::Collaboration),
    }
}

/// The outbound rows: L's users at a resource of `resource`.
pub(in crate::engine) fn outbound(
    local: TenantId,
    resource: TenantId,
    identity: &Identity,
) -> Result<Relation, Reason> {
    let (issuer, home) = (identity.tenant, identity.home);
    if home == Home::Unlisted {
        return Err(Reason::RelationUnknown);
    }
    if issuer != local && issuer != resource {
        return Err(Reason::ResourceTenantMismatch);
    }
    Ok(if resource == local {
        Relation::Internal
    } else if issuer == local {
        Relation::DirectConnect
    } else if home != Home::Tenant(local) {
        Relation::ExternalIdentity
    } else if identity.relation.has_any(&[11, 31]) {
        Relation::ServiceProvider
    } else {
        Relation::Collaboration
    })
}

/// The rows of tenant restrictions: whether an account is ours.
pub(in crate::engine) fn restricted(local: TenantId, identity: &Identity) -> Result<Relation, Reason> {
    let home = identity.home;
    if home == Home::Unlisted {
        return Err(Reason::RelationUnknown);
    }
    let ours = identity.tenant == local || home == Home::Tenant(local);
    Ok(if ours { Relation::OwnIdentity } else { Relation::ExternalIdentity })
}
