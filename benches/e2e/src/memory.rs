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
    with_partners: f64,
    /// The most while the large policy was read.
    peak: f64,
    /// From the start of the process until it listened.
    start: Duration,
}

impl Memory {
    /// Starts the server twice.
    pub(crate) fn take() -> anyhow::Result<Self> {
        let scene = Scene::of(&sparse(0))?;
        let at_rest = Server::start(Role::Tenantgate, &scene.config(), SERVERS_CORE)?.memory("VmRSS")?;
        scene.replace_policy(&sparse(PARTNERS))?;
        let started = Instant::now();
        let server = Server::start(Role::Tenantgate, &scene.config(), SERVERS_CORE)?;
        let start = started.elapsed();
        Ok(Self { at_rest, with_partners: server.memory("VmRSS")?, peak: server.memory("VmHWM")?, start })
    }

    /// Fails where it is too much.
    pub(crate) fn hold(&self) -> anyhow::Result<()> {
        let Self { at_rest, with_partners, .. } = self;
        ensure!(*at_rest <= AT_REST, "{at_rest:.1} MiB at rest; {AT_REST} are allowed");
        ensure!(
            *with_partners <= WITH_PARTNERS,
            "{with_partners:.1} MiB with a million partners; {WITH_PARTNERS} are allowed"
        );
        Ok(())
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "at rest                      {:>8.1} MiB", self.at_rest)?;
        writeln!(f, "with {PARTNERS} partners       {:>8.1} MiB", self.with_partners)?;
        writeln!(f, "  at most, while read        {:>8.1} MiB", self.peak)?;
        writeln!(f, "  until it listened          {:>8.1} s", self.start.as_secs_f64())
    }
}

/// Contoso, and so many partners of which it trusts the MFA and nothing else is said.
fn sparse(partners: u32) -> String {
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
