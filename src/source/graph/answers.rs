//! A tenant's members, each in the file of the answer that it would have come from.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use super::error::{GraphError, Wrong, unwritable};
use super::file::malformed;
use super::layout;
use super::packed;
use super::text::{Annotated, Members, Raw, Writer, is_array, is_null, is_object};
use crate::id::TenantId;

pub(super) type Saved = Writer<BufWriter<File>>;

/// Writes a file.
pub(super) fn save(path: &Path, write: impl FnOnce(&mut Saved) -> io::Result<()>) -> Result<(), GraphError> {
    let saved = || {
        let mut writer = Writer::new(BufWriter::new(File::create(path)?));
        write(&mut writer)?;
        writer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(())
    };
    saved().map_err(unwritable(path))
}

/// Writes everything but a list of partners, which is there already where there is one.
pub(super) fn save_all(
    directory: &Path,
    mut members: Members,
    policy: Option<Members>,
    listed: bool,
) -> Result<TenantId, GraphError> {
    let own = directory.join(layout::TENANT);
    let missing = |at: &str, expected| Wrong::Mistaken { at: at.to_owned(), expected }.with(&own);
    let id = members.get("tenantId").ok_or_else(|| missing("/tenantId", "the tenant's id"))?;
    let id = serde_json::from_str(id.get()).map_err(malformed(&own))?;
    let mut policy = policy.ok_or_else(|| missing("/crossTenantAccessPolicy", "the policy"))?;

    // A file says null where the bundle says nothing, since an answer that was forgotten must not look like that.
    if policy.get("default").is_some_and(is_object) {
        let path = directory.join(layout::DEFAULT);
        let default = policy.take("default");
        if let Some(default) = &default {
            alone(&Members::of(default).map_err(malformed(&path))?, &path)?;
        }
        save(&path, |file| default.iter().try_for_each(|default| file.value(None, default)))?;
    } else {
        save(&directory.join(layout::DEFAULT), none)?;
    }
    if !listed {
        save(&directory.join(layout::PARTNERS), none)?;
    }
    let path = directory.join(layout::POLICY);
    alone(&policy, &path)?;
    save(&path, |file| object(file, &policy))?;

    conditional_access(directory, &mut members)?;
    if members.get("authorizationPolicy").is_some_and(is_object)
        && let Some(Annotated { before, value, after }) = members.take_annotated("authorizationPolicy")
    {
        let path = directory.join(layout::AUTHORIZATION);
        let own = Members::of(&value).map_err(malformed(&path))?;
        // In a list, as beta has it, the policy is never taken for one.
        if before.is_empty() && after.is_empty() && alone(&own, &path).is_ok() {
            save(&path, |file| file.value(None, &value))?;
        } else {
            save_list(&path, &before, &[value], &after)?;
        }
    }
    if members.get("b2bManagementPolicy").is_some_and(|value| is_object(value) || is_null(value))
        && let Some(Annotated { before, value, after }) = members.take_annotated("b2bManagementPolicy")
    {
        let path = directory.join(layout::COLLABORATION);
        let only = if is_null(&value) { None } else { Some(packed::pack(&value, &path)?) };
        save_list(&path, &before, only.as_slice(), &after)?;
    }
    save(&own, |file| object(file, &members))?;
    Ok(id)
}

/// Refuses a resource that by itself would be read as a list, or as the answer to a request that failed.
fn alone(resource: &Members, path: &Path) -> Result<(), GraphError> {
    match ["value", "error"].into_iter().find(|name| resource.get(name).is_some()) {
        Some(name) => Err(Wrong::NotAlone(name).with(path).into()),
        None => Ok(()),
    }
}

/// `policies` is Graph's; what is beside it is not.
fn conditional_access(directory: &Path, members: &mut Members) -> Result<(), GraphError> {
    const NAME: &str = "conditionalAccess";
    let path = directory.join(layout::CONDITIONAL);
    let Some(value) = members.get(NAME).filter(|value| is_object(value)) else { return Ok(()) };
    let mut own = Members::of(value).map_err(malformed(&path))?;
    if !own.get("policies").is_some_and(is_array) {
        return Ok(());
    }
    let Some(Annotated { before, value, after }) = own.take_annotated("policies") else { return Ok(()) };
    let policies: Vec<Raw> = serde_json::from_str(value.get()).map_err(malformed(&path))?;
    save_list(&path, &before, &policies, &after)?;
    if own.is_empty() {
        members.take(NAME);
    } else {
        members.replace(NAME, own.to_raw().map_err(malformed(&path))?);
    }
    Ok(())
}

fn save_list(
    path: &Path,
    before: &[(String, Raw)],
    items: &[Raw],
    after: &[(String, Raw)],
) -> Result<(), GraphError> {
    save(path, |file| {
        file.open(None, b'{')?;
        before.iter().try_for_each(|(name, value)| file.value(Some(name), value))?;
        file.open(Some("value"), b'[')?;
        items.iter().try_for_each(|item| file.value(None, item))?;
        file.close(b']')?;
        after.iter().try_for_each(|(name, value)| file.value(Some(name), value))?;
        file.close(b'}')
    })
}

fn object(file: &mut Saved, members: &Members) -> io::Result<()> {
    file.open(None, b'{')?;
    file.members(members)?;
    file.close(b'}')
}

fn none(file: &mut Saved) -> io::Result<()> {
    let null: Raw = serde_json::from_str("null")?;
    file.value(None, &null)
}
