//! The demo that people start with.

use std::path::Path;
use std::process::Command;

use crate::envoy::binary;
use crate::gate::{BLOCKED, PARTNER};

#[test]
fn the_demo_shows_what_it_promises() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/demo/run");
    let mut command = Command::new(demo);
    command.env("TENANTGATE", env!("CARGO_BIN_EXE_tenantgate")).env("ENVOY", binary());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    for expected in [
        "reason=internal",
        &format!("x-tenantgate-home-tenant: {PARTNER}"),
        &format!(r#""partner":"{BLOCKED}""#),
        "token_missing",
        &format!(r#""partner":"{PARTNER}""#),
        r#""details":"ext_authz_denied""#,
    ] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
}
