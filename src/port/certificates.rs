//! A port's certificates, compared every two seconds with what the files hold and replaced whole.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::port::bound::Connection;
use crate::port::tls::{Material, TlsConfig, TlsError};
use crate::store::{Publisher, Reader, cell};
use crate::telemetry::{Metrics, Port};

const COMPARE_EVERY: Duration = Duration::from_secs(2);

/// What connections are accepted with now.
#[derive(Debug, Clone)]
pub struct Certificates {
    present: Reader<ServerConfig>,
    problem: Arc<Mutex<Option<String>>>,
}

/// Keeps [`Certificates`] as the files are.
#[derive(Debug)]
pub struct Renewal {
    config: TlsConfig,
    port: Port,
    metrics: Arc<Metrics>,
    publisher: Publisher<ServerConfig>,
    problem: Arc<Mutex<Option<String>>>,
    /// Of what was read last, good or bad; None for what could not be read.
    last: Option<Vec<u8>>,
}

impl Certificates {
    /// Those that are there now; without any there is no port.
    pub fn load(config: TlsConfig, port: Port, metrics: Arc<Metrics>) -> Result<(Self, Renewal), TlsError> {
        let (publisher, present) = cell();
        let problem = Arc::new(Mutex::new(None));
        let material = config.read()?;
        publisher.publish(config.server(&material)?);
        metrics.certificate_loaded(port, true);
        let last = Some(material.fingerprint());
        let renewal = Renewal { config, port, metrics, publisher, problem: Arc::clone(&problem), last };
        Ok((Self { present, problem }, renewal))
    }

    /// Why the files cannot be used now, so that what they held before is still in use.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shakes hands.
    pub(in crate::port) async fn accept(
        &self,
        connection: Box<dyn Connection>,
    ) -> io::Result<Box<dyn Connection>> {
        // What was loaded once stays.
        let present = self.present.borrow().clone().ok_or(io::ErrorKind::NotConnected)?;
        Ok(Box::new(TlsAcceptor::from(present).accept(connection).await?))
    }
}

impl Renewal {
    /// Compares for ever. A certificate that is written before its key, or half of either, is no pair: the old one
    /// serves until the new one is complete.
    pub async fn run(mut self) {
        loop {
            tokio::time::sleep(COMPARE_EVERY).await;
            self.compare();
        }
    }

    fn compare(&mut self) {
        let material = self.config.read();
        let now = material.as_ref().ok().map(Material::fingerprint);
        // What cannot be read is tried again, and told of when it begins.
        if now == self.last {
            return;
        }
        self.last = now;
        let loaded = material.and_then(|material| self.config.server(&material));
        self.metrics.certificate_loaded(self.port, loaded.is_ok());
        let problem = match loaded {
            Ok(server) => {
                self.publisher.publish(server);
                tracing::info!(port = self.port.word(), "certificates replaced");
                None
            }
            Err(error) => {
                let problem = told(&error);
                tracing::error!(
                    port = self.port.word(),
                    "certificates not replaced, the last good ones stay: {problem}"
                );
                Some(problem)
            }
        };
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}

fn told(error: &TlsError) -> String {
    let first = std::error::Error::source(error);
    let chain = std::iter::successors(first, |error| error.source());
    chain.fold(error.to_string(), |told, error| format!("{told}: {error}"))
}
