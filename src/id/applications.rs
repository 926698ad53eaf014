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
        let mapped = self.by_name.get(name).copied();
        mapped.or_else(|| name.parse().ok()).ok_or(UnknownApplication)
    }

    /// Whether the map names this application, so that what it is is known.
    pub fn names(&self, id: AppId) -> bool {
        self.named.binary_search(&id).is_ok()
    }
}
