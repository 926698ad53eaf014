//! Settings: `usersAndGroups` and `applications`, whole, halved and null (§3, §4).

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{APPLICATIONS, GROUPS, USERS, maybe, object, one_of, pick, record};

/// A setting; without `lists`, its users half names nobody by id, as a default inbound one and
/// default restrictions must not (§12).
pub(crate) fn setting(lists: bool) -> impl Strategy<Value = Value> {
    #[derive(Debug, Clone, Copy)]
    enum Shape {
        Closed,
        Both,
        UsersOnly,
        ApplicationsOnly,
        Neither,
    }
    const SHAPES: [(u32, Shape); 5] = [
        (8, Shape::Closed),
        (72, Shape::Both),
        (8, Shape::UsersOnly),
        (8, Shape::ApplicationsOnly),
        (3, Shape::Neither),
    ];
    let narrower = (one_of(&SHAPES), users(lists), applications(), any::<bool>()).prop_map(
        |(shape, users, applications, explicit)| {
            let null = explicit.then_some(Value::Null);
            let (users, applications) = match shape {
                Shape::Closed => (Some(all_users("blocked")), Some(all_applications("blocked"))),
                Shape::Both => (Some(users), Some(applications)),
                Shape::UsersOnly => (Some(users), null),
                Shape::ApplicationsOnly => (null, Some(applications)),
                Shape::Neither => (null.clone(), null),
            };
            object([("usersAndGroups", users), ("applications", applications)])
        },
    );
    maybe(0.7, narrower).prop_map(|narrower| {
        narrower.unwrap_or_else(|| {
            record([("usersAndGroups", all_users("allowed")), ("applications", all_applications("allowed"))])
        })
    })
}

fn all_users(access: &str) -> Value {
    json!({"accessType": access, "targets": [{"target": "AllUsers", "targetType": "user"}]})
}

fn all_applications(access: &str) -> Value {
    json!({
        "accessType": access,
        "targets": [{"target": "AllApplications", "targetType": "application"}],
    })
}

fn users(lists: bool) -> impl Strategy<Value = Value> {
    const KINDS: [(u32, &str); 5] =
        [(40, "AllUsers"), (28, "user"), (24, "group"), (3, "AllGroups"), (5, "unknown")];
    let target =
        (one_of(&KINDS), pick(&USERS), pick(&GROUPS)).prop_map(move |(kind, user, group)| match kind {
            "user" if lists => json!({"target": user, "targetType": "user"}),
            "group" if lists => json!({"target": group, "targetType": "group"}),
            "AllGroups" if lists => json!({"target": "AllGroups", "targetType": "group"}),
            "unknown" if lists => json!({"target": user, "targetType": "unknownFutureValue"}),
            _ => json!({"target": "AllUsers", "targetType": "user"}),
        });
    half(target, if lists { 2 } else { 1 })
}

fn applications() -> impl Strategy<Value = Value> {
    const KINDS: [(u32, &str); 5] = [
        (40, "AllApplications"),
        (44, "application"),
        (7, "Office365"),
        (4, "AllMicrosoftApps"),
        (3, "unknown"),
    ];
    let target = (one_of(&KINDS), pick(&APPLICATIONS)).prop_map(|(kind, application)| match kind {
        "application" => json!({"target": application, "targetType": "application"}),
        "unknown" => json!({"target": application, "targetType": "unknownFutureValue"}),
        name => json!({"target": name, "targetType": "application"}),
    });
    half(target, 2)
}

/// Only an allowance may be without targets (§12).
fn half(target: impl Strategy<Value = Value>, most: usize) -> impl Strategy<Value = Value> {
    const ACCESS: [(u32, &str); 4] =
        [(50, "allowed"), (46, "blocked"), (3, "unknownFutureValue"), (1, "audited")];
    (one_of(&ACCESS), prop::collection::vec(target, 1..=most), maybe(0.04, Just(()))).prop_map(
        |(access, targets, empty)| {
            let targets = if access == "allowed" && empty.is_some() { Vec::new() } else { targets };
            record([("accessType", access.into()), ("targets", targets.into())])
        },
    )
}
