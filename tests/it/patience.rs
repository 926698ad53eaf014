//! Waiting for what will be so. What waits without a limit hangs where it should fail.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Longer than anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

/// What comes of `work`; gives up only when something must be broken.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(LIMIT, work).await.unwrap_or_else(|_| panic!("still waiting for {what} after {LIMIT:?}"))
}

/// Asks until there is an answer.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            // What is asked may be large.
            if let Some(answer) = Box::pin(ask()).await {
                return answer;
            }
            sleep(PAUSE).await;
        }
    };
    within(what, asking).await
}
