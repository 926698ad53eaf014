//! `tenantgate export`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::progress::Bar;
use crate::cli::{import, output};
use crate::source::Export as Work;

#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// A bundle, or a directory of bundles
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// The directory to make: Graph's answers, as import reads them
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

impl Export {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        let mut bar = Bar::new("partners");
        let done = Work { bundle: &self.bundle, to: &self.output }.run(&mut bar);
        bar.finish();
        match done {
            Err(error) => import::refused(error),
            Ok(done) => {
                let directory = self.output.display();
                output::line(&format!(
                    "{directory}: {} tenant(s), {} partner(s)",
                    done.tenants, done.partners
                ));
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}
