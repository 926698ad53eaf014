//! `tenantgate`; see [`tenantgate::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    tenantgate::cli::main()
}
