//! The load on Envoy: as `crate::load`'s, a closed loop and an open one that spin, and serve the upstream in between.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::connection::Answer;
use crate::envoy::http1::Connection;
use crate::envoy::kind::Kind;
use crate::envoy::upstream::Upstream;
use crate::load::{Meter, Round, Span};
use crate::process::Process;
use crate::request::Request;

/// Clients that keep Envoy busy, in the closed loop.
pub(crate) const CLIENTS: usize = 16;
/// Clients that the open loop can have waiting.
const PATIENT_CLIENTS: usize = 128;
/// What is under way at the end of a round has so long to be answered.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// A way through Envoy, and everything that is measured on it.
pub(crate) struct Road<'a> {
    pub(crate) kind: Kind,
    /// Where Envoy listens for it.
    pub(crate) entry: SocketAddr,
    pub(crate) envoy: &'a Process,
    pub(crate) service: &'a [Process],
    pub(crate) requests: &'a [Request],
}

impl Road<'_> {
    /// Every request once; each must be answered as it should be.
    pub(crate) fn verify(&self, upstream: &mut Upstream) -> anyhow::Result<()> {
        let mut traffic = Traffic::open(self, CLIENTS, upstream)?;
        let mut wrong = 0;
        for request in self.requests {
            while !traffic.offer(request, Instant::now())? {
                traffic.turn(|answer| wrong += u32::from(!answer.right))?;
            }
        }
        traffic.finish(|answer| wrong += u32::from(!answer.right))?;
        ensure!(wrong == 0, "{wrong} of {} answers were wrong", self.requests.len());
        Ok(())
    }

    /// As many requests as are answered.
    pub(crate) fn peak(&self, upstream: &mut Upstream, span: Span) -> anyhow::Result<Round> {
        let mut traffic = Traffic::open(self, CLIENTS, upstream)?;
        let mut next = self.requests.iter().cycle();
        let mut meter = self.meter(span)?;
        while let Some(now) = meter.now()? {
            while traffic.has_room()
                && let Some(request) = next.next()
            {
                traffic.offer(request, now)?;
            }
            traffic.turn(|answer| meter.count(answer))?;
        }
        let round = meter.finish()?;
        traffic.finish(drop)?;
        Ok(round)
    }

    /// So many requests per second. One that could not be sent in time counts from when it should have been.
    pub(crate) fn steady(&self, upstream: &mut Upstream, rate: f64, span: Span) -> anyhow::Result<Round> {
        let mut traffic = Traffic::open(self, PATIENT_CLIENTS, upstream)?;
        let mut next = self.requests.iter().cycle().peekable();
        let interval = Duration::from_secs_f64(rate.recip());
        let mut due = Instant::now();
        let mut meter = self.meter(span)?;
        while let Some(now) = meter.now()? {
            while due <= now
                && let Some(request) = next.peek()
                && traffic.offer(request, due)?
            {
                next.next();
                due += interval;
            }
            traffic.turn(|answer| meter.count(answer))?;
        }
        let round = meter.finish()?;
        traffic.finish(drop)?;
        Ok(round)
    }

    /// Envoy first, then what it asks.
    fn meter(&self, span: Span) -> anyhow::Result<Meter<'_>> {
        Meter::start(std::iter::once(self.envoy).chain(self.service).collect(), span)
    }
}

/// Clients and upstream of one round.
struct Traffic<'a> {
    kind: Kind,
    clients: Vec<Connection>,
    upstream: &'a mut Upstream,
    reached_before: u64,
}

impl<'a> Traffic<'a> {
    fn open(road: &Road<'_>, clients: usize, upstream: &'a mut Upstream) -> anyhow::Result<Self> {
        let clients = (0..clients).map(|_| Connection::open(road.entry)).collect::<Result<_, _>>()?;
        Ok(Self { kind: road.kind, clients, reached_before: upstream.reached, upstream })
    }

    fn has_room(&self) -> bool {
        self.clients.iter().any(Connection::is_free)
    }

    /// Sends a request if a client is free.
    fn offer(&mut self, request: &Request, due: Instant) -> anyhow::Result<bool> {
        let Some(client) = self.clients.iter_mut().find(|client| client.is_free()) else { return Ok(false) };
        client.ask(&request.http1, self.kind.expects(request), due)?;
        Ok(true)
    }

    /// Looks once at everyone who waits.
    fn turn(&mut self, mut answered: impl FnMut(Answer)) -> anyhow::Result<()> {
        self.upstream.serve()?;
        for client in &mut self.clients {
            if let Some(answer) = client.receive()? {
                answered(answer);
            }
        }
        Ok(())
    }

    /// Waits for what is under way. What reached the upstream must be what was let by, and nothing else.
    fn finish(mut self, mut answered: impl FnMut(Answer)) -> anyhow::Result<()> {
        let until = Instant::now() + LAST_ANSWERS;
        while self.clients.iter().any(|client| !client.is_free()) {
            ensure!(Instant::now() < until, "some requests are not answered");
            self.turn(&mut answered)?;
        }
        let let_by: u64 = self.clients.iter().map(|client| client.let_by).sum();
        let reached = self.upstream.reached - self.reached_before;
        ensure!(let_by == reached, "{reached} requests reached the upstream, {let_by} were let by");
        Ok(())
    }
}
