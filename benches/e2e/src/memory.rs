//! The memory of the real process: at rest, and with a million partners that say little. A gate, as the count is.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::SERVERS_CORE;
use crate::fixtures::id::{TENANT, partner};
use crate::scene::Scene;
use crate::server::{Role, Server};

/// Partners of the large policy.
const PARTNERS: u32 = 1_000_000;
/// What is allowed, in MiB.
const AT_REST: f64 = 15.0;
const WITH_PARTNERS: f64 = 220.0;

/// In MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    at_rest: f64,
    from_file: Loaded,
    from_store: Loaded,
}

/// A process with a million partners.
#[derive(Debug, Clone, Copy)]
struct Loaded {
    resident: f64,
    /// The most while the policy was read.
    peak: f64,
    /// From the start of the process until it listened, and was ready.
    start: Duration,
}

impl Loaded {
    fn take(scene: &Scene) -> anyhow::Result<Self> {
        let started = Instant::now();
        let server = Server::start(Role::Tenantgate, &scene.config(), SERVERS_CORE)?;
        let start = started.elapsed();
        Ok(Self { resident: server.memory("VmRSS")?, peak: server.memory("VmHWM")?, start })
    }
}

impl Memory {
    /// Starts the server three times.
    pub(crate) fn take() -> anyhow::Result<Self> {
        let scene = Scene::of(&sparse(0))?;
        let at_rest = Server::start(Role::Tenantgate, &scene.config(), SERVERS_CORE)?.memory("VmRSS")?;
        scene.replace_policy(&sparse(PARTNERS))?;
        let from_file = Loaded::take(&scene)?;
        scene.store_policy()?;
        Ok(Self { at_rest, from_file, from_store: Loaded::take(&scene)? })
    }

    /// Fails where it is too much.
    pub(crate) fn hold(&self) -> anyhow::Result<()> {
        let Self { at_rest, from_file, from_store } = self;
        ensure!(*at_rest <= AT_REST, "{at_rest:.1} MiB at rest; {AT_REST} are allowed");
        for Loaded { resident, .. } in [from_file, from_store] {
            ensure!(
                *resident <= WITH_PARTNERS,
                "{resident:.1} MiB with a million partners; {WITH_PARTNERS} are allowed"
            );
        }
        Ok(())
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "at rest                      {:>8.1} MiB", self.at_rest)?;
        for (place, loaded) in [("a file", self.from_file), ("a store", self.from_store)] {
            let Loaded { resident, peak, start } = loaded;
            writeln!(f, "{PARTNERS} partners from {place:<9}{resident:>7.1} MiB")?;
            writeln!(f, "  at most, while read        {peak:>8.1} MiB")?;
            writeln!(f, "  until it listened          {:>8.1} s", start.as_secs_f64())?;
        }
        Ok(())
    }
}

/// Contoso, and so many partners of which it trusts the MFA and nothing else is said.
pub(crate) fn sparse(partners: u32) -> String {
    let record =
        |number| json!({"tenantId": partner(number), "inboundTrust": {"isMfaAccepted": true}}).to_string();
    let records: Vec<_> = (0..partners).map(record).collect();
    format!(
        r#"{{"tenants":[{{"tenantId":"{TENANT}","crossTenantAccessPolicy":{{"partners":[{}]}}}}]}}"#,
        records.join(",")
    )
}

/// A line of `/proc/*/status` (proc(5)), which is in kB, in MiB.
pub(crate) fn of_process(status: &Path, line: &str) -> anyhow::Result<f64> {
    let status = fs::read_to_string(status)?;
    let value = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
    let kib = value.and_then(|value| value.trim().strip_suffix(" kB")).context("no such line")?;
    Ok(kib.parse::<f64>()? / 1024.0)
}
