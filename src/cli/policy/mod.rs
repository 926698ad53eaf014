//! `tenantgate policy`: the store that a configuration names, read and written.

mod apply;
mod diff;
mod get;
mod history;
mod rollback;
mod write;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::settings;
use crate::config::{Composed, Environment};
use crate::policy::Options;
use crate::source::{EtcdStore, PolicyOrigin, PolicySource, Store};

/// What scripts go by.
const EXIT_CODES: &str = "\
Exit codes: 0 done, or nothing to do; 1 the policy has errors (diff: there are differences); 2 failed;
            3 to be acknowledged; 4 the store has another revision";

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(in crate::cli) struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the policy that the store holds as a bundle; its revision goes to standard error
    Get(get::Get),
    /// Make a bundle the policy, whole: what the bundle does not have is removed
    Apply(apply::Apply),
    /// Show what applying a bundle would change; exit 1 where there is something
    Diff(diff::Diff),
    /// Show the changes that were made, the latest first
    History(history::History),
    /// Make the policy what it was at an earlier revision, by a new change
    Rollback(rollback::Rollback),
}

impl Policy {
    pub(in crate::cli) fn run(self, environment: &Environment) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Get(get) => get.run(environment),
            Command::Apply(apply) => apply.run(environment),
            Command::Diff(diff) => diff.run(environment),
            Command::History(history) => history.run(environment),
            Command::Rollback(rollback) => rollback.run(environment),
        }
    }
}

/// Which store.
#[derive(Debug, Args)]
struct Where {
    /// The configuration whose `policy` names the store
    #[arg(long, value_name = "FILE", required_unless_present = "admin")]
    config: Option<PathBuf>,
    /// The admin API of a running service (not in this build)
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    admin: Option<String>,
    /// A file with the token for it
    #[arg(long, value_name = "F", requires = "admin")]
    token_file: Option<PathBuf>,
}

/// A store, and what its configuration asks of a policy.
struct Opened {
    store: Box<dyn Store>,
    options: Options,
}

impl Where {
    fn open(&self, environment: &Environment) -> anyhow::Result<Opened> {
        let (Some(path), None) = (&self.config, &self.admin) else {
            anyhow::bail!(
                "--admin: this build has no admin API to speak to; name the store's configuration with --config"
            );
        };
        let (config, _) = settings::load(path, environment)?;
        let Composed { policy, policy_options: options, .. } = config.compose()?;
        let policy = match policy {
            PolicyOrigin::Etcd(etcd, _) => {
                return Ok(Opened { store: Box::new(EtcdStore::new(*etcd)?), options });
            }
            PolicyOrigin::Watched(policy) => policy,
        };
        match policy {
            PolicySource::Embedded(store) => Ok(Opened { store: Box::new(store), options }),
            PolicySource::Files(files) => anyhow::bail!(
                "`policy.source` is `file`: the policy is what `{path}` says; edit that, and it is applied within two \
                 seconds (`tenantgate lint` checks it; its history is your version control's)",
                path = files.path().display()
            ),
            PolicySource::BuiltIn(_) => anyhow::bail!("the policy is in the program itself"),
        }
    }
}
