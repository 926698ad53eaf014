//! `tenantgate policy apply`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::write::Guards;
use super::{Opened, Where};
use crate::cli::lint;
use crate::config::Environment;
use crate::source::{Plan, records_of};

#[derive(Debug, Args)]
pub(super) struct Apply {
    /// A bundle, or a directory of bundles
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    guards: Guards,
}

impl Apply {
    pub(super) fn run(self, environment: &Environment) -> anyhow::Result<ExitCode> {
        let Opened { mut store, options } = self.place.open(environment)?;
        let read = lint::read(&self.bundle)?;
        if let Some(refused) = read.refused(&options, self.guards.json)? {
            return Ok(refused);
        }
        let records = records_of(&read.document.parts)?;
        drop(read);
        let plan = Plan::of(&mut *store, records, "apply")?;
        self.guards.carry_out(&mut *store, &plan)
    }
}
