//! Trying before scheduling: a check of a warm token ends at its first poll, and a task of its own would cost more than
//! the decision.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

/// Bytes.
const MOST: usize = 4 * 1024;

/// Polls a future where it was made; only one that has to wait becomes a task.
pub(in crate::check) fn execute<F: Future<Output = ()> + Send + 'static>(future: F) {
    const { assert!(size_of::<F>() <= MOST, "all of it is moved to the heap with each check") };
    let mut future = Box::pin(future);
    let polled =
        catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut Context::from_waker(Waker::noop()))));
    match polled {
        // A task polls again at first, and is woken from then on.
        Ok(Poll::Pending) => drop(tokio::spawn(future)),
        // As in a task, a panic ends this stream and no other of the connection.
        Ok(Poll::Ready(())) | Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_need_not_wait_needs_no_runtime() {
        let (tell, told) = mpsc::channel();
        execute(async move { tell.send(()).unwrap() });
        told.try_recv().unwrap();
    }

    #[test]
    fn a_panic_stays_within_its_stream() {
        execute(async { panic!("at its first poll") });
    }

    #[tokio::test]
    async fn what_has_to_wait_goes_on_as_a_task() {
        let (tell, told) = tokio::sync::oneshot::channel();
        execute(async move {
            tokio::task::yield_now().await;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            tell.send(()).unwrap();
        });
        told.await.unwrap();
    }
}
