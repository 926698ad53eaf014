//! A policy in files: loaded at start, then compared every two seconds and whenever the directory hints at a change.

use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use crate::policy::{Compiled, Finding, Findings, Level, Options, Snapshot, compile};
use crate::source::document::{Document, Files, Stamp};
use crate::source::task::Task;
use crate::store::{Publisher, Rejection, Status};
use crate::telemetry::{Metrics, RejectedBecause, unix_now};

/// Files are compared this often; hints only make it sooner.
const COMPARE_EVERY: Duration = Duration::from_secs(2);
/// Writers that replace a file in several steps get this long to finish.
const SETTLE: Duration = Duration::from_millis(20);
/// Warnings in the log; a bundle of a million partners may have a million.
const SHOWN: usize = 20;

/// Where the policy is.
#[derive(Debug, Clone)]
pub enum PolicySource {
    /// In files that may change.
    Files(Files),
    /// In the program itself.
    BuiltIn(&'static str),
}

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
    last: Option<Document>,
    /// Of the files that it was read from, once that is reliable.
    stamp: Option<Stamp>,
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
        let every = COMPARE_EVERY;
        Self {
            source,
            options,
            publisher,
            status,
            metrics,
            every,
            last: None,
            stamp: None,
            unreadable: false,
        }
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
        let read = match &self.source {
            PolicySource::Files(files) => {
                let stamp = files.stamp().ok().filter(|stamp| stamp.is_settled(unix_now()));
                if stamp.is_some() && stamp == self.stamp {
                    return self.status.reached(unix_now());
                }
                self.stamp = stamp;
                files.read()
            }
            PolicySource::BuiltIn(document) => Ok(Document::new(vec![document.as_bytes().to_vec()])),
        };
        let document = match read {
            Ok(document) => document,
            Err(error) => {
                self.stamp = None;
                return self.unreadable(&error);
            }
        };
        self.unreadable = false;
        self.status.reached(unix_now());
        if self.last.as_ref().is_some_and(|last| last.revision == document.revision) {
            return;
        }
        let parts = document.parts.iter().map(Vec::as_slice);
        let Compiled { snapshot, findings } = compile(parts, document.revision.clone(), &self.options);
        warn(&findings);
        match snapshot {
            Some(snapshot) => {
                tracing::info!(revision = %snapshot.revision, tenants = snapshot.tenants().count(), "policy applied");
                self.publisher.publish(snapshot);
                self.status.applied(unix_now());
            }
            None => self.refuse(findings.of(Level::Error)),
        }
        self.last = Some(Document { parts: Vec::new(), ..document });
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
        let PolicySource::Files(files) = &self.source else { return None };
        let mut watcher = notify::recommended_watcher(move |event| {
            // A hint that is already there says as much.
            if is_change(&event) {
                let _hint = hint.try_send(());
            }
        })
        .ok()?;
        match watcher.watch(files.directory(), RecursiveMode::NonRecursive) {
            Ok(()) => Some(watcher),
            Err(error) => {
                tracing::warn!("cannot watch the policy's directory, comparing every 2 s instead: {error}");
                None
            }
        }
    }

    fn unreadable(&mut self, error: &std::io::Error) {
        let PolicySource::Files(files) = &self.source else { return };
        let reason = format!("cannot read `{}`: {error}", files.path().display());
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
