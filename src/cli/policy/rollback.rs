//! `tenantgate policy rollback`

use std::process::ExitCode;

use clap::Args;

use super::write::Guards;
use super::{Opened, Where};
use crate::cli::{lint, output};
use crate::config::Environment;
use crate::source::{Plan, StoreError, compile_records, records_as_of};

#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The revision whose policy is to be had again
    #[arg(value_name = "R")]
    revision: u64,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    guards: Guards,
}

impl Rollback {
    pub(super) fn run(self, environment: &Environment) -> anyhow::Result<ExitCode> {
        let Opened { mut store, options } = self.place.open(environment)?;
        let records = match records_as_of(&mut *store, self.revision) {
            Err(error @ StoreError::Conflict { .. }) => {
                output::note(&error.to_string());
                return Ok(ExitCode::from(super::write::CONFLICT));
            }
            records => records?,
        };
        // What was good enough then may not be for the configuration of today.
        let findings = compile_records(&records, &options).findings.strict();
        if let Some(refused) = lint::refused(&findings, &[], self.guards.json)? {
            return Ok(refused);
        }
        let plan = Plan::of(&mut *store, records, format!("rollback to {}", self.revision))?;
        self.guards.carry_out(&mut *store, &plan)
    }
}
