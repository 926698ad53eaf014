//! Which file of a directory is the answer to which request.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use super::error::{GraphError, Problem, Wrong, unreadable};
use super::file;
use crate::id::TenantId;

/// What a file holds, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resource {
    /// What Graph has no place for.
    Tenant,
    Policy,
    Default,
    Partners,
    Synchronization(TenantId),
    Conditional,
    Authorization,
    Collaboration,
}

pub(super) const TENANT: &str = "tenant.json";
pub(super) const TENANTS: &str = "tenants.json";
pub(super) const POLICY: &str = "crossTenantAccessPolicy.json";
pub(super) const DEFAULT: &str = "default.json";
pub(super) const PARTNERS: &str = "partners.json";
pub(super) const CONDITIONAL: &str = "conditionalAccessPolicies.json";
pub(super) const AUTHORIZATION: &str = "authorizationPolicy.json";
pub(super) const COLLABORATION: &str = "b2bManagementPolicies.json";
const SYNCHRONIZATION: &str = "identitySynchronization-";

const NAMES: [(&str, Resource); 7] = [
    (TENANT, Resource::Tenant),
    (POLICY, Resource::Policy),
    (DEFAULT, Resource::Default),
    (PARTNERS, Resource::Partners),
    (CONDITIONAL, Resource::Conditional),
    (AUTHORIZATION, Resource::Authorization),
    (COLLABORATION, Resource::Collaboration),
];

/// The files of one tenant.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) directory: PathBuf,
    /// The first is page 1.
    by_resource: BTreeMap<Resource, Vec<PathBuf>>,
    pub(super) synchronization: HashMap<TenantId, PathBuf>,
}

impl Files {
    /// The one file of the resource.
    pub(super) fn one(&self, resource: Resource) -> Option<&Path> {
        self.pages(resource).first().map(PathBuf::as_path)
    }

    /// Every page of it, in their order.
    pub(super) fn pages(&self, resource: Resource) -> &[PathBuf] {
        self.by_resource.get(&resource).map(Vec::as_slice).unwrap_or_default()
    }

