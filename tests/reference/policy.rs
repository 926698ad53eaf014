//! Where things stand in a bundle (interface.md, "Bundle").

use serde_json::Value;

use super::guid::Guid;

/// Also the cloud of a tenant of which the bundle does not say.
pub(crate) const COMMERCIAL: &str = "microsoftonline.com";
pub(crate) const GOVERNMENT: &str = "microsoftonline.us";
pub(crate) const CHINA: &str = "partner.microsoftonline.cn";

/// A hosted tenant.
pub(crate) fn tenant(bundle: &Value, id: Guid) -> Option<&Value> {
    items(&bundle["tenants"]).find(|tenant| holds(&tenant["tenantId"], id))
}

/// The organisational settings that `owner`, a hosted tenant, keeps for another.
pub(crate) fn partner(owner: &Value, other: Guid) -> Option<&Value> {
    items(&owner["crossTenantAccessPolicy"]["partners"]).find(|partner| holds(&partner["tenantId"], other))
}

pub(crate) fn default(owner: &Value) -> &Value {
    &owner["crossTenantAccessPolicy"]["default"]
}

pub(crate) fn cloud(owner: &Value) -> &str {
    owner["cloud"].as_str().unwrap_or(COMMERCIAL)
}

/// The entry of a map whose keys are GUIDs.
pub(crate) fn keyed(map: &Value, id: Guid) -> Option<&Value> {
    map.as_object()?.iter().find(|(key, _)| id.is(key)).map(|(_, value)| value)
}

pub(crate) fn holds(value: &Value, id: Guid) -> bool {
    value.as_str().is_some_and(|text| id.is(text))
}

/// The items of an array; none of whatever else.
pub(crate) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The texts of an array of strings; none of whatever else.
pub(crate) fn texts(value: &Value) -> impl Iterator<Item = &str> {
    items(value).filter_map(Value::as_str)
}
