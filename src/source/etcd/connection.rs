//! Connections to a cluster, one to each member.
//!
//! No balancer chooses among them: to one that counts requests under way, a member that refuses them at once looks idle.
//! Whoever talks to a member stays there until it fails, and goes to the next one then.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use etcd_client::{Certificate, Client, ConnectOptions, Identity, TlsOptions};

use crate::source::etcd::EtcdError;

/// `policy.etcd`
#[derive(Debug, Clone)]
pub struct EtcdSettings {
    /// URLs of the members.
    pub endpoints: Vec<String>,
    /// Of every key.
    pub prefix: String,
    /// `policy.cache`: where the last good policy is kept for a restart without the cluster.
    pub cache: Option<PathBuf>,
    /// Who we are, and the file of the password that proves it.
    pub user: Option<(String, PathBuf)>,
    /// How we know the members, and they us.
    pub tls: Option<EtcdTls>,
}

/// `policy.etcd.tls`
#[derive(Debug, Clone)]
pub struct EtcdTls {
    /// PEM file of the authorities.
    pub ca: PathBuf,
    /// PEM files of our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A member that does not answer within this time is not asked any more.
const TIMEOUT: Duration = Duration::from_secs(3);
/// A connection on which nothing comes back is given up after both together. No more often, for etcd closes
/// connections that ask more often than every five seconds.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(6), Duration::from_secs(3));

/// A client of one member, to which it must have a leader or may be cut off from the others. Files are read each time,
/// for they may have been replaced.
pub(in crate::source) async fn connect(
    settings: &EtcdSettings,
    endpoint: &str,
    with_leader: bool,
) -> Result<Client, EtcdError> {
    let read = |path: &PathBuf| fs::read(path).map_err(|error| EtcdError::File(path.clone(), error));
    let (interval, patience) = KEEP_ALIVE;
    let mut options = ConnectOptions::new()
        .with_connect_timeout(TIMEOUT)
        .with_timeout(TIMEOUT)
        .with_keep_alive(interval, patience)
        .with_keep_alive_while_idle(true)
        .with_auto_token_refresh(true)
        .with_require_leader(with_leader);
    if let Some((name, password)) = &settings.user {
        let password = String::from_utf8_lossy(&read(password)?).trim_end_matches(['\r', '\n']).to_owned();
        options = options.with_user(name, password);
    }
    if let Some(tls) = &settings.tls {
        let mut known = TlsOptions::new().ca_certificate(Certificate::from_pem(read(&tls.ca)?));
        if let Some((certificate, key)) = &tls.identity {
            known = known.identity(Identity::from_pem(read(certificate)?, read(key)?));
        }
        options = options.with_tls(known);
    }
    Ok(Client::connect([endpoint], Some(options)).await?)
}
