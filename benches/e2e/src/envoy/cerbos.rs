//! Cerbos, which verifies the token and decides: installed, configured, and given the rules.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::ensure;
use serde_json::{Value, json};

use crate::SERVERS_CORE;
use crate::envoy::admitted::Admitted;
use crate::envoy::{ISSUER, home_idp, service, target};
use crate::fixtures::AUDIENCE;
use crate::fixtures::id::APPLICATION;
use crate::process::Process;
use crate::scene::Scene;
use crate::table::Table;

/// What npm has.
pub(crate) const VERSION: &str = "0.55.0";

/// Starts it, and tells where it answers `CheckResources`.
pub(crate) fn start(scene: &Scene, table: &Table) -> anyhow::Result<(Process, SocketAddr)> {
    let directory = scene.directory().join("cerbos");
    fs::create_dir_all(directory.join("policies"))?;
    fs::write(directory.join("policies/orders.json"), policy(table)?.to_string())?;
    let (address, [configuration, log]) =
        (service::free_address()?, ["cerbos.json", "cerbos.log"].map(|name| directory.join(name)));
    let written = json!({
        "server": {"grpcListenAddr": address, "httpListenAddr": "127.0.0.1:0"},
        "storage": {
            "driver": "disk",
            "disk": {"directory": directory.join("policies"), "watchForChanges": false},
        },
        "auxData": {"jwt": {
            "keySets": [{"id": "entra", "local": {"file": scene.directory().join("jwks.json")}}],
        }},
        "telemetry": {"disabled": true},
    });
    fs::write(&configuration, written.to_string())?;
    let arguments = ["server", "--log-level=error"].map(Into::into);
    let arguments = arguments.into_iter().chain([format!("--config={}", configuration.display())]);
    let mut process = Process::start(&installed()?, arguments, SERVERS_CORE, &log)?;
    service::listening(&mut process, address, &log)?;
    Ok((process, address))
}

/// The same rules, in CEL, and each partner by the issuer that Entra names in `idp`.
fn policy(table: &Table) -> anyhow::Result<Value> {
    let mut partners = serde_json::Map::new();
    for id in table.partners.keys() {
        let (everyone, users) = match Admitted::of(table, id, &APPLICATION.to_string())? {
            Admitted::Everyone => (true, Vec::new()),
            Admitted::These(users) => (false, users),
            Admitted::Nobody => (false, Vec::new()),
        };
        partners.insert(home_idp(id), json!({"everyone": everyone, "users": users}));
    }
    let all =
        |expressions: &[&str]| -> Value { expressions.iter().map(|text| json!({"expr": text})).collect() };
    let guest = all(&[
        r#""mfa" in request.auxData.jwt.amr"#,
        "request.auxData.jwt.idp in C.partners",
        "C.partners[request.auxData.jwt.idp].everyone
            || request.auxData.jwt.home_oid in C.partners[request.auxData.jwt.idp].users",
    ]);
    let caller = json!([{"expr": "!has(request.auxData.jwt.idp)"}, {"all": {"of": guest}}]);
    let token = json!([
        {"expr": format!("request.auxData.jwt.iss == {ISSUER:?}")},
        {"expr": format!("{AUDIENCE:?} in request.auxData.jwt.aud")},
        {"any": {"of": caller}},
    ]);
    Ok(json!({
        "apiVersion": "api.cerbos.dev/v1",
        "resourcePolicy": {
            "resource": "orders",
            "version": "default",
            "constants": {"local": {"partners": partners}},
            "rules": [{
                "actions": ["access"],
                "effect": "EFFECT_ALLOW",
                "roles": ["*"],
                "condition": {"match": {"all": {"of": token}}},
            }],
        },
    }))
}

/// Its program, from npm where it is not there yet.
fn installed() -> anyhow::Result<PathBuf> {
    let package = target("peers/node_modules/@cerbos/cerbos-linux-x64");
    if !package.is_dir() {
        fs::create_dir_all(target("peers"))?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-save", "--prefix"]).arg(target("peers"));
        let installed = npm.arg(format!("@cerbos/cerbos-linux-x64@{VERSION}")).status()?;
        ensure!(installed.success(), "npm does not install Cerbos");
    }
    Ok(package.join("cerbos-linux-x64"))
}
