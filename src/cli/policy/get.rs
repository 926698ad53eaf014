//! `tenantgate policy get`

use std::io::{BufWriter, ErrorKind};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::{Opened, Where};
use crate::cli::output;
use crate::config::Environment;
use crate::source::{StoreError, write_bundle, write_bundle_to};

#[derive(Debug, Args)]
pub(super) struct Get {
    #[command(flatten)]
    place: Where,
    /// The bundle to write, instead of standard output; it appears whole, or not at all
    #[arg(short, long, value_name = "BUNDLE")]
    output: Option<PathBuf>,
    /// Replace the bundle that is there
    #[arg(long, requires = "output")]
    force: bool,
}

impl Get {
    pub(super) fn run(self, environment: &Environment) -> anyhow::Result<ExitCode> {
        let Opened { mut store, options: _ } = self.place.open(environment)?;
        let revision = match &self.output {
            None => match write_bundle(&mut *store, BufWriter::new(output::stream())) {
                // A reader that went away is no error.
                Err(StoreError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => {
                    return Ok(ExitCode::SUCCESS);
                }
                written => written?,
            },
            Some(path) => {
                anyhow::ensure!(
                    self.force || std::fs::symlink_metadata(path).is_err(),
                    "`{}` exists: --force replaces it",
                    path.display()
                );
                write_bundle_to(&mut *store, path, self.force)
                    .with_context(|| format!("cannot write `{}`", path.display()))?
            }
        };
        output::note(&format!("revision {revision}"));
        Ok(ExitCode::SUCCESS)
    }
}
