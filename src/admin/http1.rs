//! HTTP/1.1 on the admin port, on a thread of its own: a scrape never delays a check, nor does a check a probe.

use std::io;
use std::thread;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;

use crate::port::{Ending, Opened, Protocol, Server, Stop};

/// For a whole head, and between two requests.
const HEAD: Duration = Duration::from_secs(10);

/// The running port; it stops when this is dropped.
#[derive(Debug)]
pub struct Serving {
    _ending: Ending,
}

/// Serves `router`, and does `beside` for as long.
pub fn serve(server: Server, router: Router) -> io::Result<Serving> {
    let (ending, stop) = Stop::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = server.run(Http1(router), stop);
    // Whoever ends the port does not wait for the thread.
    let _detached = thread::Builder::new().name("admin".to_owned()).spawn(move || runtime.block_on(work))?;
    Ok(Serving { _ending: ending })
}

#[derive(Debug, Clone)]
struct Http1(Router);

impl Protocol for Http1 {
    /// `GET / HTTP/1.1`
    const OPENING: usize = 16;

    async fn serve(self, connection: Opened, mut stop: Stop) {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let service = TowerToHyperService::new(self.0);
        let mut serving = std::pin::pin!(http.serve_connection(TokioIo::new(connection), service));
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = stop.called() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!("an admin connection ended with an error: {error}");
        }
    }
}
