//! `limits`

use serde::Deserialize;

use crate::config::scalar::{Bytes, Seconds};

/// Bounds of the check port.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Connections at once.
    pub max_connections: usize,
    /// Streams of one connection.
    pub max_concurrent_streams: u32,
    /// Of one request to the check port.
    pub max_header_list: Bytes,
    /// Of one message.
    pub max_message: Bytes,
    /// Checks being answered at once.
    pub in_flight: usize,
    /// How long a connection may take to begin.
    pub handshake_timeout: Seconds,
    /// How long checks may take to end, once the port is closed.
    pub drain: Seconds,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_concurrent_streams: 1024,
            max_header_list: Bytes::kibibytes(64),
            max_message: Bytes::kibibytes(256),
            in_flight: 4096,
            handshake_timeout: Seconds::new(5),
            drain: Seconds::new(10),
        }
    }
}
