//! `tenantgate`; see [`tenantgate::cli`].

use std::process::ExitCode;

/// A policy is freed while checks are answered. With glibc's allocator they waited for each other: `benches/README.md`,
/// "The allocator".
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    tenantgate::cli::main()
}
