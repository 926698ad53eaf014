//! Random bundles that load: every member there, null or absent, with properties that nobody knows, and numbers and
//! strings in spellings that a reader would change.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// A member's name, and its value's text.
type Member = (String, String);

fn object(members: &[Member]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("{}: {value}", quoted(name))).collect();
    format!("{{{}}}", members.join(", "))
}

fn array(items: &[String]) -> String {
    format!("[ {} ]", items.join(",\n"))
}

pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn member(name: &str, value: impl Into<String>) -> Member {
    (name.to_owned(), value.into())
}

/// Any value at all.
fn anything() -> BoxedStrategy<String> {
    let leaf = select(vec![
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.0",
        "1.50",
        "1e2",
        "1E+2",
        "12345678901234567890123",
        "-1.5e-3",
        r#""""#,
        r#""caf\u00e9""#,
        r#""café \ud83d\ude00""#,
        r#""a\/b\\\"{[,: ]}""#,
        r#""\t\u0000""#,
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..3).prop_map(|items| array(&items)),
                vec(inner, 0..3).prop_map(|values| {
                    let named =
                        values.into_iter().enumerate().map(|(index, value)| (format!("x y{index}\""), value));
                    object(&named.collect::<Vec<_>>())
                }),
            ]
        })
        .boxed()
}

/// Properties that Graph may add at any time, and what it says about the resource.
fn unknown() -> impl Strategy<Value = Vec<Member>> {
    let names = subsequence(vec!["zzNew", "zzOther", "@odata.type", "@odata.id", "zz@odata.context"], 0..4);
    names.prop_flat_map(|names| {
        let values = vec(anything(), names.len());
        values.prop_map(move |values| names.iter().map(|name| (*name).to_owned()).zip(values).collect())
    })
}

/// The members in any order, with unknown ones among them.
fn resource(known: impl Strategy<Value = Vec<Member>>) -> impl Strategy<Value = String> {
    in_any_order(known).prop_map(|members| object(&members))
}

fn in_any_order(known: impl Strategy<Value = Vec<Member>>) -> impl Strategy<Value = Vec<Member>> {
    (known, unknown()).prop_map(|(known, unknown)| [known, unknown].concat()).prop_shuffle()
}

