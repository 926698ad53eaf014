//! `tenantgate import`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::output;
use crate::cli::progress::Bar;
use crate::id::TenantId;
use crate::source::{GraphError, Import as Work};

#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
    /// Microsoft Graph's answers, in files named as the README says; a directory each where there are several tenants
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Whose settings they are, where neither tenant.json nor the directory's name tells
    #[arg(long, value_name = "T")]
    tenant: Option<TenantId>,
    /// The bundle to write; it appears whole, or not at all
    #[arg(short, long, value_name = "BUNDLE")]
    output: PathBuf,
    /// Replace the bundle that is there
    #[arg(long)]
    force: bool,
}

impl Import {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::ensure!(
            self.from.as_os_str() != "graph",
            "this build does not ask Graph itself: save its answers in a directory (the README has the requests), \
             and name that with --from"
        );
        let mut bar = Bar::new("partners");
        let work = Work { from: &self.from, tenant: self.tenant, to: &self.output, replace: self.force };
        let done = work.run(&mut bar);
        bar.finish();
        let done = match done {
            Err(error) => return refused(error),
            Ok(done) => done,
        };
        output::line(&format!(
            "{}: {} tenant(s), {} partner(s), policy revision {}",
            self.output.display(),
            done.tenants,
            done.partners,
            done.revision
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// What is wrong with the content is the outcome, like lint's; everything else is a failure.
pub(in crate::cli) fn refused(error: GraphError) -> anyhow::Result<ExitCode> {
    match &error {
        GraphError::Refused(problems) => {
            for problem in problems {
                output::note(&format!("error: {problem}"));
            }
        }
        GraphError::Errors(_) => {}
        GraphError::Unreadable { .. }
        | GraphError::Unwritable { .. }
        | GraphError::BundleExists(_)
        | GraphError::DirectoryExists(_) => return Err(error.into()),
    }
    output::note(&error.to_string());
    Ok(ExitCode::from(1))
}
