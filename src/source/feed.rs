//! The one that keeps the policy up to date, from whatever kind of place it comes.

use std::sync::Arc;
use std::time::Duration;

use crate::directory::{Directory, DirectoryConfig};
use crate::policy::{Options, PrincipalMap, Snapshot};
use crate::source::etcd::{EtcdSettings, EtcdSource};
use crate::source::place::PolicySource;
use crate::source::policy::Watch;
use crate::source::task::Task;
use crate::store::{Publisher, Reader, Status};
use crate::telemetry::Metrics;

/// What kind of place the policy is in.
#[derive(Debug)]
pub enum PolicyOrigin {
    /// One that is read whole.
    Watched(PolicySource),
    /// A cluster, with partners on demand.
    Etcd(Box<EtcdSettings>, DirectoryConfig),
}

/// The policy's one writer.
#[derive(Debug)]
pub enum Feed {
    /// Of what is read whole.
    Watched(Box<Watch>),
    /// Of what is in a cluster.
    Etcd(Box<EtcdSource>),
}

impl Feed {
    /// Publishes what is at `origin`, never older than `limit` where it can be read. What is read whole is published
    /// when this returns.
    pub fn begin(
        origin: PolicyOrigin,
        options: Options,
        (publisher, reader): (Publisher<Snapshot>, Reader<Snapshot>),
        status: Arc<Status>,
        metrics: Arc<Metrics>,
        limit: Option<Duration>,
    ) -> Self {
        match origin {
            PolicyOrigin::Watched(source) => {
                let mut watch = Watch::new(source, options, publisher, status, metrics).within(limit);
                watch.load();
                Self::Watched(Box::new(watch))
            }
            PolicyOrigin::Etcd(settings, partners) => {
                let ends = (publisher, reader);
                let source = EtcdSource::new(*settings, partners, options, ends, status, metrics);
                Self::Etcd(Box::new(source.within(limit)))
            }
        }
    }

    /// Has the principal map from the same place, where it has one.
    pub fn keep_principals(&mut self, publisher: Publisher<PrincipalMap>) {
        match self {
            Self::Watched(_) => {}
            Self::Etcd(source) => source.keep_principals(publisher),
        }
    }

    /// For one decision and no more: publishes what a cluster has now.
    pub async fn load(self) {
        match self {
            Self::Watched(_) => {}
            Self::Etcd(mut source) => source.load().await,
        }
    }

    /// Partners at hand, where they are read on demand.
    pub fn directory(&self) -> Option<Arc<Directory>> {
        match self {
            Self::Watched(_) => None,
            Self::Etcd(source) => Some(source.directory()),
        }
    }

    /// Goes on for as long as the task lives.
    pub fn spawn(self) -> Task {
        match self {
            Self::Watched(watch) => watch.spawn(),
            Self::Etcd(source) => source.spawn(),
        }
    }
}