/// Some of these.
fn some(members: Vec<(&'static str, BoxedStrategy<String>)>) -> impl Strategy<Value = Vec<Member>> {
    let each: Vec<_> = members
        .into_iter()
        .map(|(name, value)| option::of(value).prop_map(move |value| value.map(|value| member(name, value))))
        .collect();
    each.prop_map(|members| members.into_iter().flatten().collect())
}

fn one_of(texts: &[&str]) -> BoxedStrategy<String> {
    select(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).boxed()
}

fn setting() -> BoxedStrategy<String> {
    let users = r#"{"accessType": "allowed", "targets": [{"target": "AllUsers", "targetType": "user"}]}"#;
    let applications =
        r#"{"targets": [{"targetType": "application", "target": "Office365"}], "accessType": "blocked"}"#;
    let halves = some(vec![
        ("usersAndGroups", one_of(&["null", users])),
        ("applications", one_of(&["null", applications])),
    ]);
    prop_oneof![1 => Just("null".to_owned()), 3 => resource(halves)].boxed()
}

fn settings() -> Vec<(&'static str, BoxedStrategy<String>)> {
    vec![
        ("b2bCollaborationInbound", setting()),
        ("b2bDirectConnectOutbound", setting()),
        ("tenantRestrictions", setting()),
        ("inboundTrust", one_of(&["null", r#"{"isMfaAccepted": true}"#, r#"{"isMfaAccepted": null}"#])),
    ]
}

/// A list within an object: absent, null, or there, with the annotations of its answer before and after it.
fn list(
    name: &'static str,
    items: impl Strategy<Value = Vec<String>> + 'static,
) -> BoxedStrategy<Vec<Member>> {
    let listed = (
        items,
        subsequence(vec!["@odata.context", "@odata.count", "@microsoft.graph.tips"], 0..3),
        0..3_usize,
    );
    let listed = listed.prop_map(move |(items, annotations, place)| {
        let mut members: Vec<_> = annotations
            .iter()
            .map(|annotation| member(&format!("{name}{annotation}"), quoted("1.0")))
            .collect();
        members.insert(place.min(members.len()), member(name, array(&items)));
        members
    });
    prop_oneof![1 => Just(Vec::new()), 1 => Just(vec![member(name, "null")]), 6 => listed].boxed()
}

fn partners(tenant: usize) -> BoxedStrategy<Vec<Member>> {
    let ids: Vec<usize> = (0..6).filter(|id| *id != tenant).collect();
    let items = subsequence(ids, 0..5).prop_flat_map(|ids| {
        let partners: Vec<_> = ids.into_iter().map(partner).collect();
        partners
    });
    list("partners", items)
}

fn partner(id: usize) -> impl Strategy<Value = String> {
    let sync = one_of(&["null", r#"{"userSyncInbound": {"isSyncAllowed": true}, "@odata.context": "x"}"#]);
    let known = [
        settings(),
        vec![("identitySynchronization", sync), ("isServiceProvider", one_of(&["null", "false"]))],
    ];
    let known = some(known.concat()).prop_map(move |mut members| {
        members.push(member("tenantId", quoted(&guid(id))));
        members
    });
    resource(known)
}

pub(crate) fn guid(id: usize) -> String {
    format!("{id:08x}-604b-40AC-a9d7-9fd97c0b779f")
}

fn default() -> BoxedStrategy<Vec<Member>> {
    // What is recognised by nothing is refused, but for `{}`.
    let known = some([settings(), vec![("id", one_of(&[r#""x""#]))]].concat()).prop_map(|mut members| {
        members.push(member("isServiceDefault", "true"));
        members
    });
    let there = prop_oneof![8 => resource(known), 1 => Just("{}".to_owned())];
    let there = there.prop_map(|value| vec![member("default", value)]);
    prop_oneof![1 => Just(Vec::new()), 1 => Just(vec![member("default", "null")]), 6 => there].boxed()
}

fn access_policy(tenant: usize) -> impl Strategy<Value = Member> {
    let known = some(vec![
        ("allowedCloudEndpoints", one_of(&["null", "[]", r#"["microsoftonline.us"]"#])),
        ("displayName", one_of(&[r#""CrossTenantAccessPolicy""#])),
    ]);
    // The list's annotations keep their order; everything else may stand anywhere.
    let parts = (in_any_order(known), default(), partners(tenant), 0..3_usize);
    parts.prop_map(|(mut members, default, partners, place)| {
        let place = place.min(members.len());
        members.splice(place..place, [default, partners].concat());
        member("crossTenantAccessPolicy", object(&members))
    })
}

fn conditional_access() -> BoxedStrategy<Vec<Member>> {
    let policy = |id: usize| {
        let known = vec![member("id", quoted(&format!("p{id}"))), member("state", quoted("disabled"))];
        resource(Just(known))
    };
    let policies =
        vec(0..1_usize, 0..3).prop_flat_map(move |many| (0..many.len()).map(policy).collect::<Vec<_>>());
    let own = prop_oneof![Just(Vec::new()), Just(vec![member("ignore", r#"[ "p1" ]"#)])];
    let there = (list("policies", policies), own)
        .prop_map(|(policies, own)| vec![member("conditionalAccess", object(&[policies, own].concat()))]);
    prop_oneof![1 => Just(Vec::new()), 1 => Just(vec![member("conditionalAccess", "null")]), 6 => there]
        .boxed()
}

/// A single resource that some answers list.
fn listed_one(
    name: &'static str,
    value: impl Strategy<Value = String> + 'static,
) -> BoxedStrategy<Vec<Member>> {
    let there =
        (value, option::of(Just(format!("{name}@odata.context")))).prop_map(move |(value, annotation)| {
            let annotation = annotation.map(|annotation| member(&annotation, quoted("u")));
            annotation.into_iter().chain([member(name, value)]).collect::<Vec<_>>()
        });
    prop_oneof![1 => Just(Vec::new()), 1 => Just(vec![member(name, "null")]), 6 => there].boxed()
}

fn authorization() -> BoxedStrategy<Vec<Member>> {
    let known = some(vec![
        ("allowInvitesFrom", one_of(&[r#""everyone""#, "null"])),
        ("guestUserRoleId", one_of(&[r#""x""#])),
        ("value", anything()),
        ("error", anything()),
    ]);
    listed_one("authorizationPolicy", resource(known))
}

fn collaboration() -> BoxedStrategy<Vec<Member>> {
    let lists = r#"{"BlockedDomains": [ "evil.com" ], "AllowedDomains": []}"#;
    let content = some(vec![
        ("InvitationsAllowedAndBlockedDomainsPolicy", one_of(&[lists, "{}"])),
        ("PreviewPolicy", anything()),
    ]);
    let resource = in_any_order(Just(vec![member("id", quoted("b"))]));
    let value = (content, option::of((resource, any::<bool>(), 0..4_usize))).prop_map(|(content, around)| {
        let Some((mut resource, odd, place)) = around else { return object(&content) };
        // Where the lists are unpacked, `[null]` holds the place of their string.
        let definition = match (content.is_empty(), odd) {
            (true, true) => Some("null"),
            (true, false) => None,
            (false, _) => Some("[ null ]"),
        };
        if let Some(definition) = definition {
            resource.insert(place.min(resource.len()), member("definition", definition));
        }
        object(&[content, vec![member("resource", object(&resource))]].concat())
    });
    listed_one("b2bManagementPolicy", value)
}

fn tenant(id: usize) -> impl Strategy<Value = String> {
    let own = some(vec![
        ("displayName", one_of(&[r#""Contoso""#, "null"])),
        ("cloud", one_of(&[r#""microsoftonline.com""#])),
        ("domains", one_of(&["{}", "null"])),
        (
            "revocations",
            one_of(&[
                r#"[{"tenant": "6babcaad-604b-40ac-a9d7-9fd97c0b779f", "notBefore": "2026-01-01T00:00:00Z"}]"#,
            ]),
        ),
    ]);
    let own = own.prop_map(move |mut own| {
        own.push(member("tenantId", quoted(&guid(id))));
        own
    });
    let parts = (own, access_policy(id), conditional_access(), authorization(), collaboration());
    parts.prop_flat_map(|(own, policy, conditional, authorization, collaboration)| {
        let own = own.into_iter().map(|member| vec![member]).collect::<Vec<_>>();
        let groups = [own, vec![vec![policy], conditional, authorization, collaboration]].concat();
        Just(groups).prop_shuffle().prop_map(|groups| object(&groups.concat()))
    })
}

/// One to three tenants, in any order.
pub(crate) fn bundle() -> impl Strategy<Value = String> {
    let ids = subsequence(vec![0, 1, 2], 1..=3).prop_shuffle();
    ids.prop_flat_map(|ids| ids.into_iter().map(tenant).collect::<Vec<_>>())
        .prop_map(|tenants| object(&[member("tenants", array(&tenants))]))
}
