//! The configured names of applications: from an audience's URI to the app id that policies list.

use std::collections::HashMap;

use crate::id::AppId;

/// The config's `applications` map.
#[derive(Debug, Clone, Default)]
pub struct Applications {
    by_name: HashMap<Box<str>, AppId>,
    named: Box<[AppId]>,
}

/// A name that is neither a GUID nor in the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither an application id nor a name in `applications`")]
pub struct UnknownApplication;

impl Applications {
    /// The map of these names.
    pub fn new(names: impl IntoIterator<Item = (Box<str>, AppId)>) -> Self {
        let by_name: HashMap<_, _> = names.into_iter().collect();
        let mut ids: Vec<_> = by_name.values().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        Self { by_name, named: ids.into() }
    }

    /// The application that `name` (a GUID, or a name in the map) stands for.
    pub fn resolve(&self, name: &str) -> Result<AppId, UnknownApplication> {
        // An id is itself, however it is spelt and whatever the map has for it.
        let id = name.parse().ok();
        id.or_else(|| self.by_name.get(name).copied()).ok_or(UnknownApplication)
    }

    /// Whether the map names this application, so that what it is is known.
    pub fn names(&self, id: AppId) -> bool {
        self.named.binary_search(&id).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_itself_in_any_case_and_a_name_what_the_map_says() {
        let [one, other] = ["aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"];
        let [one_id, other_id]: [AppId; 2] = [one, other].map(|id| id.parse().unwrap());
        let map = Applications::new([(one.into(), other_id), ("api://orders".into(), other_id)]);
        assert_eq!(map.resolve(one).ok(), Some(one_id));
        assert_eq!(map.resolve(&one.to_uppercase()).ok(), Some(one_id));
        assert_eq!(map.resolve("api://orders").ok(), Some(other_id));
        assert!(map.resolve("API://orders").is_err());
    }
}
