//! The domain lists, which Graph keeps as JSON within a string (`b2bManagementPolicy`, "Allow or block invites").
//!
//! ```text
//! Graph   {"id": "…", "definition": ["{\"B2BManagementPolicy\":{\"InvitationsAllowed…\":{…}}}"], "displayName": "…"}
//! bundle  {"InvitationsAllowed…": {…}, "resource": {"id": "…", "definition": [null], "displayName": "…"}}
//! ```
//!
//! A bundle is read, compared and edited by people, so the lists stand unpacked. What is around them is `resource`;
//! `[null]` holds the place of the string. Without anything around, there is no `resource`.

use std::path::Path;

use serde_json::value::RawValue;

use super::error::{GraphError, Wrong};
use super::file::malformed;
use super::text::{Members, Raw, compact, is_array, is_null, is_object};

const CONTENT: &str = "B2BManagementPolicy";
const RESOURCE: &str = "resource";
const DEFINITION: &str = "definition";
/// Where the string was.
const UNPACKED: &str = "[null]";

/// From Graph's form to the bundle's.
pub(super) fn unpack(value: &RawValue, path: &Path) -> Result<Raw, GraphError> {
    let mut resource = Members::of(value).map_err(malformed(path))?;
    let packed = match resource.get(DEFINITION) {
        Some(definition) => {
            strings(definition).ok_or_else(|| unpackable("an array of strings is expected", path))?
        }
        None => Vec::new(),
    };
    let mut unpacked = match packed.as_slice() {
        [] => Members::default(),
        [only] => {
            resource.replace(DEFINITION, raw(UNPACKED, path)?);
            content(only, path)?
        }
        [_, _, ..] => return Err(unpackable("there are several policies, and one is expected", path)),
    };
    let nothing_around = resource.iter().all(|(name, value)| name == DEFINITION && value.get() == UNPACKED);
    if (packed.is_empty() || !nothing_around)
        && !unpacked.push(RESOURCE, resource.to_raw().map_err(malformed(path))?)
    {
        return Err(unpackable("`resource` is no part of the policy", path));
    }
    unpacked.to_raw().map_err(malformed(path))
}

/// From the bundle's form to Graph's.
pub(super) fn pack(value: &RawValue, path: &Path) -> Result<Raw, GraphError> {
    let mut content = Members::of(value).map_err(malformed(path))?;
    let resource = content.take(RESOURCE);
    let mut graphs = match &resource {
        Some(resource) => Members::of(resource).map_err(malformed(path))?,
        None => Members::default(),
    };
    let definition = graphs.get(DEFINITION);
    let placed = definition.is_some_and(|definition| compact(definition.get()) == UNPACKED.as_bytes());
    if resource.is_some() && content.is_empty() && !placed {
        return graphs.to_raw().map_err(malformed(path));
    }
    if definition.is_some() && !placed {
        return Err(unpackable("the lists are unpacked, so `resource` has [null] here", path));
    }
    let content = content.to_raw().map_err(malformed(path))?;
    let mut text = format!("{{\"{CONTENT}\":").into_bytes();
    text.extend(compact(content.get()));
    text.push(b'}');
    let text = String::from_utf8_lossy(&text);
    let definition = serde_json::value::to_raw_value(&[text]).map_err(malformed(path))?;
    if placed {
        graphs.replace(DEFINITION, definition);
    } else {
        let _absent = graphs.push(DEFINITION, definition);
    }
    graphs.to_raw().map_err(malformed(path))
}

/// The members of `B2BManagementPolicy`, which is all that a string may hold.
fn content(packed: &str, path: &Path) -> Result<Members, GraphError> {
    let why = |error: serde_json::Error| unpackable(&format!("not JSON within the string: {error}"), path);
    let mut whole: Members = serde_json::from_str(packed).map_err(why)?;
    let content = whole.take(CONTENT).filter(|content| is_object(content));
    let content =
        content.ok_or_else(|| unpackable("`B2BManagementPolicy` is not within the string", path))?;
    match whole.iter().next() {
        Some((name, _)) => {
            Err(unpackable(&format!("`{name}` beside `{CONTENT}` is no part of the policy"), path))
        }
        None => Members::of(&content).map_err(why),
    }
}

/// The strings of an array of nothing else; null is none.
fn strings(definition: &RawValue) -> Option<Vec<String>> {
    if is_null(definition) {
        return Some(Vec::new());
    }
    is_array(definition).then(|| serde_json::from_str(definition.get()).ok())?
}

fn unpackable(why: &str, path: &Path) -> GraphError {
    let at = "/value/0/definition".to_owned();
    Wrong::Unpackable { at, why: why.to_owned() }.with(path).into()
}

fn raw(text: &str, path: &Path) -> Result<Raw, GraphError> {
    serde_json::from_str(text).map_err(malformed(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(text: &str) -> Result<String, String> {
        let raw: Raw = serde_json::from_str(text).unwrap();
        let unpacked = unpack(&raw, Path::new("b2b.json")).map_err(|error| format!("{error:?}"))?;
        Ok(String::from_utf8(compact(unpacked.get())).unwrap())
    }

    #[test]
    fn what_is_packed_is_unpacked_and_packed_again() {
        for (graphs, bundles) in [
            (
                r#"{"id":"x","definition":["{\"B2BManagementPolicy\":{\"I\":{\"AllowedDomains\":[\"é.com\"]},\"Version\":1.0}}"],"n":null}"#,
                r#"{"I":{"AllowedDomains":["é.com"]},"Version":1.0,"resource":{"id":"x","definition":[null],"n":null}}"#,
            ),
            (r#"{"definition":["{\"B2BManagementPolicy\":{}}"]}"#, "{}"),
            (r#"{"definition":["{\"B2BManagementPolicy\":{\"I\":{}}}"]}"#, r#"{"I":{}}"#),
            (r#"{"definition":[],"id":"x"}"#, r#"{"resource":{"definition":[],"id":"x"}}"#),
            (r#"{"definition":null}"#, r#"{"resource":{"definition":null}}"#),
            ("{}", r#"{"resource":{}}"#),
        ] {
            assert_eq!(unpacked(graphs).unwrap(), bundles);
            let raw: Raw = serde_json::from_str(bundles).unwrap();
            let packed = pack(&raw, Path::new("policy.json")).unwrap();
            assert_eq!(packed.get(), graphs);
        }
    }

    #[test]
    fn what_cannot_be_unpacked_whole_is_refused() {
        for (graphs, why) in [
            (r#"{"definition":["{'B2BManagementPolicy':{'Version':1}}"]}"#, "not JSON within the string"),
            (r#"{"definition":["{}"]}"#, "is not within the string"),
            (r#"{"definition":["{\"B2BManagementPolicy\":[]}"]}"#, "is not within the string"),
            (r#"{"definition":["{\"B2BManagementPolicy\":{},\"Other\":1}"]}"#, "`Other` beside"),
            (r#"{"definition":["{}","{}"]}"#, "several"),
            (r#"{"definition":[null]}"#, "array of strings"),
            (r#"{"definition":{"B2BManagementPolicy":{}}}"#, "array of strings"),
            (r#"{"definition":["{\"B2BManagementPolicy\":{\"resource\":1}}"],"id":"x"}"#, "no part"),
            (r#"{"definition":["{\"B2BManagementPolicy\":{\"a\":1,\"a\":2}}"]}"#, "duplicate member"),
        ] {
            let refused = unpacked(graphs).unwrap_err();
            assert!(refused.contains(why), "{graphs}: {refused}");
        }
    }
}
