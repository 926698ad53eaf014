//! Compiles the vendored protos of `ext_authz` with protox, so that no machine needs `protoc`.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rustc-env=TENANTGATE_BUILD={}", build());
    // Envoy indents its comments, and rustdoc would run indented comments as Rust.
    let descriptors = protox::Compiler::new(["proto"])?
        .include_imports(true)
        .include_source_info(false)
        .open_file("envoy/service/auth/v3/external_auth.proto")?
        .file_descriptor_set();
    tonic_prost_build::configure()
        .build_transport(false)
        .build_server(false)
        .include_file("pb.rs")
        .compile_fds(descriptors)?;
    Ok(())
}

/// Commit and compiler, for `--version`; a tarball without git says so.
fn build() -> String {
    // A commit changes the log, and not always HEAD. In a worktree they are elsewhere, and a path that does not exist
    // would have everything built every time.
    for file in ["HEAD", "logs/HEAD"] {
        let path = first_line("git", &["rev-parse", "--git-path", file]);
        if let Some(path) = path.filter(|path| Path::new(path).exists()) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let commit =
        first_line("git", &["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown commit".into());
    let rustc = std::env::var_os("RUSTC")
        .and_then(|rustc| rustc.into_string().ok())
        .and_then(|rustc| first_line(&rustc, &["--version"]));
    format!("{commit}, {}", rustc.unwrap_or_else(|| "unknown rustc".into()))
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = std::process::Command::new(program).args(arguments).output().ok()?;
    let text = output.status.success().then(|| String::from_utf8(output.stdout).ok())??;
    Some(text.lines().next()?.to_owned())
}
