//! Three times what the service can do. It has half a core by a quota, so that whoever asks is not the limit; and a whole
//! one where that is kept from asking.
//!
//! Whoever asks does as Envoy does: a call is begun at once, where there is a stream for it; its message follows as far
//! as the service's window has room; and a check that was not answered in time is given up. Without a limit of its own,
//! and with Envoy's circuit breaker, `max_requests`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;

use crate::connection::Connection;
use crate::load::{self, Round, Span};
use crate::request::{Code, Request};
use crate::scene::Scene;
use crate::server::{Role, Server};
use crate::{GENERATOR_CORE, SERVERS_CORE, machine, sink, verify};

/// Of every period, in microseconds.
const QUOTA: u32 = 5_000;
const PERIOD: u32 = 10_000;
const SPAN: Span = Span { before: Duration::from_millis(500), measured: Duration::from_secs(4) };
/// Envoy's own for a check, as nobody changes it.
const PATIENCE: Duration = Duration::from_millis(200);
/// Envoys, or workers of Envoys.
const CONNECTIONS: [usize; 5] = [4, 16, 64, 256, 1000];
/// Checks that wait at once, of all connections, where a circuit breaker says so: Envoy's own, and one that holds what is
/// decided within a millisecond.
const MAX_REQUESTS: usize = 1024;
const FEW_REQUESTS: usize = 64;
/// Descriptors of a service that nobody asks.
const FEW: usize = 64;
/// Of the peak, asked for.
const TIMES: f64 = 3.0;
/// Of the peak, to be decided all the same.
const GOAL: f64 = 0.9;
/// Checks that wait at once at the peak, or one for each connection.
const AT_ONCE: usize = 64;

/// What came of it.
pub(crate) struct Overload {
    /// A thousand a second, by a service that has no place for any check.
    refused: Round,
    costs: Costs,
    /// With a whole core, and with a quota.
    whole: Vec<Flood>,
    half: Vec<Flood>,
}

/// CPU time a check, where as many come as can be answered.
struct Costs {
    decided: Duration,
    refused: Duration,
    /// Its bytes taken in and an answer's said, and nothing else ([`sink`]).
    least: Duration,
}

/// At three times the peak.
struct Flood {
    connections: usize,
    /// In a closed loop.
    peak: Round,
    /// In an open loop, at half of the peak.
    half: Round,
    /// With each limit.
    came: Vec<(usize, Came)>,
}

/// What came of it.
struct Came {
    asked: u32,
    /// Never sent.
    kept_back: u32,
    given_up: u32,
    refused: u32,
    /// Without an answer.
    reset: u32,
    wrong: u32,
    decided: u32,
    elapsed: Duration,
    /// Of those that were decided, from when they were to be sent, in nanoseconds.
    latency: Histogram<u64>,
    /// In bytes.
    memory: u64,
}

impl Overload {
    /// Measures.
    pub(crate) fn take() -> anyhow::Result<Self> {
        let scene = Scene::set()?;
        let (refused, of_refused) = refusals(&scene)?;
        let server = Server::start(Role::Tenantgate, &scene.config(), SERVERS_CORE)?;
        machine::pin(GENERATOR_CORE)?;
        verify::answers(&server, &scene.requests)?;
        let check = scene.requests.first().context("no check")?.message.len();
        let decided = cost(&load::peak(&server, &scene.requests, SPAN)?);
        let costs = Costs { decided, refused: of_refused, least: sink::cost(check, SPAN)? };
        let floods = |limits: &[usize]| {
            let flood = |connections| Flood::of(&server, &scene.requests, connections, limits);
            CONNECTIONS.into_iter().map(flood).collect::<anyhow::Result<_>>()
        };
        let whole = floods(&[FEW_REQUESTS])?;
        let _quota = Quota::on(&server)?;
        let half = floods(&[FEW_REQUESTS, MAX_REQUESTS, usize::MAX])?;
        Ok(Self { refused, costs, whole, half })
    }

    /// Fails where somebody was told what policy did not say.
    pub(crate) fn hold(&self) -> anyhow::Result<()> {
        let mut came = self.whole.iter().chain(&self.half).flat_map(|flood| &flood.came);
        ensure!(came.all(|(_, came)| came.wrong == 0), "some answers were wrong");
        Ok(())
    }
}

