//! The load: a closed loop that keeps every stream busy, and an open loop that asks at a fixed rate whatever the
//! answers do. Both spin, for a generator that sleeps has to be woken by the server, at the server's cost.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::connection::{Answer, Connection};
use crate::process::Process;
use crate::request::Request;
use crate::server::Server;

/// Connections to a server; Envoy has one for each of its workers.
pub(crate) const CONNECTIONS: usize = 4;
/// Checks that wait at once on each connection, in the closed loop.
pub(crate) const STREAMS: usize = 16;

/// A minute, in nanoseconds: what takes longer counts as that.
const LONGEST: u64 = 60_000_000_000;

/// What a round showed.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) answered: u32,
    pub(crate) wrong: u32,
    pub(crate) elapsed: Duration,
    /// What each process that was measured spent on its core.
    pub(crate) cpu: Vec<Duration>,
    /// In nanoseconds.
    pub(crate) latency: Histogram<u64>,
}

/// How long a round takes: first without being measured, then with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) before: Duration,
    pub(crate) measured: Duration,
}

/// As many checks as the server can answer.
pub(crate) fn peak(server: &Server, requests: &[Request], span: Span) -> anyhow::Result<Round> {
    peak_of(connections(server)?, STREAMS, server, requests, span)
}

/// The same with `streams` at once on each of these connections.
pub(crate) fn peak_of(
    mut connections: Vec<Connection>,
    streams: usize,
    server: &Server,
    requests: &[Request],
    span: Span,
) -> anyhow::Result<Round> {
    let mut next = requests.iter().cycle();
    let mut meter = Meter::start(vec![&server.process], span)?;
    while let Some(now) = meter.now()? {
        for connection in &mut connections {
            connection.receive(|answer| meter.count(answer))?;
            let free = streams.saturating_sub(connection.waiting());
            for request in next.by_ref().take(free) {
                if !connection.ask(request, server.role.expects(request), now) {
                    break;
                }
            }
            connection.send()?;
        }
    }
    meter.finish()
}

/// So many checks per second. One that could not be sent in time counts from when it should have been.
pub(crate) fn steady(server: &Server, requests: &[Request], rate: f64, span: Span) -> anyhow::Result<Round> {
    steady_of(connections(server)?, server, requests, rate, span)
}

/// The same on these connections in turn.
pub(crate) fn steady_of(
    mut connections: Vec<Connection>,
    server: &Server,
    requests: &[Request],
    rate: f64,
    span: Span,
) -> anyhow::Result<Round> {
    let mut next = requests.iter().cycle().zip((0..connections.len()).cycle()).peekable();
    let interval = Duration::from_secs_f64(rate.recip());
    let mut due = Instant::now();
    let mut meter = Meter::start(vec![&server.process], span)?;
    while let Some(now) = meter.now()? {
        while due <= now
            && let Some((request, connection)) = next.peek()
            && let Some(connection) = connections.get_mut(*connection)
            && connection.ask(request, server.role.expects(request), due)
        {
            next.next();
            due += interval;
        }
        for connection in &mut connections {
            connection.send()?;
            connection.receive(|answer| meter.count(answer))?;
        }
    }
    meter.finish()
}

/// Those that a server is asked over.
pub(crate) fn connections(server: &Server) -> std::io::Result<Vec<Connection>> {
    many(server, CONNECTIONS)
}

/// So many.
pub(crate) fn many(server: &Server, count: usize) -> std::io::Result<Vec<Connection>> {
    (0..count).map(|_| Connection::open(server.address)).collect()
}

/// Counts what is answered between two points in time.
pub(crate) struct Meter<'p> {
    processes: Vec<&'p Process>,
    from: Instant,
    until: Instant,
    /// The processes' time on their cores when counting began.
    cpu: Option<Vec<Duration>>,
    round: Round,
}

impl<'p> Meter<'p> {
    /// Begins a round that tells the time that these processes took.
    pub(crate) fn start(processes: Vec<&'p Process>, span: Span) -> anyhow::Result<Self> {
        let from = Instant::now() + span.before;
        let round = Round {
            answered: 0,
            wrong: 0,
            elapsed: Duration::ZERO,
            cpu: Vec::new(),
            latency: Histogram::new_with_max(LONGEST, 3)?,
        };
        Ok(Self { processes, from, until: from + span.measured, cpu: None, round })
    }

    /// The time, until it is over.
    pub(crate) fn now(&mut self) -> anyhow::Result<Option<Instant>> {
        let now = Instant::now();
        if self.cpu.is_none() && now >= self.from {
            self.cpu = Some(self.cpu_times()?);
            self.from = Instant::now();
        }
        Ok(Some(now).filter(|now| *now < self.until))
    }

    /// One more, if they are counted already.
    pub(crate) fn count(&mut self, answer: Answer) {
        if self.cpu.is_some() {
            self.round.answered += 1;
            self.round.wrong += u32::from(!answer.right);
            self.round
                .latency
                .saturating_record(u64::try_from(answer.due.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// Ends the round.
    pub(crate) fn finish(mut self) -> anyhow::Result<Round> {
        self.round.elapsed = self.from.elapsed();
        let (before, after) = (self.cpu.take().unwrap_or_default(), self.cpu_times()?);
        let spent = after.iter().zip(before).map(|(after, before)| after.saturating_sub(before));
        self.round.cpu = spent.collect();
        Ok(self.round)
    }

    fn cpu_times(&self) -> anyhow::Result<Vec<Duration>> {
        self.processes.iter().map(|process| process.cpu_time()).collect()
    }
}
