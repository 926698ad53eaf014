//! What is wrong with a configuration: what, where, and what to do.

use std::io;
use std::path::PathBuf;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The document is not there.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no YAML.
    #[error("the config is neither YAML nor JSON: {0}")]
    Syntax(String),
    /// A key or value of it.
    #[error("config key `{key}`: {problem}")]
    Key {
        /// The path of the key.
        key: String,
        /// What is wrong, and what could be meant.
        problem: String,
    },
    /// A variable of the environment.
    #[error("environment variable `{name}`: {problem}")]
    Variable {
        /// Which.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// Something that comes later.
    #[error("config key `{0}` is not supported by this build; remove it or set it to its default")]
    NotBuilt(&'static str),
}

impl ConfigError {
    pub(in crate::config) fn key(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Key { key: key.into(), problem: problem.into() }
    }
}
