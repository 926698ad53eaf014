//! Why the store cannot be read.

use std::path::PathBuf;
use std::time::Duration;

/// Why the store cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EtcdError {
    /// A file of ours is not there.
    #[error("cannot read `{}`: {}", .0.display(), .1)]
    File(PathBuf, #[source] std::io::Error),
    /// The cluster, or the way to it.
    #[error("etcd: {0}")]
    Cluster(#[from] etcd_client::Error),
    /// An answer without a revision.
    #[error("etcd: an answer has no header")]
    Headless,
    /// A watch ended.
    #[error("etcd: the watch ended: {0}")]
    Ended(String),
    /// No answer.
    #[error("etcd: no answer within {} s", .0.as_secs())]
    Late(Duration),
}
