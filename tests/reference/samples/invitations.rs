//! Invitations: who may invite, and bodies that name somebody, nobody, or one more than one.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{maybe, one_of, record};

/// `allowInvitesFrom`, rarely a word that nobody knows.
pub(crate) fn allowed_from() -> impl Strategy<Value = Option<&'static str>> {
    const FROM: [(u32, Option<&str>); 6] = [
        (30, None),
        (10, Some("none")),
        (20, Some("adminsAndGuestInviters")),
        (25, Some("adminsGuestInvitersAndAllMembers")),
        (30, Some("everyone")),
        (2, Some("Everyone")),
    ];
    one_of(&FROM)
}

/// Members in their order; the text that they stand in is for whoever sends it.
pub(crate) fn body() -> impl Strategy<Value = Option<Vec<(String, Value)>>> {
    const NAMES: [(u32, &str); 5] = [
        (90, "invitedUserEmailAddress"),
        (3, "InvitedUserEmailAddress"),
        (2, "invitedU\u{17f}erEmailAddre\u{17f}s"),
        (2, "invitedUserEmailAddresses"),
        (2, "email"),
    ];
    const ADDRESSES: [(u32, &str); 17] = [
        (50, "kim@fabrikam.test"),
        (20, "lee@northwind.test"),
        (15, "Lee@NorthWind.Test"),
        (15, "kim@mail.fabrikam.test"),
        (15, "jo@M\u{dc}NCHEN.test"),
        (15, "o'neil+guests@elsewhere.test"),
        (3, "jo@xn--mnchen-3ya.test"),
        (1, "jo@xn--zzzzzz99999.test"),
        (2, "kim@fabrikam.test."),
        (2, "kim@fabrikam.test.."),
        (2, "@fabrikam.test"),
        (2, "kim"),
        (2, ""),
        (2, " kim@fabrikam.test"),
        (2, "kim@evil.test,kim@fabrikam.test"),
        (2, "\"kim@evil.test\"@fabrikam.test"),
        (2, "kim@[192.0.2.1]"),
    ];
    const STRANGE: [(u32, Option<&str>); 5] = [
        (95, None),
        (2, Some("null")),
        (1, Some("7")),
        (1, Some("[\"kim@fabrikam.test\"]")),
        (1, Some("{}")),
    ];
    let invitee = || {
        (one_of(&NAMES), one_of(&ADDRESSES), one_of(&STRANGE)).prop_map(|(name, address, strange)| {
            let value = strange.map_or_else(|| address.into(), |text| serde_json::from_str(text).unwrap());
            (name.to_owned(), value)
        })
    };
    let beside = || {
        const BESIDE: [(u32, &str); 2] = [(70, "inviteRedirectUrl"), (30, "sendInvitationMessage")];
        let info = record([("messageLanguage", json!("en-US"))]);
        one_of(&BESIDE).prop_map(move |name| (name.to_owned(), info.clone()))
    };
    let members =
        (maybe(0.6, beside()), maybe(0.97, invitee()), maybe(0.04, invitee()), maybe(0.1, beside()));
    maybe(0.8, members).prop_map(|members| {
        let (before, first, second, after) = members?;
        Some([before, first, second, after].into_iter().flatten().collect())
    })
}
