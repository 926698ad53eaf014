//! What a check costs a request: the same Envoy with nothing in the way, with tenantgate, and with what else people put
//! there, taking turns in one run. `../../../README.md` has the method.

pub(crate) mod adapter;
mod admitted;
mod bootstrap;
mod cerbos;
mod http1;
mod kind;
mod load;
mod opa;
mod plot;
mod proxy;
mod report;
mod rules;
mod service;
mod upstream;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use self::kind::Kind;
use self::load::Road;
use self::proxy::Proxy;
use self::service::Service;
use self::upstream::Upstream;
use crate::load::{Round, Span};
use crate::scene::Scene;
use crate::table::Table;
use crate::{GENERATOR_CORE, SERVERS_CORE, machine};

pub(crate) use self::report::Report;

/// Partners in everyone's rules.
pub(crate) const PARTNERS: u32 = 1000;
/// Of every token here.
pub(crate) const ISSUER: &str = "https://login.microsoftonline.com/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0";

/// How much is measured.
pub(crate) struct Plan {
    peaks: usize,
    peak: Span,
    steadies: usize,
    steady: Span,
    /// Where the plot is drawn, from here.
    plot: &'static str,
}

impl Plan {
    /// Some three minutes.
    pub(crate) const FULL: Self = Self {
        peaks: 3,
        peak: Span { before: Duration::from_millis(300), measured: Duration::from_millis(1500) },
        steadies: 7,
        steady: Span { before: Duration::from_millis(300), measured: Duration::from_millis(2500) },
        plot: "../envoy.svg",
    };
    /// To see that it works; its plot is no document.
    pub(crate) const QUICK: Self = Self {
        peaks: 1,
        peak: Span { before: Duration::from_millis(100), measured: Duration::from_millis(300) },
        steadies: 1,
        steady: Span { before: Duration::from_millis(100), measured: Duration::from_millis(500) },
        plot: "../../target/envoy.svg",
    };

    /// Sets everything up, and measures it in turn.
    pub(crate) fn carry_out(&self) -> anyhow::Result<Report> {
        let mut stage = Stage::set()?;
        stage.each(|road, upstream| road.verify(upstream).context("before anything is measured"))?;
        let peaks = stage.rounds(self.peaks, |road, upstream| road.peak(upstream, self.peak))?;
        let rate = report::lowest_peak(&peaks) / 2.0;
        let steadies =
            stage.rounds(self.steadies, |road, upstream| road.steady(upstream, rate, self.steady))?;
        let kinds: Vec<_> = stage.ways.iter().map(|(service, _)| service.kind).collect();
        let report = Report::of(&stage.proxy.version()?, &kinds, &peaks, rate, &steadies);
        report.draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join(self.plot))?;
        Ok(report)
    }
}

/// Everything that runs, with a way through Envoy for each service.
struct Stage {
    scene: Scene,
    proxy: Proxy,
    upstream: Upstream,
    ways: Vec<(Service, SocketAddr)>,
}

impl Stage {
    fn set() -> anyhow::Result<Self> {
        let scene = Scene::sized(PARTNERS)?;
        let table = Table::of(&scene.policy()?)?;
        let mut services = Vec::new();
        for kind in Kind::ALL {
            let service = Service::start(kind, &scene, &table);
            services.extend(service.with_context(|| format!("{} does not start", kind.title()))?);
        }
        let upstream = Upstream::open()?;
        let bootstrap = bootstrap::bootstrap(&services, upstream.address, &scene.keys()?, &table)?;
        let proxy = Proxy::start(&bootstrap, scene.directory(), SERVERS_CORE)?;
        machine::pin(GENERATOR_CORE)?;
        let ways = services.into_iter().map(|service| {
            service.pause()?;
            let entry = proxy.entry(service.kind)?;
            anyhow::Ok((service, entry))
        });
        Ok(Self { ways: ways.collect::<Result<_, _>>()?, scene, proxy, upstream })
    }

    /// Each kind so often, one after the other.
    fn rounds(
        &mut self,
        count: usize,
        measure: impl Fn(&Road<'_>, &mut Upstream) -> anyhow::Result<Round>,
    ) -> anyhow::Result<Vec<Vec<Round>>> {
        (0..count).map(|_| self.each(&measure)).collect()
    }

    /// Each kind in turn, while what the others need stands still.
    fn each<T>(
        &mut self,
        measure: impl Fn(&Road<'_>, &mut Upstream) -> anyhow::Result<T>,
    ) -> anyhow::Result<Vec<T>> {
        let Self { scene, proxy, upstream, ways } = self;
        let each = ways.iter().map(|(service, entry)| {
            let road = Road {
                kind: service.kind,
                entry: *entry,
                envoy: &proxy.process,
                service: &service.processes,
                requests: &scene.requests,
            };
            service.resume()?;
            let measured = measure(&road, upstream);
            service.pause()?;
            measured.with_context(|| format!("{} failed", service.kind.title()))
        });
        each.collect()
    }
}

/// How Entra names the tenant that a guest comes from.
fn home_idp(tenant: &str) -> String {
    format!("https://sts.windows.net/{tenant}/")
}

/// A configured extension of Envoy's.
fn typed((name, url): (&str, &str), config: &Value) -> Value {
    let mut config = config.clone();
    if let Value::Object(members) = &mut config {
        members.insert("@type".to_owned(), url.into());
    }
    json!({"name": name, "typed_config": config})
}

/// Where things are installed.
fn target(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(path)
}
