//! OPA with its plugin for Envoy, as `OPA_ENVOY` names it: it verifies the token and decides, by `benches/peers/*.rego`.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::json;

use crate::SERVERS_CORE;
use crate::envoy::{ISSUER, service};
use crate::fixtures::AUDIENCE;
use crate::fixtures::id::APPLICATION;
use crate::process::Process;
use crate::scene::Scene;
use crate::table::Table;

const RULES: &str = include_str!("../../../peers/policy.rego");
const ENTRY: &str = include_str!("../../../peers/envoy.rego");

/// Starts it, and tells where it takes checks.
pub(crate) fn start(binary: &Path, scene: &Scene, table: &Table) -> anyhow::Result<(Process, SocketAddr)> {
    let directory = scene.directory().join("opa");
    fs::create_dir_all(&directory)?;
    let [rules, entry, data, log] =
        ["policy.rego", "envoy.rego", "data.json", "opa.log"].map(|name| directory.join(name));
    fs::write(&rules, RULES)?;
    fs::write(&entry, ENTRY)?;
    let written = json!({
        "table": table,
        "keys": scene.keys()?,
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "application": APPLICATION.to_string(),
    });
    fs::write(&data, written.to_string())?;
    let address = service::free_address()?;
    let mut arguments: Vec<_> =
        ["run", "--server", "--addr=127.0.0.1:0", "--log-level=error"].map(String::from).into();
    for setting in [format!("addr={address}"), "path=crosstenant/envoy/allow".to_owned()] {
        arguments.push(format!("--set=plugins.envoy_ext_authz_grpc.{setting}"));
    }
    arguments.extend([rules, entry, data].map(|file| file.display().to_string()));
    let mut process = Process::start(binary, arguments, SERVERS_CORE, &log)?;
    service::listening(&mut process, address, &log)?;
    Ok((process, address))
}
