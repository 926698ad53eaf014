//! Settings that are newer than those that decisions are made on: whoever reads a record that goes with them says so, and
//! waits for them.

use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// Of which revision settings are, and whether that is enough.
#[derive(Debug, Default)]
pub(in crate::directory) struct Behind {
    known: watch::Sender<u64>,
    newer: Notify,
}

/// Settings that are not there by then do not come.
const PATIENCE: Duration = Duration::from_secs(1);

impl Behind {
    /// They are known as of `revision`, and published.
    pub(in crate::directory) fn known_at(&self, revision: u64) {
        self.known.send_replace(revision);
    }

    /// Waits until somebody needs newer ones.
    pub(in crate::directory) async fn told(&self) {
        self.newer.notified().await;
    }

    /// Has those that `revision` wrote, or waits for them; gives whether they came.
    pub(in crate::directory) async fn made_up_to(&self, revision: u64) -> bool {
        let mut known = self.known.subscribe();
        if *known.borrow() < revision {
            self.newer.notify_one();
        }
        let enough = known.wait_for(|known| *known >= revision);
        timeout(PATIENCE, enough).await.is_ok_and(|known| known.is_ok())
    }
}
