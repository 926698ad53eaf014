//! The policy that is served: loaded at start, then compared every two seconds and whenever its directory hints at a
//! change.

use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use crate::policy::{Compiled, Finding, Findings, Level, Options, Snapshot};
use crate::source::place::{Loaded, PolicySource, Seen, Unreadable};
use crate::source::task::Task;
use crate::store::{Publisher, Rejection, Status};
use crate::telemetry::{Metrics, RejectedBecause, unix_now};

/// Sources are compared this often; hints only make it sooner.
const COMPARE_EVERY: Duration = Duration::from_secs(2);
/// Writers that replace a file in several steps get this long to finish.
const SETTLE: Duration = Duration::from_millis(20);
/// Warnings in the log; a bundle of a million partners may have a million.
const SHOWN: usize = 20;

/// The first of what `tenantgate lint` would show whole.
fn warn(findings: &Findings) {
    let mattering =
        || findings.iter().filter(|finding| matches!(finding.level, Level::Conflict | Level::Warning));
    for finding in mattering().take(SHOWN) {
        tracing::warn!(code = finding.code, pointer = finding.pointer, "policy: {}", finding.message);
    }
    let rest = mattering().count().saturating_sub(SHOWN);
    if rest > 0 {
        tracing::warn!("policy: {rest} more warnings; `tenantgate lint` shows them");
    }
}

/// The one writer of the policy.
#[derive(Debug)]
pub struct Watch {
    source: PolicySource,
    options: Options,
    publisher: Publisher<Snapshot>,
    status: Arc<Status>,
    metrics: Arc<Metrics>,
    every: Duration,
    /// What was read last, good or bad.
    seen: Seen,
    unreadable: bool,
}

impl Watch {
    /// Watches `source`, publishing every good policy.
    pub fn new(
        source: PolicySource,
        options: Options,
        publisher: Publisher<Snapshot>,
        status: Arc<Status>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (every, seen) = (COMPARE_EVERY, Seen::default());
        Self { source, options, publisher, status, metrics, every, seen, unreadable: false }
    }

    /// Compares so often that a source that can be read is never older than `limit`.
    #[must_use]
    pub fn within(self, limit: Option<Duration>) -> Self {
        let every = limit.map_or(COMPARE_EVERY, |limit| COMPARE_EVERY.min(limit / 4));
        Self { every, ..self }
    }

    /// Loads what is there now; a failure is reported and leaves the policy as it was.
    pub fn load(&mut self) {
        self.publisher.sweep();
        let base = self.publisher.present();
        let loaded = match self.source.load_new(&mut self.seen, base.as_deref(), &self.options) {
            Ok(loaded) => loaded,
            Err(error) => return self.unreadable(&error),
        };
        drop(base);
        self.unreadable = false;
        self.status.reached(unix_now());
        let Some(Loaded { revision: _, compiled: Compiled { snapshot, findings } }) = loaded else { return };
        warn(&findings);
        match snapshot {
            Some(snapshot) => {
                tracing::info!(revision = %snapshot.revision, tenants = snapshot.tenants().count(), "policy applied");
                self.publisher.publish(snapshot);
                self.status.applied(unix_now());
            }
            None => self.refuse(findings.of(Level::Error)),
        }
    }

    /// Goes on loading for as long as the task lives.
    pub fn spawn(mut self) -> Task {
        Task::spawn(async move {
            let (hint, mut hints) = mpsc::channel::<()>(1);
            let watcher = self.watcher(hint);
            loop {
                tokio::select! {
                    () = tokio::time::sleep(self.every) => {}
                    Some(()) = hints.recv() => tokio::time::sleep(SETTLE).await,
                }
                let loaded = tokio::task::spawn_blocking(move || {
                    self.load();
                    self
                });
                match loaded.await {
                    Ok(watch) => self = watch,
                    Err(error) => {
                        tracing::error!("the policy is watched no more: {error}");
                        break;
                    }
                }
            }
            drop(watcher);
        })
    }

    fn watcher(&self, hint: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
        let directory = self.source.directory()?;
        let mut watcher = notify::recommended_watcher(move |event| {
            // A hint that is already there says as much.
            if is_change(&event) {
                let _hint = hint.try_send(());
            }
        })
        .ok()?;
        match watcher.watch(directory, RecursiveMode::NonRecursive) {
            Ok(()) => Some(watcher),
            Err(error) => {
                tracing::warn!("cannot watch the policy's directory, comparing every 2 s instead: {error}");
                None
            }
        }
    }

    fn unreadable(&mut self, error: &Unreadable) {
        let reason = error.to_string();
        if !std::mem::replace(&mut self.unreadable, true) {
            tracing::error!("policy: {reason}; the last good one stays");
        }
        self.metrics.policy_rejected(RejectedBecause::Unreadable);
        self.status.unreached(Rejection { at: unix_now(), reason });
    }

    fn refuse<'f>(&self, errors: impl Iterator<Item = &'f Finding>) {
        let mut reasons = Vec::new();
        for error in errors {
            tracing::error!(
                code = error.code,
                pointer = error.pointer,
                "policy refused, the last good one stays: {error}"
            );
            reasons.push(error.to_string());
        }
        self.metrics.policy_rejected(RejectedBecause::Invalid);
        self.status.rejected(Rejection { at: unix_now(), reason: reasons.join("\n") });
    }
}

/// Whether files may have changed. To have been opened, which our own reading does to them, changes nothing.
fn is_change(event: &Result<notify::Event, notify::Error>) -> bool {
    match event.as_ref().map(|event| event.kind) {
        Ok(EventKind::Access(access)) => access == AccessKind::Close(AccessMode::Write),
        Ok(_) | Err(_) => true,
    }
}
