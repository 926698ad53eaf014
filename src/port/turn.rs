//! When a process that may be beside others opens its port.
//!
//! Too early, and it denies what another process would have decided. Too late, and there is silence, which fail-open
//! lets by. So it waits until it can decide, for as long as others answer.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep};

use crate::port::address::Address;
use crate::port::name;

/// Between two looks at an address.
const LOOK: Duration = Duration::from_millis(100);
/// Between two looks at a queue.
const GLANCE: Duration = Duration::from_millis(10);
/// Nobody else takes what waits in a shared queue for so long. Envoy waits for an answer for 200 ms by default.
const UNTAKEN: Duration = Duration::from_millis(100);
/// How long an empty queue tells nothing; whoever started us may wait for us to say that we serve.
const HOLD: Duration = Duration::from_secs(3);

/// Waits until it is `ready`, or until nobody else serves `address`: that somebody may, `reuse_port` says, or that there
/// is a `queue` that was handed over.
pub async fn wait_for_turn(
    address: &Address,
    queue: Option<BorrowedFd<'_>>,
    reuse_port: bool,
    ready: impl Future<Output = ()>,
) {
    let alone = async {
        match queue {
            Some(queue) => untaken(queue).await,
            None if reuse_port => unserved(address).await,
            None => {}
        }
    };
    tokio::select! {
        biased;
        () = ready => {}
        () = alone => {}
    }
}

/// Whoever shares a queue cannot see others, but that nobody takes what is in it.
async fn untaken(queue: BorrowedFd<'_>) {
    let began = Instant::now();
    let mut empty = began;
    while empty.elapsed() < UNTAKEN && began.elapsed() < HOLD {
        sleep(GLANCE).await;
        if !has_waiting(queue) {
            empty = Instant::now();
        }
    }
}

async fn unserved(address: &Address) {
    if is_served(address) {
        tracing::info!(%address, "not ready; whoever serves goes on");
    }
    while is_served(address) {
        sleep(LOOK).await;
    }
}

fn has_waiting(queue: BorrowedFd<'_>) -> bool {
    let mut queue = [PollFd::from_borrowed_fd(queue, PollFlags::IN)];
    poll(&mut queue, Some(&Timespec::default())).is_ok_and(|waiting| waiting > 0)
}

fn is_served(address: &Address) -> bool {
    match address {
        Address::Tcp(address) => is_bound(*address).unwrap_or_default(),
        Address::Unix(path) => name::is_served(path),
    }
}

/// Where somebody listens nobody can bind who does not share the port.
fn is_bound(address: SocketAddr) -> io::Result<bool> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    Ok(socket.bind(address).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse))
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd as _;

    use tokio::time::timeout;

    use super::*;
    use crate::port::{Bound, Handed};

    const LONG: Duration = Duration::from_mins(1);

    fn bound(address: &Address) -> Bound {
        Bound::bind(address.clone(), &mut Handed::default(), true).unwrap()
    }

    async fn is_over(waiting: impl Future<Output = ()>) -> bool {
        timeout(LONG, waiting).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_alone_does_not_wait() {
        let address = "127.0.0.1:0".parse().unwrap();
        let began = Instant::now();
        wait_for_turn(&address, None, false, pending()).await;
        wait_for_turn(&address, None, true, pending()).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn while_somebody_else_serves_only_readiness_ends_it() {
        let directory = tempfile::tempdir().unwrap();
        for address in [Address::Unix(directory.path().join("check.sock")), "127.0.0.1:0".parse().unwrap()] {
            let other = bound(&address);
            let address = other.address().clone();
            assert!(!is_over(wait_for_turn(&address, None, true, pending())).await, "{address}");
            assert!(is_over(wait_for_turn(&address, None, true, async {})).await, "{address}");
            drop(other);
            assert!(is_over(wait_for_turn(&address, None, true, pending())).await, "{address}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_kept_waiting_in_a_queue_that_others_may_have() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::Tcp(listener.local_addr().unwrap());
        let queue = Some(listener.as_fd());
        let began = Instant::now();
        wait_for_turn(&address, queue, false, pending()).await;
        assert!(began.elapsed() >= HOLD, "nobody waits");
        let waits = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let began = Instant::now();
        wait_for_turn(&address, queue, false, pending()).await;
        assert!(began.elapsed() <= UNTAKEN + GLANCE, "{:?}", began.elapsed());
        drop((listener.accept().unwrap(), waits));
        let began = Instant::now();
        wait_for_turn(&address, queue, false, pending()).await;
        assert!(began.elapsed() >= HOLD, "it was taken");
    }
}
