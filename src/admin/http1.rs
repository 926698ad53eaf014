//! HTTP/1.1 on the admin port, on a thread of its own: a scrape never delays a check, nor does a check a probe.

use std::io;
use std::thread::{self, JoinHandle};
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

/// Serves `router`. Checks go on should that end before its time, so that the log alone tells of it.
pub fn serve(server: Server, router: Router) -> io::Result<Serving> {
    let (ending, stop) = Stop::new();
    let work = server.run(Http1(router), stop.clone());
    // Whoever ends the port does not wait for the thread.
    let _detached = spawn(work, stop)?;
    Ok(Serving { _ending: ending })
}

fn spawn(work: impl Future<Output = ()> + Send + 'static, stop: Stop) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("admin".to_owned()).spawn(move || {
        let _watch = Watch(stop);
        runtime.block_on(work);
    })
}

/// Tells when the thread ends, by a panic too, though nobody asked for it.
struct Watch(Stop);

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.0.is_called() {
            tracing::error!("the admin port is closed; checks go on");
        }
    }
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What is logged by a thread that ends as `work` does.
    fn logged(work: impl Future<Output = ()> + Send + 'static, stop: Stop) -> String {
        let log = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&log);
        let work = async move {
            let subscriber = tracing_subscriber::fmt().with_writer(Written(written)).finish();
            // For as long as there is the thread.
            std::mem::forget(tracing::subscriber::set_default(subscriber));
            work.await;
        };
        let _outcome = spawn(work, stop).unwrap().join();
        String::from_utf8(log.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn an_end_that_nobody_asked_for_is_logged_and_no_other() {
        let (ending, stopped) = Stop::new();
        for log in
            [logged(async {}, stopped.clone()), logged(async { panic!("the accept loop") }, stopped.clone())]
        {
            assert!(log.contains("ERROR") && log.contains("the admin port is closed"), "{log}");
        }
        ending.call();
        assert_eq!(logged(async {}, stopped), "");
        let (ending, stopped) = Stop::new();
        drop(ending);
        assert_eq!(logged(async {}, stopped), "");
    }

    #[derive(Clone)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl tracing_subscriber::fmt::MakeWriter<'_> for Written {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }
}
