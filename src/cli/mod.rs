//! What speaks to a person: arguments, output, exit codes. Nothing else of the program does.

mod check;
mod export;
mod import;
mod lint;
mod output;
mod policy;
mod progress;
mod sarif;
mod serve;
mod settings;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Environment;

/// Enforces Microsoft Entra cross-tenant access settings on every request, as an Envoy `ext_authz` service.
#[derive(Debug, Parser)]
#[command(name = "tenantgate", version = VERSION, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer Envoy's checks; without --config, with an example policy and a development issuer on loopback
    Serve(serve::Serve),
    /// Decide one request offline, by the same code
    Check(Box<check::Check>),
    /// Report what is wrong or unwise in a bundle
    Lint(lint::Lint),
    /// Make a bundle of Microsoft Graph's answers
    Import(import::Import),
    /// Make Microsoft Graph's answers of a bundle
    Export(export::Export),
    /// Read and write the policy that is kept in a store
    Policy(policy::Policy),
    /// A development issuer: make a key, mint tokens, print the key set
    Token(token::Token),
}

/// Version, commit, compiler.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("TENANTGATE_BUILD"), ")");

/// An error of use or configuration.
const FAILED: u8 = 2;

/// Runs the program.
pub fn main() -> ExitCode {
    let environment = Environment::of_process();
    let run = match Arguments::parse().command {
        Command::Serve(serve) => serve.run(&environment),
        Command::Check(check) => check.run(&environment),
        Command::Lint(lint) => lint.run(),
        Command::Import(import) => import.run(),
        Command::Export(export) => export.run(),
        Command::Policy(policy) => policy.run(&environment),
        Command::Token(token) => token.run(&environment),
    };
    run.unwrap_or_else(|error| {
        output::error(&error);
        ExitCode::from(FAILED)
    })
}
