//! U: does the principal match a users target, by its ids in the tenant where they live (§3)?

use serde_json::Value;

use super::claims::Token;
use super::guid::Guid;
use super::issuer::Home;
use super::kleene::Truth;
use super::model::Facts;
use super::policy;
use super::relation;

/// A principal as one tenant's directory knows it.
pub(crate) struct Principal {
    pub(crate) workload: bool,
    pub(crate) id: Option<Guid>,
    pub(crate) groups: Vec<Guid>,
    pub(crate) groups_complete: bool,
}

impl Principal {
    /// The principal's ids in tenant X.
    pub(crate) fn within(facts: &Facts<'_>, tenant: Guid) -> Self {
        let token = facts.token;
        let workload = relation::is_workload(token);
        let (id, groups, groups_complete) = if tenant == token.tenant {
            let (groups, complete) = token_groups(facts.config, token);
            (token.id("oid"), groups, complete)
        } else if Home::Tenant(tenant) == token.home {
            at_home(facts)
        } else {
            (None, Vec::new(), false)
        };
        Self { workload, id, groups, groups_complete }
    }

    pub(crate) fn is_user(&self, id: &str) -> Truth {
        match self.id {
            _ if self.workload => Truth::False,
            Some(own) => own.is(id).into(),
            None => Truth::Unknown,
        }
    }

    pub(crate) fn is_in_group(&self, id: &str) -> Truth {
        if self.workload {
            Truth::False
        } else if self.groups.iter().any(|group| group.is(id)) {
            Truth::True
        } else if self.groups_complete {
            Truth::False
        } else {
            Truth::Unknown
        }
    }

    /// U for one half of a setting.
    pub(crate) fn matches(&self, half: &Value) -> Truth {
        Truth::any(policy::items(&half["targets"]).map(|target| {
            let id = target["target"].as_str().unwrap_or_default();
            match target["targetType"].as_str() {
                Some("user" | "group") if id == "AllUsers" || id == "AllGroups" => Truth::True,
                Some("user") => self.is_user(id),
                Some("group") => self.is_in_group(id),
                _ => Truth::Unknown,
            }
        }))
    }
}

/// The home ids that anybody tells of: the claim's and the principal map's (§10).
pub(crate) fn home_ids(facts: &Facts<'_>) -> Vec<Guid> {
    let mapped = entry(facts).and_then(|entry| Guid::parse(entry["homeOid"].as_str()?));
    facts.token.id("home_oid").into_iter().chain(mapped).collect()
}

/// In the home tenant only `home_oid` and the principal map count, never `oid` or `groups`.
fn at_home(facts: &Facts<'_>) -> (Option<Guid>, Vec<Guid>, bool) {
    let ids = home_ids(facts);
    if ids.first() != ids.last() {
        // The claim and the map disagree: neither is believed, nor the map's groups.
        return (None, Vec::new(), false);
    }
    let id = ids.first().copied();
    match entry(facts) {
        Some(entry) => {
            let groups = policy::texts(&entry["homeGroups"]).filter_map(Guid::parse).collect();
            (id, groups, entry["homeGroups"].is_array())
        }
        None => (id, Vec::new(), false),
    }
}

/// The principal map's entry for the token's `oid`, unless it speaks of another home.
fn entry<'a>(facts: &Facts<'a>) -> Option<&'a Value> {
    let oid = facts.token.id("oid")?;
    policy::items(facts.principal_map)
        .find(|entry| {
            policy::holds(&entry["tenant"], facts.token.tenant) && policy::holds(&entry["oid"], oid)
        })
        .filter(|entry| {
            let home = entry["homeTenant"].as_str().and_then(Guid::parse);
            home.is_some_and(|home| Home::Tenant(home) == facts.token.home)
        })
}

/// The known groups of the token's tenant, and whether these are all.
fn token_groups(config: &Value, token: &Token<'_>) -> (Vec<Guid>, bool) {
    let overage = token.has("hasgroups") || token.claim("_claim_names").get("groups").is_some();
    if !token.has("groups") {
        return (Vec::new(), !overage && config["tokens"]["groups_emitted"] == true);
    }
    let entries: Vec<Option<Guid>> = policy::texts(token.claim("groups")).map(Guid::parse).collect();
    let readable = entries.iter().all(Option::is_some);
    (entries.into_iter().flatten().collect(), readable && !overage)
}
