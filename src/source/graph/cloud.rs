//! Which Microsoft cloud a tenant is in, as the host in `@odata.context` tells ("National cloud deployments", Microsoft
//! Graph's service root endpoints). Unsaid, a tenant counts as commercial, and that must not come of an import.

use std::path::Path;

use serde_json::value::RawValue;

use super::error::{GraphError, Wrong};
use super::layout::{self, Files};
use super::text::{Members, is_null, string};
use crate::id::Cloud;

const HOSTS: [(&str, Cloud); 4] = [
    ("graph.microsoft.com", Cloud::Commercial),
    ("graph.microsoft.us", Cloud::UsGovernment),
    ("dod-graph.microsoft.us", Cloud::UsGovernment),
    ("microsoftgraph.chinacloudapi.cn", Cloud::China),
];

const MEMBER: &str = "cloud";
const CONTEXT: &str = "@odata.context";

/// A tenant's cloud.
#[derive(Debug)]
pub(super) struct Home {
    cloud: Cloud,
    /// The file that tells.
    by: &'static str,
}

impl Home {
    /// As `tenant.json` says or the answers agree; `cloud` is written where that is none and it matters.
    pub(super) fn settle(
        files: &Files,
        members: &mut Members,
        policy: &Members,
    ) -> Result<Option<Self>, GraphError> {
        let mut home = None;
        if let Some(written) = members.get(MEMBER).filter(|written| !is_null(written)) {
            // What is no cloud's name is found by the policy's reader.
            let Some(cloud) = string(written).and_then(|name| name.parse().ok()) else { return Ok(None) };
            home = Some(Self { cloud, by: layout::TENANT });
        }
        let mut told = Vec::new();
        for (by, value) in contexts(members, policy) {
            told.extend(Self::agree(home.as_ref(), &files.path(by), &value)?.map(|cloud| (cloud, by)));
            home = home.or_else(|| told.first().map(|(cloud, by)| Self { cloud: *cloud, by: *by }));
        }
        if let Some(Self { cloud: cloud @ (Cloud::UsGovernment | Cloud::China), by }) = home
            && by != layout::TENANT
        {
            let name = serde_json::value::to_raw_value(cloud.name())
                .map_err(super::file::malformed(&files.path(layout::TENANT)))?;
            members.replace(MEMBER, name.clone());
            let _null_was_replaced = members.push(MEMBER, name);
        }
        Ok(home)
    }

    /// Holds what another file says against it; tells what that is.
    fn agree(home: Option<&Self>, path: &Path, context: &RawValue) -> Result<Option<Cloud>, GraphError> {
        let Some(host) = host(context) else { return Ok(None) };
        let said = HOSTS.iter().find(|(known, _)| *known == host).map(|(_, cloud)| *cloud);
        match (said, home) {
            (None, Some(Self { by: layout::TENANT, .. })) => Ok(None),
            (None, _) => Err(Wrong::CloudUnknown(host).with(path).into()),
            (Some(said), Some(Self { cloud, by })) if said != *cloud => {
                Err(Wrong::CloudsDiffer { said, tenant: *cloud, by }.with(path).into())
            }
            (Some(said), _) => Ok(Some(said)),
        }
    }

    /// The same of an answer that is read when the tenant's own members are written already.
    pub(super) fn agree_late(home: Option<&Self>, path: &Path, context: &RawValue) -> Result<(), GraphError> {
        match (home, Self::agree(home, path, context)?) {
            (None, Some(said @ (Cloud::UsGovernment | Cloud::China))) => {
                Err(Wrong::CloudUnsaid(said).with(path).into())
            }
            (Some(_) | None, _) => Ok(()),
        }
    }
}

/// Every context of the small files, and which it is in.
fn contexts(members: &Members, policy: &Members) -> Vec<(&'static str, Box<RawValue>)> {
    let mut found = Vec::new();
    let mut add = |file, name: &str, of: &Members| {
        let contexts = of.iter().filter(|(member, _)| member.starts_with(name) && member.ends_with(CONTEXT));
        found.extend(contexts.map(|(_, value)| (file, value.to_owned())));
    };
    add(layout::POLICY, "", policy);
    for (file, name, parent) in [
        (layout::DEFAULT, "default", policy),
        (layout::CONDITIONAL, "conditionalAccess", members),
        (layout::AUTHORIZATION, "authorizationPolicy", members),
        (layout::COLLABORATION, "b2bManagementPolicy", members),
    ] {
        add(file, name, parent);
        if let Some(own) = parent.get(name).and_then(|value| Members::of(value).ok()) {
            add(file, "", &own);
        }
    }
    found
}

/// In lower case and without the port; none where the context is no address.
fn host(context: &RawValue) -> Option<String> {
    let context = string(context)?.to_ascii_lowercase();
    let (_, rest) = context.split_once("://").filter(|(scheme, _)| matches!(*scheme, "https" | "http"))?;
    let host = rest.split(['/', '?', '#']).next()?;
    Some(host.split(':').next()?.trim_end_matches('.').to_owned())
}
