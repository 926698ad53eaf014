//! Whether a setting permits (Graph "crossTenantAccessPolicy resource type", interpreting the API response).

use crate::engine::access::Access;
use crate::engine::application;
use crate::engine::kleene::Truth;
use crate::engine::observer::{Observer, Outcome, Step};
use crate::engine::principal::Principal;
use crate::engine::reason::Reason;
use crate::engine::rules::Rules;
use crate::id::TenantId;
use crate::policy::{Access as AccessType, Effective, SettingKind};

/// Evaluates `effective` for the caller as `directory` knows it.
pub(in crate::engine) fn permits(
    kind: SettingKind,
    effective: Effective<'_>,
    directory: TenantId,
    step: Step,
    access: &Access<'_>,
    rules: &Rules,
    observer: &mut impl Observer,
) -> Result<(), Reason> {
    let users = Principal::in_directory(directory, access, rules).matches(&effective.users.targets);
    let applications = application::matches(effective.applications, access, rules);
    let result = combine(effective, users, applications, rules);
    observer.step(
        step,
        if result.is_ok() { Outcome::Pass } else { Outcome::Stop },
        &[
            ("setting", &kind.property()),
            ("origin", &effective.origin.word()),
            ("users", &word(effective.users.access)),
            ("users_match", &users.word()),
            ("applications", &word(effective.applications.access)),
            ("applications_match", &applications.word()),
            ("strict", &effective.strict),
        ],
    );
    result
}

/// Whether nobody could be permitted anything, whoever came.
pub(in crate::engine) fn blocks_everyone(effective: Effective<'_>, rules: &Rules) -> bool {
    let matches = |can_match: bool, can_miss: bool| {
        let known = [(can_match, Truth::True), (can_miss, Truth::False)];
        // Whoever cannot be resolved may be permitted by the other half alone.
        known.into_iter().filter_map(|(can, truth)| can.then_some(truth)).chain([Truth::Unknown])
    };
    let (users, applications) = (&effective.users.targets, &effective.applications.targets);
    !matches(users.can_match(), users.can_miss()).any(|user| {
        matches(applications.can_match(), applications.can_miss())
            .any(|application| combine(effective, user, application, rules).is_ok())
    })
}

fn combine(effective: Effective<'_>, users: Truth, applications: Truth, rules: &Rules) -> Result<(), Reason> {
    use AccessType::{Allowed, Blocked, Unknown};
    let says = |access: AccessType, matched: Truth| match access {
        Allowed => matched,
        Blocked => !matched,
        Unknown => Truth::False,
    };
    let (by_users, by_applications) =
        (says(effective.users.access, users), says(effective.applications.access, applications));
    let permitted = match (effective.users.access, effective.applications.access) {
        (Unknown, _) | (_, Unknown) => return Err(Reason::SettingUnreadable),
        (Blocked, Blocked) if !effective.strict && !rules.blocked_blocked_strict => {
            by_users | by_applications
        }
        (Allowed | Blocked, Allowed | Blocked) => by_users & by_applications,
    };
    match (permitted, by_users, by_applications) {
        (Truth::True, ..) => Ok(()),
        (Truth::Unknown, ..) if users == Truth::Unknown => Err(Reason::PrincipalUnresolved),
        (Truth::Unknown, ..) => Err(Reason::ApplicationUnresolved),
        (Truth::False, Truth::False, Truth::False) => Err(Reason::UsersAndApplicationsBlocked),
        (Truth::False, Truth::False, _) => Err(Reason::UsersBlocked),
        (Truth::False, ..) => Err(Reason::ApplicationsBlocked),
    }
}

const fn word(access: AccessType) -> &'static str {
    match access {
        AccessType::Allowed => "allowed",
        AccessType::Blocked => "blocked",
        AccessType::Unknown => "unknown",
    }
}
