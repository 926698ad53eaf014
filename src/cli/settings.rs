//! Where a command's configuration comes from: a file, or the one in the program.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;

use crate::app::ConfigFile;
use crate::config::{Config, Environment, Example};

/// Two organisations with partners, for a start without configuration.
pub(in crate::cli) const EXAMPLE_BUNDLE: &str = include_str!("../../deploy/example/policy.json");
/// Contoso, the tenant that the example protects.
pub(in crate::cli) const EXAMPLE_TENANT: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
/// Fabrikam, whose guests may come in.
pub(in crate::cli) const EXAMPLE_PARTNER: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";

/// The configuration of `path`, and the file for those who watch it.
pub(in crate::cli) fn load(path: &Path, environment: &Environment) -> anyhow::Result<(Config, ConfigFile)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let base = path.parent().map(Path::to_owned).unwrap_or_default();
    let config = Config::read(&text, base, environment)?;
    Ok((config, ConfigFile { path: path.to_owned(), text }))
}

/// The configuration in the program: the example bundle, and the development issuer of this user.
pub(in crate::cli) fn example(environment: &Environment) -> anyhow::Result<Config> {
    let example = Example { policy: EXAMPLE_BUNDLE, issuer: development_directory(environment)? };
    let document = json!({
        "tenant": EXAMPLE_TENANT,
        "tokens": {"audiences": ["api://orders"]},
        "applications": {"api://orders": "11111111-2222-3333-4444-555555555555"},
        "authenticationContexts": {"mfa": "c1", "compliantDevice": "c2", "domainJoinedDevice": "c3"},
    });
    Ok(Config::of_example(&document.to_string(), example, environment)?)
}

/// `$XDG_STATE_HOME/tenantgate/dev`
pub(in crate::cli) fn development_directory(environment: &Environment) -> anyhow::Result<PathBuf> {
    let set = |name| environment.get(name).filter(|value| !value.is_empty());
    let state = set("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(set("HOME")?).join(".local/state")))
        .context("neither XDG_STATE_HOME nor HOME is set; name a directory with --dir")?;
    Ok(state.join("tenantgate/dev"))
}
