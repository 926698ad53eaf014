//! What every command that writes asks first, and tells afterwards.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::cli::output;
use crate::cli::progress::Records;
use crate::source::{Concern, Counts, Plan, Store, StoreError};

/// What is to be done has to be acknowledged.
pub(super) const TO_ACKNOWLEDGE: u8 = 3;
/// The store has another revision than the change was meant for.
pub(super) const CONFLICT: u8 = 4;

#[derive(Debug, Args)]
pub(super) struct Guards {
    /// Write only if the store has this revision; 0 is a store that holds nothing yet
    #[arg(long, value_name = "R")]
    expect_revision: Option<u64>,
    /// How many of a tenant's partners may be removed without --acknowledge
    #[arg(long, value_name = "PERCENT", default_value = "50%", value_parser = percent)]
    max_removed: u8,
    /// Do what would otherwise be refused: remove many partners or a tenant, open a default
    #[arg(long)]
    acknowledge: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Guards {
    pub(super) fn carry_out(&self, store: &mut dyn Store, plan: &Plan) -> anyhow::Result<ExitCode> {
        if let Some(expected) = self.expect_revision
            && expected != plan.on
        {
            return Ok(self.conflict(expected, plan.on));
        }
        let (tenants, partners) = (plan.change.tenants(), plan.change.partners());
        if plan.change.edits.is_empty() {
            self.tell(plan.on, plan.on, tenants, partners);
            return Ok(ExitCode::SUCCESS);
        }
        let concerns = plan.concerns(self.max_removed);
        if !concerns.is_empty() && !self.acknowledge {
            return self.ask(&concerns);
        }
        let mut progress = Records::new(plan.change.edits.len());
        let written = store.apply(&plan.change, plan.on, &mut |written| progress.written(written));
        progress.finish();
        match written {
            Ok(revision) => {
                self.tell(revision, plan.on, tenants, partners);
                Ok(ExitCode::SUCCESS)
            }
            Err(StoreError::Conflict { expected, present }) => Ok(self.conflict(expected, present)),
            Err(error) => Err(error.into()),
        }
    }

    fn conflict(&self, expected: u64, present: u64) -> ExitCode {
        if self.json {
            output::line(&json!({"conflict": {"expected": expected, "present": present}}).to_string());
        }
        let conflict = StoreError::Conflict { expected, present };
        output::note(&format!("nothing was written: {conflict}"));
        ExitCode::from(CONFLICT)
    }

    fn ask(&self, concerns: &[Concern]) -> anyhow::Result<ExitCode> {
        if self.json {
            output::line(&serde_json::to_string(&json!({"to_acknowledge": concerns}))?);
        }
        for concern in concerns {
            output::note(&shown(concern));
        }
        output::note("nothing was written: if this is meant, say so with --acknowledge");
        Ok(ExitCode::from(TO_ACKNOWLEDGE))
    }

    fn tell(&self, revision: u64, former: u64, tenants: Counts, partners: Counts) {
        if self.json {
            let outcome = json!({
                "revision": revision.to_string(), "former": former.to_string(), "changed": revision != former,
                "tenants": tenants, "partners": partners,
            });
            return output::line(&outcome.to_string());
        }
        if revision == former {
            return output::line(&format!("nothing to change; revision {revision}"));
        }
        output::line(&format!("revision {revision}; {}", counted(tenants, partners)));
    }
}

/// A concern on one line.
pub(super) fn shown(concern: &Concern) -> String {
    let Concern { tenant, pointer, message } = concern;
    let place = if pointer.is_empty() { "" } else { ": " };
    format!("to acknowledge: tenant {tenant}{place}{pointer}: {message}")
}

/// What was touched, in words.
pub(super) fn counted(tenants: Counts, partners: Counts) -> String {
    let counts = |what: &str, Counts { added, changed, removed }: Counts| {
        format!("{what}: {added} added, {changed} changed, {removed} removed")
    };
    format!("{}; {}", counts("tenants' settings", tenants), counts("partners", partners))
}

/// `50%` or `50`
pub(super) fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    let percent: Option<u8> = number.parse().ok().filter(|percent| *percent <= 100);
    percent.ok_or_else(|| format!("`{text}` is no whole number of percent, such as 50%"))
}