/// Waits until it has forgotten the connections that there were: beside them it might have no place for others.
fn until_idle(server: &Server) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        thread::sleep(Duration::from_secs(1));
        if server.count("fd")? < FEW {
            return Ok(());
        }
        ensure!(Instant::now() < until, "the service does not let go of connections that have ended");
    }
}

/// How soon a check is refused, a thousand times a second, and what that costs where nothing else is done.
fn refusals(scene: &Scene) -> anyhow::Result<(Round, Duration)> {
    let server = Server::start(Role::Tenantgate, &scene.config_without_room()?, SERVERS_CORE)?;
    machine::pin(GENERATOR_CORE)?;
    let round = load::steady(&server, &scene.requests, 1000.0, SPAN)?;
    let many = load::peak(&server, &scene.requests, SPAN)?;
    for round in [&round, &many] {
        ensure!(round.wrong == round.answered, "a check was decided where there is no room");
    }
    Ok((round, cost(&many)))
}

fn cost(round: &Round) -> Duration {
    round.cpu.iter().sum::<Duration>().div_f64(f64::from(round.answered))
}

fn rate(round: &Round) -> f64 {
    f64::from(round.answered) / round.elapsed.as_secs_f64()
}

impl Flood {
    fn of(
        server: &Server,
        requests: &[Request],
        connections: usize,
        limits: &[usize],
    ) -> anyhow::Result<Self> {
        let all = || {
            until_idle(server)?;
            anyhow::Ok(load::many(server, connections)?)
        };
        let peak = load::peak_of(all()?, AT_ONCE.div_ceil(connections), server, requests, SPAN)?;
        let half = load::steady_of(all()?, server, requests, rate(&peak) / 2.0, SPAN)?;
        let came = |limit: &usize| {
            anyhow::Ok((*limit, Came::of(all()?, *limit, server, requests, TIMES * rate(&peak))?))
        };
        let came = limits.iter().map(came).collect::<anyhow::Result<_>>()?;
        Ok(Self { connections, peak, half, came })
    }
}

impl Came {
    fn of(
        mut asking: Vec<Connection>,
        most: usize,
        server: &Server,
        requests: &[Request],
        rate: f64,
    ) -> anyhow::Result<Self> {
        machine::peak_memory(server.process.pid())?;
        let mut turns = (0..asking.len()).cycle().zip(requests.iter().cycle());
        let interval = Duration::from_secs_f64(rate.recip());
        let mut due = Instant::now();
        let from = due + SPAN.before;
        let until = from + SPAN.measured;
        let mut came = Self::none()?;
        let (mut is_counted, mut waiting) = (false, 0);
        loop {
            let now = Instant::now();
            if now >= until {
                break;
            }
            if now >= from && !is_counted {
                (came, is_counted) = (Self::none()?, true);
            }
            while due <= now {
                let (turn, request) = turns.next().context("it goes round")?;
                let connection = asking.get_mut(turn).context("one of them")?;
                came.asked += 1;
                if waiting < most && connection.ask(request, request.expected, due) {
                    waiting += 1;
                } else {
                    came.kept_back += 1;
                }
                due += interval;
            }
            waiting = 0;
            for connection in &mut asking {
                came.given_up += connection.give_up(now.checked_sub(PATIENCE).context("the clock is young")?);
                connection.send()?;
                connection.receive(|answer| match answer.code {
                    _ if answer.right => {
                        came.decided += 1;
                        let taken = u64::try_from(answer.due.elapsed().as_nanos()).unwrap_or(u64::MAX);
                        came.latency.saturating_record(taken);
                    }
                    Some(Code::UNAVAILABLE) => came.refused += 1,
                    None => came.reset += 1,
                    _ => came.wrong += 1,
                })?;
                waiting += connection.waiting();
            }
        }
        came.elapsed = from.elapsed();
        came.memory = machine::peak_memory(server.process.pid())?;
        Ok(came)
    }