    /// Where such a file is or would be.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// The tenants that `from` has files of: its own, or one for each directory.
pub(super) fn tenants(from: &Path) -> Result<Vec<Files>, GraphError> {
    let Listing { files, mut directories } = Listing::of(from)?;
    let order = from.join(TENANTS);
    let listed = files.contains(&order);
    let own: Vec<_> = files.into_iter().filter(|file| *file != order).collect();
    match (&*own, &*directories) {
        ([], []) => Err(Wrong::Nothing.with(from).into()),
        ([], _) => {
            if listed {
                directories = in_order(&order, directories)?;
            }
            directories.iter().map(|directory| of_one(directory)).collect()
        }
        (_, []) if listed => Err(Wrong::UnknownFile(TENANT.to_owned()).with(&order).into()),
        (_, []) => Ok(vec![of_one(from)?]),
        (_, [directory, ..]) => Err(Wrong::Mixed.with(directory).into()),
    }
}

/// The directories as `tenants.json` orders them; each must be in it, so that none is forgotten in copying.
fn in_order(list: &Path, directories: Vec<PathBuf>) -> Result<Vec<PathBuf>, GraphError> {
    let names: Vec<String> = file::read(list)?;
    let mut left = directories;
    let mut ordered = Vec::new();
    for name in names {
        let at = left.iter().position(|directory| directory.file_name().is_some_and(|own| *own == *name));
        let at = at.ok_or_else(|| Wrong::Unlisted(name).with(list))?;
        ordered.push(left.remove(at));
    }
    match left.first() {
        None => Ok(ordered),
        Some(rest) => Err(Wrong::Unlisted(rest.display().to_string()).with(list).into()),
    }
}

fn of_one(directory: &Path) -> Result<Files, GraphError> {
    let Listing { files, directories } = Listing::of(directory)?;
    let mut problems: Vec<Problem> = directories.iter().map(|other| Wrong::Mixed.with(other)).collect();
    let mut numbered: BTreeMap<Resource, BTreeMap<u32, PathBuf>> = BTreeMap::new();
    let mut synchronization = HashMap::new();
    for path in files {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match meaning(&name) {
            None => problems.push(Wrong::UnknownFile(nearest(&name)).with(&path)),
            Some((Resource::Synchronization(id), _)) => {
                if let Some(other) = synchronization.insert(id, path.clone()) {
                    problems.push(Wrong::TwoNames(other.display().to_string()).with(&path));
                }
            }
            Some((resource, page)) => {
                numbered.entry(resource).or_default().insert(page, path);
            }
        }
    }
    for (name, resource, effect) in REQUIRED {
        if !numbered.contains_key(&resource) {
            problems.push(Wrong::Missing(effect).with(&directory.join(name)));
        }
    }
    for (resource, pages) in &numbered {
        for (expected, page) in (1..).zip(pages.keys()) {
            if expected != *page {
                problems.push(
                    Wrong::Missing("a later page is there")
                        .with(&directory.join(page_name(*resource, expected))),
                );
                break;
            }
        }
    }
    if !problems.is_empty() {
        return Err(GraphError::Refused(problems));
    }
    let by_resource =
        numbered.into_iter().map(|(resource, pages)| (resource, pages.into_values().collect())).collect();
    Ok(Files { directory: directory.to_owned(), by_resource, synchronization })
}

/// Without them more would be permitted than the tenant wrote, or other than it wrote.
const REQUIRED: [(&str, Resource, &str); 3] = [
    (POLICY, Resource::Policy, "it says which other clouds may be reached"),
    (
        DEFAULT,
        Resource::Default,
        "without it Microsoft's own defaults would hold, by which everybody may collaborate",
    ),
    (PARTNERS, Resource::Partners, "without it the defaults would hold for every organisation"),
];

/// What the name says: which resource, and which page of it.
fn meaning(name: &str) -> Option<(Resource, u32)> {
    if let Some((_, resource)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some((*resource, 1));
    }
    let stem = name.strip_suffix(".json")?;
    if let Some(id) = stem.strip_prefix(SYNCHRONIZATION) {
        return Some((Resource::Synchronization(id.parse().ok()?), 1));
    }
    let (list, page) = stem.rsplit_once('-')?;
    let resource = match list {
        "partners" => Resource::Partners,
        "conditionalAccessPolicies" => Resource::Conditional,
        _ => return None,
    };
    let number: u32 = page.parse().ok().filter(|number| *number > 1)?;
    // `-02` would be a second file for page 2.
    (page == number.to_string()).then_some((resource, number))
}

/// The name of a list's page.
pub(super) fn page_name(resource: Resource, page: u32) -> String {
    let name = NAMES.iter().find(|(_, known)| *known == resource).map_or(PARTNERS, |(name, _)| name);
    if page == 1 {
        return name.to_owned();
    }
    format!("{}-{page}.json", name.trim_end_matches(".json"))
}

/// The known name that resembles this one most.
fn nearest(name: &str) -> String {
    let synchronization = format!("{SYNCHRONIZATION}<tenantId>.json");
    let known = NAMES.iter().map(|(name, _)| *name).chain(["partners-2.json", &synchronization]);
    let rated = known.map(|known| (known, strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase())));
    rated
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map_or_else(String::new, |(known, _)| known.to_owned())
}

/// What a directory has, without hidden entries, in the order of the names.
struct Listing {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Listing {
    fn of(directory: &Path) -> Result<Self, GraphError> {
        let entries = fs::read_dir(directory).map_err(unreadable(directory))?;
        let mut listing = Self { files: Vec::new(), directories: Vec::new() };
        for entry in entries {
            let path = entry.map_err(unreadable(directory))?.path();
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            match (hidden, path.is_dir()) {
                (true, _) => {}
                (false, true) => listing.directories.push(path),
                (false, false) => listing.files.push(path),
            }
        }
        listing.files.sort();
        listing.directories.sort();
        Ok(listing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_what_they_say_and_nothing_else() {
        assert_eq!(meaning("partners.json"), Some((Resource::Partners, 1)));
        assert_eq!(meaning("partners-12.json"), Some((Resource::Partners, 12)));
        for name in
            ["partners-1.json", "partners-02.json", "partners-.json", "Partners.json", "default-2.json", "x"]
        {
            assert_eq!(meaning(name), None, "{name}");
        }
        assert_eq!(nearest("Partner.json"), "partners.json");
        assert_eq!(nearest("conditionalAccess.json"), CONDITIONAL);
    }
}
