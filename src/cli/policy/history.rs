//! `tenantgate policy history`

use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use serde_json::{Value, json};

use super::write::counted;
use super::{Opened, Where};
use crate::cli::output;
use crate::config::Environment;
use crate::source::Past;

#[derive(Debug, Args)]
pub(super) struct History {
    #[command(flatten)]
    place: Where,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl History {
    pub(super) fn run(self, environment: &Environment) -> anyhow::Result<ExitCode> {
        let Opened { mut store, options: _ } = self.place.open(environment)?;
        let history = store.history()?;
        if self.json {
            let told: Vec<Value> = history.iter().map(report).collect();
            output::line(&Value::from(told).to_string());
            return Ok(ExitCode::SUCCESS);
        }
        for past in &history {
            let Past { revision, at: _, what, tenants, partners, kept } = past;
            let gone = if *kept { "" } else { "; not kept" };
            output::line(&format!(
                "{revision}  {}  {what}; {}{gone}",
                time(past),
                counted(*tenants, *partners)
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn report(past: &Past) -> Value {
    let Past { revision, at: _, what, tenants, partners, kept } = past;
    json!({
        "revision": revision.to_string(), "time": time(past), "what": what,
        "tenants": tenants, "partners": partners, "kept": kept,
    })
}

fn time(past: &Past) -> String {
    let since = Duration::from_secs(u64::try_from(past.at).unwrap_or_default());
    humantime::format_rfc3339_seconds(UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)).to_string()
}
