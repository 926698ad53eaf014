//! `decision_log`

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::scalar::{Bytes, Seconds};

/// `decision_log`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecisionLog {
    /// Where it goes.
    pub sink: Sink,
    /// The file.
    pub path: Option<PathBuf>,
    /// Records that may wait.
    pub queue: usize,
    /// What happens when too many do.
    pub on_full: OnFull,
    /// Effects that are recorded.
    pub include: Vec<EffectName>,
    /// The part of allows that is recorded, from 0 to 1.
    pub sample_allow: f64,
    /// A key for pseudonyms.
    pub hash_key_file: Option<PathBuf>,
    /// Files of the log.
    pub rotate: Rotate,
}

impl Default for DecisionLog {
    fn default() -> Self {
        Self {
            sink: Sink::None,
            path: None,
            queue: 65536,
            on_full: OnFull::Drop,
            include: vec![EffectName::Deny, EffectName::Challenge, EffectName::Allow],
            sample_allow: 1.0,
            hash_key_file: None,
            rotate: Rotate::default(),
        }
    }
}

/// `decision_log.sink`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sink {
    /// Nowhere.
    None,
    /// Standard output.
    Stdout,
    /// A file.
    File,
    /// OpenTelemetry.
    Otlp,
}

/// `decision_log.on_full`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFull {
    /// Records are lost, and counted.
    Drop,
    /// Checks wait.
    Wait,
}

/// An effect's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EffectName {
    /// Let by.
    Allow,
    /// Refused.
    Deny,
    /// Refused until there is a better token.
    Challenge,
}

/// `decision_log.rotate`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rotate {
    /// Of one file.
    pub size: Bytes,
    /// Files kept.
    pub keep: usize,
    /// Of one file.
    pub max_age: Seconds,
    /// Of rotated files.
    pub compress: Compress,
}

impl Default for Rotate {
    fn default() -> Self {
        Self {
            size: Bytes::mebibytes(100),
            keep: 10,
            max_age: Seconds::new(30 * 24 * 3600),
            compress: Compress::Zstd,
        }
    }
}

/// `decision_log.rotate.compress`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compress {
    /// Zstandard.
    Zstd,
    /// Not at all.
    None,
}
