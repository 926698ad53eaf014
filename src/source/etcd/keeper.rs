//! When the policy is written to `policy.cache`: soon after it changed, and now and then, so that it is known how old it
//! is. Never twice at once, and no more than a twentieth of the time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::kept::{Kept, Unusable};
use crate::telemetry::unix_now;

/// After a change.
const SOON: Duration = Duration::from_secs(1);
/// Without one.
const NOW_AND_THEN: Duration = Duration::from_mins(1);
/// A clock may have been set back by so many seconds.
const SKEW: i64 = 60;

/// The writer.
#[derive(Debug)]
pub(in crate::source) struct Keeper {
    path: PathBuf,
    /// What the last one was of.
    written: Option<State>,
    /// When to look again.
    look: Instant,
    /// When to write even without a change.
    due: Instant,
    writing: Option<JoinHandle<Duration>>,
}

/// Tells whether something changed: the revision, and how many entries ever came.
pub(in crate::source) type State = (u64, u64);

impl Keeper {
    pub(in crate::source) fn new(path: PathBuf) -> Self {
        let now = Instant::now();
        Self { path, written: None, look: now, due: now, writing: None }
    }

    /// Waits until there may be something to write.
    pub(in crate::source) async fn look(&self) {
        sleep_until(self.look).await;
    }

    /// Writes in the background what is now, if that is called for.
    pub(in crate::source) async fn keep(&mut self, state: State, kept: impl FnOnce() -> Option<Kept>) {
        let now = Instant::now();
        self.look = now + SOON;
        if let Some(writing) = self.writing.take_if(|writing| writing.is_finished()) {
            // One that panicked wrote nothing.
            let took = writing.await.unwrap_or_default();
            self.look = now + SOON.max(took * 20);
            return;
        }
        if self.writing.is_some() || self.written == Some(state) && now < self.due {
            return;
        }
        let Some(kept) = kept() else { return };
        let path = self.path.clone();
        self.writing = Some(tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            if let Err(error) = kept.write(&path) {
                tracing::error!("policy: cannot write `policy.cache` `{}`: {error}", path.display());
            }
            begun.elapsed()
        }));
        (self.written, self.due) = (Some(state), now + NOW_AND_THEN);
    }

    /// What was kept for this prefix, if that can be used.
    pub(in crate::source) fn restore(&self, prefix: &str) -> Option<Kept> {
        match read(&self.path, prefix) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::error!("policy: `policy.cache` `{}` is of no use: {error}", self.path.display());
                None
            }
        }
    }
}

fn read(path: &Path, prefix: &str) -> Result<Option<Kept>, Unusable> {
    let Some(kept) = Kept::read(path)? else { return Ok(None) };
    if kept.prefix != prefix {
        return Err(Unusable::Line(1, format!("it is of the prefix `{}`", kept.prefix)));
    }
    if kept.reached_at > unix_now().saturating_add(SKEW) {
        return Err(Unusable::Line(1, "it is of the future: the clock was set back".to_owned()));
    }
    Ok(Some(kept))
}
