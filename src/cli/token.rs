//! `tenantgate token`: a development issuer.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use crate::cli::{output, settings};
use crate::config::Environment;
use crate::telemetry::unix_now;
use crate::token::DevelopmentIssuer;

#[derive(Debug, Args)]
pub(in crate::cli) struct Token {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key: key.pem (0600) and jwks.json
    Keygen(Directory),
    /// Sign claims; iss, ver, iat, nbf and exp are filled in where absent
    Mint {
        #[command(flatten)]
        directory: Directory,
        /// A JSON object, @FILE, or - for standard input
        #[arg(long, value_name = "JSON|@F|-")]
        claims: String,
        /// How long the token lives
        #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
        lifetime: std::time::Duration,
    },
    /// Print the key set to configure as an issuer's jwks
    Jwks(Directory),
}

#[derive(Debug, Args)]
struct Directory {
    /// Where the key is [default: `$XDG_STATE_HOME/tenantgate/dev`]
    #[arg(long, value_name = "D")]
    dir: Option<PathBuf>,
}

impl Directory {
    fn path(self, environment: &Environment) -> anyhow::Result<PathBuf> {
        self.dir.map_or_else(|| settings::development_directory(environment), Ok)
    }
}

impl Token {
    pub(in crate::cli) fn run(self, environment: &Environment) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Keygen(directory) => {
                let path = directory.path(environment)?;
                let issuer = DevelopmentIssuer::keygen(&path)?;
                output::note(&format!("key {} in {}", issuer.kid(), path.display()));
            }
            Action::Jwks(directory) => {
                output::line(&DevelopmentIssuer::open(&directory.path(environment)?)?.jwks().to_string());
            }
            Action::Mint { directory, claims, lifetime } => {
                let issuer = DevelopmentIssuer::open(&directory.path(environment)?)?;
                let lifetime = i64::try_from(lifetime.as_secs()).context("the lifetime is too long")?;
                output::line(&issuer.mint(&claims_text(&claims)?, unix_now(), lifetime)?);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Claims as given: JSON, `@FILE` or `-`.
pub(in crate::cli) fn claims_text(given: &str) -> anyhow::Result<String> {
    if given == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read the claims from standard input")?;
        return Ok(text);
    }
    match given.strip_prefix('@') {
        Some(path) => {
            std::fs::read_to_string(path).with_context(|| format!("cannot read the claims from `{path}`"))
        }
        None => Ok(given.to_owned()),
    }
}
