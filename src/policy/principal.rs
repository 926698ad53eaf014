//! The principal map: who a guest is at home, where the token does not tell.

use std::collections::HashMap;

use serde::Deserialize;

use crate::id::{ObjectId, TenantId};
use crate::policy::compile::sorted;

/// A principal as its home tenant knows it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Principal {
    /// Where it is at home; an entry for another home than the token's is ignored.
    pub home_tenant: TenantId,
    /// Its id there.
    pub home_oid: ObjectId,
    /// All its groups there, sorted.
    #[serde(default, deserialize_with = "sorted_groups")]
    pub home_groups: Box<[ObjectId]>,
}

/// `{"<tenant>": {"<oid>": {"homeTenant", "homeOid", "homeGroups"}}}`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct PrincipalMap(HashMap<TenantId, HashMap<ObjectId, Principal>>);

impl PrincipalMap {
    /// The home of an object of `tenant`'s directory.
    pub fn get(&self, tenant: TenantId, object: ObjectId) -> Option<&Principal> {
        self.0.get(&tenant)?.get(&object)
    }
}

fn sorted_groups<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Box<[ObjectId]>, D::Error> {
    Vec::deserialize(deserializer).map(sorted)
}
