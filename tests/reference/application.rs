//! A: does the application match an applications target (§3)?

use serde_json::Value;

use super::guid::Guid;
use super::kleene::Truth;
use super::policy;

const OFFICE_365: [&str; 6] = [
    "00000002-0000-0ff1-ce00-000000000000",
    "00000003-0000-0ff1-ce00-000000000000",
    "00000004-0000-0ff1-ce00-000000000000",
    "00000005-0000-0ff1-ce00-000000000000",
    "00000006-0000-0ff1-ce00-000000000000",
    "cc15fd57-2c6c-4117-a88c-83b1d56b4bbe",
];
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";

/// What is compared with the targets. Of a client there may be two claims; of each, whether it
/// could be read.
pub(crate) struct Applications {
    pub(crate) resource: Option<Guid>,
    pub(crate) clients: Vec<Option<Guid>>,
}

/// A GUID is itself; anything else is looked up in the map from URI to app id.
pub(crate) fn resolve(config: &Value, text: &str) -> Option<Guid> {
    Guid::parse(text).or_else(|| Guid::parse(config["applications"].as_object()?.get(text)?.as_str()?))
}

/// A for one half of a setting.
pub(crate) fn matches(config: &Value, half: &Value, applications: &Applications) -> Truth {
    let blocked = half["accessType"] == "blocked";
    Truth::any(policy::items(&half["targets"]).map(|target| {
        if target["targetType"] != "application" {
            return Truth::Unknown;
        }
        let name = target["target"].as_str().unwrap_or_default();
        let resource = one(config, name, applications.resource);
        if blocked { resource.or(client(config, name, applications)) } else { resource }
    }))
}

/// In a blocked half the client is compared too: a block is wide.
fn client(config: &Value, name: &str, applications: &Applications) -> Truth {
    if applications.clients.is_empty() {
        return one(config, name, None);
    }
    Truth::any(applications.clients.iter().map(|client| one(config, name, *client)))
}

/// One name of a target or of a Conditional Access condition against one application.
pub(crate) fn one(config: &Value, name: &str, application: Option<Guid>) -> Truth {
    if name == "AllApplications" {
        return Truth::True;
    }
    let Some(application) = application else { return Truth::Unknown };
    match name {
        "Office365" | "AllMicrosoftApps" => {
            if is_member(config, name, application) {
                Truth::True
            } else if is_named(config, application) {
                Truth::False
            } else {
                Truth::Unknown
            }
        }
        _ => application.is(name).into(),
    }
}

fn is_member(config: &Value, suite: &str, application: Guid) -> bool {
    let added = |name: &str| policy::texts(&config["suites"][name]).any(|id| application.is(id));
    let office = OFFICE_365.iter().any(|id| application.is(id)) || added("Office365");
    match suite {
        "Office365" => office,
        _ => office || application.is(GRAPH) || added("AllMicrosoftApps"),
    }
}

/// Whether the `applications` map names this app, and so tells that it is the organisation's
/// own, in no suite.
fn is_named(config: &Value, application: Guid) -> bool {
    config["applications"]
        .as_object()
        .is_some_and(|map| map.values().any(|id| policy::holds(id, application)))
}
