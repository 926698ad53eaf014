//! The end, which comes in two steps: what has begun may end, and then nothing more is waited for.

use tokio::sync::watch;

/// How near the end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Far,
    Called,
    Arrived,
}

/// Calls the end.
#[derive(Debug)]
pub struct Ending(watch::Sender<End>);

/// Tells that the end has come.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<End>);

impl Ending {
    /// Nothing new begins.
    pub fn call(&self) {
        self.0.send_replace(End::Called);
    }

    /// What has not ended by now will not.
    pub(in crate::port) fn arrive(&self) {
        self.0.send_replace(End::Arrived);
    }
}

impl Stop {
    /// Who calls and who is told.
    pub fn new() -> (Ending, Self) {
        let (ending, stop) = watch::channel(End::Far);
        (Ending(ending), Self(stop))
    }

    /// Waits for the call.
    pub async fn called(&mut self) {
        self.reaches(End::Called).await;
    }

    /// Waits until it is time to give a last answer.
    pub async fn arrived(&mut self) {
        self.reaches(End::Arrived).await;
    }

    /// Whether it has come.
    pub fn is_called(&self) -> bool {
        *self.0.borrow() >= End::Called || self.0.has_changed().is_err()
    }

    async fn reaches(&mut self, end: End) {
        // Whoever calls and is gone will not call any more, but the owner of both is gone too.
        let _reached = self.0.wait_for(|now| *now >= end).await;
    }
}