    fn none() -> anyhow::Result<Self> {
        Ok(Self {
            asked: 0,
            kept_back: 0,
            given_up: 0,
            refused: 0,
            reset: 0,
            wrong: 0,
            decided: 0,
            elapsed: Duration::ZERO,
            latency: Histogram::new_with_max(60_000_000_000, 3)?,
            memory: 0,
        })
    }
}

/// A control group (cgroup-v1, `cpu`: sched-bwc.rst) that a process is put into; it goes when it is dropped.
struct Quota(PathBuf);

impl Quota {
    fn on(server: &Server) -> anyhow::Result<Self> {
        let group = Path::new("/sys/fs/cgroup/cpu/tenantgate-overload");
        fs::create_dir_all(group)
            .context("this needs root, and version 1 of cgroups at /sys/fs/cgroup/cpu")?;
        let quota = Self(group.to_owned());
        for (file, value) in [
            ("cpu.cfs_period_us", PERIOD),
            ("cpu.cfs_quota_us", QUOTA),
            ("cgroup.procs", server.process.pid().as_raw_nonzero().get().unsigned_abs()),
        ] {
            fs::write(group.join(file), value.to_string()).with_context(|| format!("{file} is not taken"))?;
        }
        ensure!(fs::read_to_string(group.join("cgroup.procs"))?.trim() != "", "the service has no quota");
        Ok(quota)
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // Its processes go to the group above.
        let parent = self.0.with_file_name("cgroup.procs");
        for process in fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default().lines() {
            drop(fs::write(&parent, process));
        }
        drop(fs::remove_dir(&self.0));
    }
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decided, refused, least } = self;
        let share = |cost: &Duration| cost.div_duration_f64(*decided);
        write!(
            f,
            "CPU a check: decided {decided:.2?}; refused {refused:.2?}, {:.3} of that; taken in and an answer said, by whomever, \
             {least:.2?}, {:.3} of that. That nine tenths of the peak are decided while three times the peak is \
             answered, a refusal may cost {:.3} of that",
            share(refused),
            share(least),
            (1.0 - GOAL) / (TIMES - GOAL),
        )
    }
}

impl fmt::Display for Overload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { refused, costs, whole, half } = self;
        writeln!(
            f,
            "refused for want of room: p50 {:.0} µs, p99 {:.0} µs\n",
            1000.0 * milliseconds(&refused.latency, 0.5),
            1000.0 * milliseconds(&refused.latency, 0.99)
        )?;
        writeln!(f, "{costs}\n")?;
        writeln!(
            f,
            "| cores | connections | breaker | peak, 1/s | p99 at half, ms | asked, 1/s | decided in time, of the peak | of those p50, ms | p99, ms | refused, % | reset, % | not begun, % | given up, % | memory, MiB |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")?;
        let floods = whole.iter().map(|flood| ("1", flood)).chain(half.iter().map(|flood| ("½", flood)));
        for (cores, flood) in floods {
            for (limit, came) in &flood.came {
                let limit = if *limit == usize::MAX { "none".to_owned() } else { limit.to_string() };
                writeln!(f, "| {cores} | {} | {limit} | {}", flood.connections, flood.row(came))?;
            }
        }
        Ok(())
    }
}

impl Flood {
    fn row(&self, came: &Came) -> String {
        let Self { peak, half, .. } = self;
        let a_second = |count| f64::from(count) / came.elapsed.as_secs_f64();
        let share = |count: u32| 100.0 * f64::from(count) / f64::from(came.asked.max(1));
        format!(
            "{:.0} | {:.2} | {:.0} | {:.2} | {:.2} | {:.2} | {:.1} | {:.1} | {:.1} | {:.1} | {} |",
            rate(peak),
            milliseconds(&half.latency, 0.99),
            a_second(came.asked),
            a_second(came.decided) / rate(peak),
            milliseconds(&came.latency, 0.5),
            milliseconds(&came.latency, 0.99),
            share(came.refused),
            share(came.reset),
            share(came.kept_back),
            share(came.given_up),
            came.memory >> 20,
        )
    }
}

fn milliseconds(latency: &Histogram<u64>, quantile: f64) -> f64 {
    Duration::from_nanos(latency.value_at_quantile(quantile)).as_secs_f64() * 1000.0
}
