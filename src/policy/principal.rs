//! The principal map: who a guest is at home, where the token does not tell.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

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
    /// All its groups there, sorted; None where the map does not tell them, which is not the same as no group.
    #[serde(default, deserialize_with = "sorted_groups")]
    pub home_groups: Option<Box<[ObjectId]>>,
}

/// `{"<tenant>": {"<oid>": {"homeTenant", "homeOid", "homeGroups"}}}`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct PrincipalMap(Unique<TenantId, Unique<ObjectId, Principal>>);

impl PrincipalMap {
    /// The home of an object of `tenant`'s directory.
    pub fn get(&self, tenant: TenantId, object: ObjectId) -> Option<&Principal> {
        self.0.0.get(&tenant)?.0.get(&object)
    }

    /// The home of this object is this, and no other, from now on.
    pub fn insert(&mut self, tenant: TenantId, object: ObjectId, principal: Principal) {
        self.0.0.entry(tenant).or_default().0.insert(object, principal);
    }

    /// Nothing is known of this object any more.
    pub fn remove(&mut self, tenant: TenantId, object: ObjectId) {
        if let Some(objects) = self.0.0.get_mut(&tenant) {
            objects.0.remove(&object);
        }
    }
}

fn sorted_groups<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<[ObjectId]>>, D::Error> {
    Ok(Option::<Vec<_>>::deserialize(deserializer)?.map(sorted))
}

/// A map in which no key is there twice, in whatever case: of two entries nobody could say which one is meant, and
/// to take the last would let a line further down overrule a block.
#[derive(Debug, Clone)]
struct Unique<K, V>(HashMap<K, V>);

impl<K, V> Default for Unique<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<'de, K: Deserialize<'de> + Eq + Hash + fmt::Display + Copy, V: Deserialize<'de>> Deserialize<'de>
    for Unique<K, V>
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de> + Eq + Hash + fmt::Display + Copy, V: Deserialize<'de>> Visitor<'de>
    for Entries<K, V>
{
    type Value = Unique<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of GUIDs")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = HashMap::with_capacity(entries.size_hint().unwrap_or_default());
        while let Some((key, value)) = entries.next_entry()? {
            let key: K = key;
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom(format_args!("`{key}` is there twice: keep one of the two")));
            }
        }
        Ok(Unique(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
    const OBJECT: &str = "0a1b2c3d-0000-4000-8000-00000000000a";

    fn entry(more: &str) -> String {
        format!(r#"{{"homeTenant":"{TENANT}","homeOid":"{OBJECT}"{more}}}"#)
    }

    fn read(text: &str) -> Result<PrincipalMap, String> {
        serde_json::from_str(text).map_err(|error: serde_json::Error| error.to_string())
    }

    #[test]
    fn groups_that_are_not_told_are_not_none() {
        let groups = |more: &str| {
            let map = read(&format!(r#"{{"{TENANT}":{{"{OBJECT}":{}}}}}"#, entry(more))).unwrap();
            let principal = map.get(TENANT.parse().unwrap(), OBJECT.parse().unwrap()).unwrap();
            principal.home_groups.as_ref().map(|groups| groups.len())
        };
        assert_eq!(groups(""), None);
        assert_eq!(groups(r#","homeGroups":null"#), None);
        assert_eq!(groups(r#","homeGroups":[]"#), Some(0));
        assert_eq!(groups(&format!(r#","homeGroups":["{OBJECT}"]"#)), Some(1));
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused_in_whatever_case() {
        let (entry, upper) = (entry(""), OBJECT.to_uppercase());
        for keys in [[OBJECT, OBJECT], [OBJECT, &upper]] {
            let [one, other] = keys;
            let error =
                read(&format!(r#"{{"{TENANT}":{{"{one}":{entry},"{other}":{entry}}}}}"#)).unwrap_err();
            assert!(error.contains(&format!("`{OBJECT}` is there twice")), "{error}");
        }
        let upper = TENANT.to_uppercase();
        let error = read(&format!(r#"{{"{TENANT}":{{}},"{upper}":{{}}}}"#)).unwrap_err();
        assert!(error.contains(&format!("`{TENANT}` is there twice")), "{error}");
    }
}
