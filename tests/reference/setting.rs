//! Settings: which object each half comes from (§4), and whether the two permit (§3).

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::application;
use super::guid::Guid;
use super::kleene::Truth;
use super::model::Facts;
use super::policy;
use super::principal::Principal;

/// Where a half comes from, nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    Partner,
    Default,
    ServiceDefault,
}

impl Origin {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Default => "default",
            Self::ServiceDefault => "service_default",
        }
    }
}

static OPEN: LazyLock<Value> = LazyLock::new(|| everyone_everything("allowed"));
static CLOSED: LazyLock<Value> = LazyLock::new(|| everyone_everything("blocked"));

pub(crate) struct Setting<'a> {
    users: (&'a Value, Origin),
    applications: (&'a Value, Origin),
}

impl<'a> Setting<'a> {
    /// The setting `name` that `owner` keeps for `other`.
    pub(crate) fn of(owner: &'a Value, other: Guid, name: &str) -> Self {
        let partner = policy::partner(owner, other).unwrap_or(&Value::Null);
        let half = |half: &str| {
            let objects: [(&'a Value, Origin); 3] = [
                (&partner[name], Origin::Partner),
                (&policy::default(owner)[name], Origin::Default),
                (service_default(name), Origin::ServiceDefault),
            ];
            let [_, _, last] = objects;
            let found = objects.into_iter().find(|(setting, _)| !setting[half].is_null());
            let (setting, origin) = found.unwrap_or(last);
            (&setting[half], origin)
        };
        Self { users: half("usersAndGroups"), applications: half("applications") }
    }

    pub(crate) fn origin(&self) -> Origin {
        self.users.1.min(self.applications.1)
    }

    /// §3's table, for a principal whose ids live in the tenant `ids_in`.
    pub(crate) fn permits(&self, facts: &Facts<'_>, ids_in: Guid) -> Result<(), &'static str> {
        let (users, applications) = (self.users.0, self.applications.0);
        let (Some(users_allowed), Some(applications_allowed)) = (is_allowed(users), is_allowed(applications))
        else {
            return Err("setting_unreadable");
        };
        let u = Principal::within(facts, ids_in).matches(users);
        let a = application::matches(facts.config, applications, &facts.applications);

        let permitted = match (users_allowed, applications_allowed) {
            (true, true) => u.and(a),
            (true, false) => u.and(!a),
            (false, true) => (!u).and(a),
            (false, false) if self.is_strict(facts.config) => (!u).and(!a),
            (false, false) => !u.and(a),
        };
        match permitted {
            Truth::True => Ok(()),
            Truth::Unknown if u == Truth::Unknown => Err("principal_unresolved"),
            Truth::Unknown => Err("application_unresolved"),
            Truth::False => Err(match (no(users_allowed, u), no(applications_allowed, a)) {
                (true, true) => "users_and_applications_blocked",
                (true, false) => "users_blocked",
                (false, _) => "applications_blocked",
            }),
        }
    }

    /// Whether there is nobody whom the setting would permit anything (§9, `invite`).
    pub(crate) fn blocks_everyone(&self, facts: &Facts<'_>) -> bool {
        let (Some(users_allowed), Some(applications_allowed)) =
            (is_allowed(self.users.0), is_allowed(self.applications.0))
        else {
            return true;
        };
        // A target of a type that nobody knows may be anybody: nobody is listed by it for certain,
        // and nobody is left out.
        let known =
            |target: &Value| matches!(target["targetType"].as_str(), Some("user" | "group" | "application"));
        let none_in = |half: &Value| !policy::items(&half["targets"]).any(known);
        let doubtful = |half: &Value| policy::items(&half["targets"]).any(|target| !known(target));
        let no_user = if users_allowed {
            none_in(self.users.0)
        } else {
            self.names_everyone() || doubtful(self.users.0)
        };
        let no_application = if applications_allowed {
            none_in(self.applications.0)
        } else {
            self.names_everything() || doubtful(self.applications.0)
        };
        // Two documented blocks leave everything to those whom the first does not name.
        let pair = !users_allowed && !applications_allowed && !self.is_strict(facts.config);
        if pair { no_user && no_application } else { no_user || no_application }
    }

    /// Whether it permits everyone everything (§8, v1).
    pub(crate) fn permits_everything(&self) -> bool {
        let allowed = |half| is_allowed(half) == Some(true);
        allowed(self.users.0)
            && allowed(self.applications.0)
            && self.names_everyone()
            && self.names_everything()
    }

    fn is_strict(&self, config: &Value) -> bool {
        config["blocked_blocked"] == "strict" || self.users.1 != self.applications.1 || self.is_conflicting()
    }

    /// §12, judged where both halves are of one object. It matters only for two halves that
    /// block, for the other rows of §3 are conjunctions anyway.
    fn is_conflicting(&self) -> bool {
        let no_application = is_allowed(self.applications.0) == Some(false) && self.names_everything();
        match is_allowed(self.users.0) {
            Some(true) => no_application,
            Some(false) => self.names_everyone() && !no_application,
            None => false,
        }
    }

    fn names_everyone(&self) -> bool {
        names(self.users.0, &["AllUsers", "AllGroups"])
    }

    fn names_everything(&self) -> bool {
        names(self.applications.0, &["AllApplications"])
    }
}

/// Whether a target of a half has one of these names, its type being one that is known.
fn names(half: &Value, names: &[&str]) -> bool {
    policy::items(&half["targets"]).any(|target| {
        let known = matches!(target["targetType"].as_str(), Some("user" | "group" | "application"));
        known && target["target"].as_str().is_some_and(|it| names.contains(&it))
    })
}

/// Whether `owner` blocks its users from being service providers elsewhere: its partner entry or
/// its default says so, the one never undoing the other.
pub(crate) fn blocks_providers(owner: &Value, other: Guid) -> bool {
    let partner = policy::partner(owner, other).unwrap_or(&Value::Null);
    [partner, policy::default(owner)].iter().any(|it| it["blockServiceProviderOutboundAccess"] == true)
}

/// A property of the partner where it is not null, else the default's (§4); a missing one is
/// null.
pub(crate) fn field<'a>(owner: &'a Value, other: Guid, object: &str, field: &str) -> &'a Value {
    let own = policy::partner(owner, other).map_or(&Value::Null, |it| &it[object][field]);
    if own.is_null() { &policy::default(owner)[object][field] } else { own }
}

/// Whether a half says no to this match.
fn no(allowed: bool, matches: Truth) -> bool {
    matches == if allowed { Truth::False } else { Truth::True }
}

/// `None`: an access type that nobody knows, which permits nobody.
fn is_allowed(half: &Value) -> Option<bool> {
    match half["accessType"].as_str() {
        Some("allowed") => Some(true),
        Some("blocked") => Some(false),
        _ => None,
    }
}

fn service_default(name: &str) -> &'static Value {
    match name {
        "b2bCollaborationInbound" | "b2bCollaborationOutbound" => &OPEN,
        _ => &CLOSED,
    }
}

fn everyone_everything(access: &str) -> Value {
    json!({
        "usersAndGroups": {
            "accessType": access, "targets": [{"target": "AllUsers", "targetType": "user"}]
        },
        "applications": {
            "accessType": access,
            "targets": [{"target": "AllApplications", "targetType": "application"}]
        },
    })
}
