//! Whether the application is among those that are listed.

use crate::engine::access::Access;
use crate::engine::kleene::Truth;
use crate::engine::rules::Rules;
use crate::id::AppId;
use crate::policy::{Access as AccessType, AppSet, AppTargets, Half, Suite};
use crate::token::Client;

/// A: whether the application matches the targets of a half.
///
/// An id matches the resource; in a `blocked` half the client as well, since Microsoft does not say which of the two
/// is compared: an allowance is narrow and a block is wide.
pub(in crate::engine) fn matches(half: &Half<AppTargets>, access: &Access<'_>, rules: &Rules) -> Truth {
    let resource = one(&half.targets, access.application(), rules);
    match half.access {
        AccessType::Allowed | AccessType::Unknown => resource,
        AccessType::Blocked => resource | client(&half.targets, access.identity.clients, rules),
    }
}

fn client(targets: &AppTargets, clients: [Client; 2], rules: &Rules) -> Truth {
    let matches = |client| match client {
        Client::Absent | Client::Unreadable => one(targets, None, rules),
        Client::Known(application) => one(targets, Some(application), rules),
    };
    match clients {
        [Client::Absent, client] | [client, Client::Absent] => matches(client),
        [client, other] => matches(client) | matches(other),
    }
}

fn one(targets: &AppTargets, application: Option<AppId>, rules: &Rules) -> Truth {
    if targets.all {
        return Truth::True;
    }
    let unreadable = if targets.unknown { Truth::Unknown } else { Truth::False };
    listed(&targets.ids, &targets.suites, application, rules) | unreadable
}

/// Whether a Conditional Access policy's list has the resource.
pub(in crate::engine) fn in_set(set: &AppSet, application: Option<AppId>, rules: &Rules) -> Truth {
    let suites: &[Suite] = if set.office365 { &[Suite::Office365] } else { &[] };
    Truth::from(set.all) | listed(&set.ids, suites, application, rules)
}

/// Who belongs to a suite is not part of a policy: what is neither a known member nor named by the config may.
fn listed(ids: &[AppId], suites: &[Suite], application: Option<AppId>, rules: &Rules) -> Truth {
    if ids.is_empty() && suites.is_empty() {
        return Truth::False;
    }
    let Some(application) = application else { return Truth::Unknown };
    let by_id = ids.binary_search(&application).is_ok().into();
    suites.iter().fold(by_id, |found, &suite| {
        found
            | if rules.is_member(suite, application) {
                Truth::True
            } else if rules.applications.names(application) {
                Truth::False
            } else {
                Truth::Unknown
            }
    })
}
