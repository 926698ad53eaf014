//! What `@odata.context` says an answer is the answer to.

use std::path::Path;

use serde_json::value::RawValue;

use super::error::{GraphError, Wrong};
use super::layout::Resource;
use super::text::string;

/// How the addresses of the resources end, the longer first.
const ENDS: [(&str, Kind); 8] = [
    ("/identitySynchronization", Kind::Synchronization),
    ("crossTenantAccessPolicy/default", Kind::Default),
    ("crossTenantAccessPolicy/partners", Kind::Partners),
    ("conditionalAccess/policies", Kind::Conditional),
    ("policies/authorizationPolicy", Kind::Authorization),
    ("authorizationPolicy/authorizationPolicy", Kind::Authorization),
    ("policies/b2bManagementPolicies", Kind::Collaboration),
    ("policies/crossTenantAccessPolicy", Kind::Policy),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Policy,
    Default,
    Partners,
    Synchronization,
    Conditional,
    Authorization,
    Collaboration,
}

/// Refuses the answer to another request, or one with only some properties: Graph's null means *inherited*, and what
/// was not asked for would look the same. A context that says nothing that we know is no objection.
pub(super) fn check(path: &Path, context: &RawValue, resource: Resource) -> Result<(), GraphError> {
    let Some(context) = string(context) else { return Ok(()) };
    let Some((_, fragment)) = context.split_once('#') else { return Ok(()) };
    let (address, arguments) = without_arguments(fragment);
    let expected = kind(resource);
    let address = address.trim_end_matches("/$entity");
    if let (Some((found, kind)), Some(expected)) =
        (ENDS.iter().find(|(end, _)| address.ends_with(end)), expected)
        && *kind != expected
    {
        let expected = ENDS.iter().find(|(_, kind)| *kind == expected).map_or("", |(end, _)| *end);
        return Err(Wrong::OtherAnswer { found: (*found).to_owned(), expected }.with(path).into());
    }
    if arguments.iter().any(|argument| is_selected(argument)) {
        return Err(Wrong::Selected.with(path).into());
    }
    Ok(())
}

fn kind(resource: Resource) -> Option<Kind> {
    match resource {
        Resource::Tenant => None,
        Resource::Policy => Some(Kind::Policy),
        Resource::Default => Some(Kind::Default),
        Resource::Partners => Some(Kind::Partners),
        Resource::Synchronization(_) => Some(Kind::Synchronization),
        Resource::Conditional => Some(Kind::Conditional),
        Resource::Authorization => Some(Kind::Authorization),
        Resource::Collaboration => Some(Kind::Collaboration),
    }
}

/// A property by itself is selected; a key (`'…'`), everything (`*`) and what is expanded (`name()`) are not.
fn is_selected(argument: &str) -> bool {
    let expanded = argument.ends_with(')') || argument == "identitySynchronization";
    !(argument.is_empty() || argument == "*" || argument.contains('\'') || expanded)
}

/// The address without what is in parentheses, and what is in the outer ones.
fn without_arguments(fragment: &str) -> (String, Vec<String>) {
    let (mut address, mut arguments, mut depth) = (String::new(), vec![String::new()], 0_u32);
    for char in fragment.chars() {
        match (char, depth) {
            ('(', 0) => depth = 1,
            (')', 1) => {
                depth = 0;
                arguments.push(String::new());
            }
            (',', 1) => arguments.push(String::new()),
            (char, 0) => address.push(char),
            (char, _) => {
                match char {
                    '(' => depth = depth.saturating_add(1),
                    ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                if let Some(argument) = arguments.last_mut() {
                    argument.push(char);
                }
            }
        }
    }
    (address, arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(fragment: &str, resource: Resource) -> Result<(), String> {
        let context = format!("\"https://graph.microsoft.com/v1.0/$metadata#{fragment}\"");
        let context: Box<RawValue> = serde_json::from_str(&context).unwrap();
        check(Path::new("x"), &context, resource).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn an_answer_is_taken_for_what_it_is() {
        let partners = "policies/crossTenantAccessPolicy/partners";
        for fragment in
            [partners, "policies/crossTenantAccessPolicy/partners(identitySynchronization())", "new"]
        {
            assert_eq!(checked(fragment, Resource::Partners), Ok(()), "{fragment}");
        }
        let one = "policies/crossTenantAccessPolicy/partners('6babcaad')/identitySynchronization/$entity";
        assert_eq!(checked(one, Resource::Synchronization(crate::id::TenantId::from_u128(1))), Ok(()));
        let other = checked("policies/crossTenantAccessPolicy/$entity", Resource::Default).unwrap_err();
        assert!(other.contains("crossTenantAccessPolicy/default"), "{other}");
        for select in ["(tenantId,inboundTrust)", "(tenantId,identitySynchronization())"] {
            let selected = checked(&format!("{partners}{select}"), Resource::Partners).unwrap_err();
            assert!(selected.contains("Selected"), "{selected}");
        }
    }
}
