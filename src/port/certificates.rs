//! A port's certificates, compared every two seconds with what the files hold, and replaced whole once two looks in a
//! row have found the same.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::port::bound::Connection;
use crate::port::tls::{Fingerprint, Material, TlsConfig, TlsError};
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
    /// What the last look found; None for what could not be read.
    found: Option<Fingerprint>,
    /// What was used, or refused, last.
    judged: Option<Fingerprint>,
}

impl Certificates {
    /// Those that are there now; without any there is no port.
    pub fn load(config: TlsConfig, port: Port, metrics: Arc<Metrics>) -> Result<(Self, Renewal), TlsError> {
        let (publisher, present) = cell();
        let problem = Arc::new(Mutex::new(None));
        let material = config.read()?;
        publisher.publish(config.server(&material)?);
        metrics.certificate_loaded(port, true);
        let (found, judged) = (Some(material.fingerprint()), Some(material.fingerprint()));
        let renewal =
            Renewal { config, port, metrics, publisher, problem: Arc::clone(&problem), found, judged };
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
    /// Compares for ever. Files are written one after another and piece by piece. A certificate without its key is no
    /// pair, but a chain that ends early, or one authority of two, looks as good as the whole: until the writer has
    /// been seen to rest, what was there serves.
    pub async fn run(mut self) {
        loop {
            tokio::time::sleep(COMPARE_EVERY).await;
            self.compare();
        }
    }

    fn compare(&mut self) {
        let material = self.config.read();
        let found = material.as_ref().ok().map(Material::fingerprint);
        let rests = found == self.found;
        self.found.clone_from(&found);
        // What cannot be read is tried again, and told of when it begins.
        if !rests || found == self.judged {
            return;
        }
        self.judged = found;
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    const CERTIFICATE: &str = "tls.pem";
    const KEY: &str = "tls.key";
    const CLIENT_CA: &str = "clients.pem";

    /// Of anybody's, in PEM, and its key.
    fn certificate() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn load(directory: &Path) -> (Certificates, Renewal) {
        let config = TlsConfig {
            certificate: directory.join(CERTIFICATE),
            key: directory.join(KEY),
            client_ca: Some(directory.join(CLIENT_CA)),
            client_names: Box::default(),
            alpn: b"h2",
        };
        Certificates::load(config, Port::Check, Arc::new(Metrics::new([]))).unwrap()
    }

    #[test]
    fn what_ends_early_where_a_certificate_ends_is_not_used_while_it_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name, text: &str| fs::write(directory.path().join(name), text).unwrap();
        let ((leaf, key), (former, _), (next, _)) = (certificate(), certificate(), certificate());
        for (name, text) in [(CERTIFICATE, &*format!("{leaf}{former}")), (KEY, &key), (CLIENT_CA, &former)] {
            write(name, text);
        }
        let (certificates, mut renewal) = load(directory.path());
        let present = || certificates.present.borrow().clone().unwrap();
        for name in [CERTIFICATE, CLIENT_CA] {
            let before = present();
            for text in [&leaf, &format!("{leaf}{next}")] {
                write(name, text);
                renewal.compare();
                assert!(Arc::ptr_eq(&present(), &before), "{name} was used as soon as it was found");
            }
            renewal.compare();
            assert!(!Arc::ptr_eq(&present(), &before), "{name} was never used");
            assert_eq!(certificates.problem(), None);
        }
    }
}
