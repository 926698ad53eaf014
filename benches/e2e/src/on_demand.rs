//! A million partners in a real etcd (Debian's `etcd-server`), a thousand of them active: what the real process takes,
//! how long a check waits whose partner is not at hand, and what a scan by unknown tenants does to the others.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tenantgate::source::{EtcdSettings, EtcdStore, Plan, Store as _, records_of};
use tenantgate::token::DevelopmentIssuer;
use tokio::runtime::{self, Runtime};

use crate::cluster::{Cluster, free_port};
use crate::fixtures::{Caller, claims};
use crate::memory::sparse;
use crate::request::{Code, Request};
use crate::scene;
use crate::server::{Role, Server};
use crate::{GENERATOR_CORE, SERVERS_CORE, machine};

const PARTNERS: u32 = 1_000_000;
const ACTIVE: u32 = 1000;
/// Callers from tenants that nobody has heard of.
const UNKNOWN: u32 = 20_000;
/// What is allowed, in MiB.
const WITH_ACTIVE: f64 = 40.0;

/// How checks went, one after the other.
#[derive(Debug)]
struct Pass {
    latency: Histogram<u64>,
    hits: f64,
    misses: f64,
    /// Reads that the store answered.
    reads: f64,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct OnDemand {
    written: Duration,
    started: Duration,
    cold: Pass,
    warm: Pass,
    resident: f64,
    scan: Pass,
    after: Pass,
    resident_after: f64,
}

impl OnDemand {
    /// Writes the policy, and asks.
    pub(crate) fn take() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        // Without its disk, which is not what is measured.
        let etcd = runtime.block_on(Cluster::start(1));
        let begun = Instant::now();
        write(etcd.endpoints(), &sparse(PARTNERS))?;
        let written = begun.elapsed();
        let issuer = DevelopmentIssuer::keygen(directory.path())?;
        let admin = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut config = scene::config(&json!({"source": "etcd", "etcd": {"endpoints": etcd.endpoints()}}));
        if let Value::Object(members) = &mut config {
            members.insert("listen".to_owned(), json!({"check": "127.0.0.1:0", "admin": admin}));
            // What is measured is how long it takes, and nobody is refused for it.
            members.insert("partners".to_owned(), json!({"load_timeout": "2s"}));
        }
        std::fs::write(directory.path().join("config.json"), config.to_string())?;
        let begun = Instant::now();
        let server = Server::start(Role::Tenantgate, &directory.path().join("config.json"), SERVERS_CORE)?;
        let started = begun.elapsed();
        machine::pin(GENERATOR_CORE)?;
        let asked = |numbers: &mut dyn Iterator<Item = u32>| {
            let request = |number| {
                let token = issuer.mint(
                    &claims(Caller::Guest(number)).to_string(),
                    tenantgate::telemetry::unix_now(),
                    3600,
                )?;
                anyhow::Ok(Request::new(&token, Code::OK))
            };
            numbers.map(request).collect::<anyhow::Result<Vec<_>>>()
        };
        let active = asked(&mut (0..ACTIVE).map(|number| number * (PARTNERS / ACTIVE)))?;
        let unknown = asked(&mut (PARTNERS..PARTNERS + UNKNOWN))?;
        let pass = |requests: &[Request]| Pass::of(&runtime, &server, [admin, etcd.address(0)], requests);
        let (cold, warm) = (pass(&active)?, pass(&active)?);
        let resident = server.memory("VmRSS")?;
        let (scan, after) = (pass(&unknown)?, pass(&active)?);
        let resident_after = server.memory("VmRSS")?;
        Ok(Self { written, started, cold, warm, resident, scan, after, resident_after })
    }

    /// Fails where it is too much.
    pub(crate) fn hold(&self) -> anyhow::Result<()> {
        let Self { resident, warm, after, .. } = self;
        ensure!(*resident <= WITH_ACTIVE, "{resident:.1} MiB; {WITH_ACTIVE} are allowed");
        for pass in [warm, after] {
            ensure!(pass.misses == 0.0, "{} partners had to be fetched again", pass.misses);
        }
        Ok(())
    }
}

impl Pass {
    /// `admin` tells the service's metrics, `etcd` the store's.
    fn of(
        runtime: &Runtime,
        server: &Server,
        [admin, etcd]: [SocketAddr; 2],
        requests: &[Request],
    ) -> anyhow::Result<Self> {
        let count = || -> anyhow::Result<_> {
            Ok((
                scraped(admin, "tenantgate_partner_cache_hits ")?,
                scraped(admin, "tenantgate_partner_cache_misses ")?,
                scraped(etcd, "etcd_debugging_mvcc_range_total ")?,
            ))
        };
        let before = count()?;
        let mut latency = Histogram::new(3)?;
        runtime.block_on(async {
            let mut client = AuthorizationClient::connect(format!("http://{}", server.address)).await?;
            for request in requests {
                let check = request.check.clone();
                let begun = Instant::now();
                let answer = client.check(check).await?.into_inner();
                latency.record(u64::try_from(begun.elapsed().as_nanos())?)?;
                let code = answer.status.as_ref().context("no status")?.code;
                ensure!(code == i32::from(request.expected.0), "{answer:?}");
            }
            Ok(())
        })?;
        let after = count()?;
        Ok(Self { latency, hits: after.0 - before.0, misses: after.1 - before.1, reads: after.2 - before.2 })
    }
}

impl fmt::Display for OnDemand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { written, started, cold, warm, resident, scan, after, resident_after } = self;
        writeln!(f, "{PARTNERS} partners written in {:.1} s", written.as_secs_f64())?;
        writeln!(f, "listening after {:.0} ms", started.as_secs_f64() * 1e3)?;
        writeln!(f, "{resident:.1} MiB with {ACTIVE} of them active, {resident_after:.1} after the scan\n")?;
        writeln!(f, "one check after the other        hits  misses  store's reads  p50, µs  p99, µs")?;
        for (name, pass) in
            [("active, first", cold), ("active, again", warm), ("a scan", scan), ("active, after it", after)]
        {
            let Pass { latency, hits, misses, reads } = pass;
            let [p50, p99] = [50.0, 99.0].map(|at| Duration::from_nanos(latency.value_at_percentile(at)));
            writeln!(
                f,
                "{name:<28}{hits:>9}{misses:>8}{reads:>15}{:>9}{:>9}",
                p50.as_micros(),
                p99.as_micros()
            )?;
        }
        Ok(())
    }
}

fn write(endpoints: Vec<String>, policy: &str) -> anyhow::Result<()> {
    let prefix = "/tenantgate".to_owned();
    let mut store = EtcdStore::new(EtcdSettings { endpoints, prefix, cache: None, user: None, tls: None })?;
    let plan = Plan::of(&mut store, records_of(&[policy.as_bytes().to_vec()])?, "bench")?;
    store.apply(&plan.change, plan.on, &mut |_| {})?;
    Ok(())
}

/// The sum of a metric.
fn scraped(address: SocketAddr, name: &str) -> anyhow::Result<f64> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let samples = text.lines().filter_map(|line| line.strip_prefix(name));
    Ok(samples.filter_map(|value| value.trim().parse::<f64>().ok()).sum())
}
