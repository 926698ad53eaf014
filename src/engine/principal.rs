//! Whether the caller is among the users and groups that are listed.

use crate::engine::access::Access;
use crate::engine::kleene::Truth;
use crate::engine::rules::Rules;
use crate::id::{ObjectId, TenantId};
use crate::policy::UserTargets;
use crate::token::{Completeness, Home};

/// The caller as one tenant's directory knows it.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Principal<'a> {
    workload: bool,
    id: Option<ObjectId>,
    groups: &'a [ObjectId],
    groups_complete: bool,
}

impl<'a> Principal<'a> {
    /// The caller's ids in `directory`. A guest's `oid` and `groups` are those of the tenant that issued the token,
    /// never of its home ("Cross-tenant access settings": ids live in the partner's tenant).
    pub(in crate::engine) fn in_directory(directory: TenantId, access: &Access<'a>, rules: &Rules) -> Self {
        let identity = access.identity;
        let workload = identity.workload;
        if directory == identity.tenant {
            let groups_complete = match identity.groups.complete {
                Completeness::Listed => true,
                Completeness::Silent => rules.groups_emitted,
                Completeness::Partial => false,
            };
            return Self { workload, id: identity.object, groups: &identity.groups.known, groups_complete };
        }
        let nobody = Self { workload, id: None, groups: &[], groups_complete: false };
        if identity.home != Home::Tenant(directory) {
            return nobody;
        }
        let mapped = access.principal.filter(|principal| principal.home_tenant == directory);
        match (identity.home_object, mapped) {
            (claimed, None) => Self { id: claimed, ..nobody },
            // Two sources that disagree are as good as none.
            (Some(claimed), Some(principal)) if claimed != principal.home_oid => nobody,
            (_, Some(principal)) => Self {
                id: Some(principal.home_oid),
                groups: principal.home_groups.as_deref().unwrap_or_default(),
                groups_complete: principal.home_groups.is_some(),
                ..nobody
            },
        }
    }

    /// The caller's id there.
    pub(in crate::engine) fn id(&self) -> Option<ObjectId> {
        self.id
    }

    /// U: whether the caller matches the targets of a half.
    pub(in crate::engine) fn matches(&self, targets: &UserTargets) -> Truth {
        if targets.all {
            return Truth::True;
        }
        let unreadable = if targets.unknown { Truth::Unknown } else { Truth::False };
        self.is_listed(targets.listed.users(), targets.listed.groups()) | unreadable
    }

    /// Whether the caller is a listed user or in a listed group; both lists sorted. A workload is nobody's user.
    pub(in crate::engine) fn is_listed(&self, users: &[ObjectId], groups: &[ObjectId]) -> Truth {
        if self.workload {
            return Truth::False;
        }
        let user = match self.id {
            _ if users.is_empty() => Truth::False,
            Some(id) => has(users, id).into(),
            None => Truth::Unknown,
        };
        let group = if groups.is_empty() {
            Truth::False
        } else if self.groups.iter().any(|group| groups.binary_search(group).is_ok()) {
            Truth::True
        } else if self.groups_complete {
            Truth::False
        } else {
            Truth::Unknown
        };
        user | group
    }

    pub(in crate::engine) fn is_workload(&self) -> bool {
        self.workload
    }
}

/// Whether a sorted list has this id. Of a few each is looked at: which of them it is cannot be foretold, and to guess
/// wrong costs more.
fn has(list: &[ObjectId], id: ObjectId) -> bool {
    match list {
        [_, _, _, _, ..] => list.binary_search(&id).is_ok(),
        few => few.iter().filter(|one| **one == id).count() > 0,
    }
}
