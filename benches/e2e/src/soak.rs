//! Ten minutes of everything at once: warm callers, tokens that are refused, connections that come and go, a policy
//! that is replaced again and again. What the process takes must not grow. A gate, as the memory is.

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{anyhow, ensure};

use crate::fixtures::{bundle, guests_for_mfa};
use crate::load::{self, Span};
use crate::request::{Code, Request};
use crate::scene::{PARTNERS, Scene};
use crate::server::{Role, Server};
use crate::{GENERATOR_CORE, SERVERS_CORE, machine, verify};

/// Checks a second.
const RATE: f64 = 10_000.0;
/// Each begins with new connections and ends with a look at the process.
const SPELLS: usize = 60;
const SPELL: Span = Span { before: Duration::ZERO, measured: Duration::from_secs(10) };
/// Between two policies.
const REPLACED: Duration = Duration::from_secs(3);
/// More than the service remembers.
const FORGED: usize = 16_000;
/// Until here everything has been filled that may be.
const FILLED: usize = SPELLS / 3;
/// What the end may take more than the time before; the allocator's whims.
const TOLERANCE: f64 = 1.05;

/// What the process took after each spell.
pub(crate) struct Soak {
    checks: u32,
    wrong: u32,
    spells: Vec<Taken>,
}

struct Taken {
    resident: f64,
    files: usize,
    threads: usize,
}

impl Soak {
    /// Takes ten minutes.
    pub(crate) fn take() -> anyhow::Result<Self> {
        let scene = Scene::set()?;
        let server = Server::start(Role::Tenantgate, &scene.config(), SERVERS_CORE)?;
        machine::pin(GENERATOR_CORE)?;
        verify::answers(&server, &scene.requests)?;
        let requests = requests(&scene);
        let (end, ended) = channel::<()>();
        let scene = &scene;
        thread::scope(|scope| {
            let replacing = scope.spawn(move || replace(scene, &ended));
            let soak = Self::under(&server, &requests);
            drop(end);
            replacing.join().map_err(|_| anyhow!("nobody replaced the policy"))??;
            soak
        })
    }

    fn under(server: &Server, requests: &[Request]) -> anyhow::Result<Self> {
        let mut soak = Self { checks: 0, wrong: 0, spells: Vec::new() };
        for _ in 0..SPELLS {
            let round = load::steady(server, requests, RATE, SPELL)?;
            soak.checks += round.answered;
            soak.wrong += round.wrong;
            soak.spells.push(Taken::by(server)?);
        }
        Ok(soak)
    }

    /// Fails where it grew, or an answer was wrong.
    pub(crate) fn hold(&self) -> anyhow::Result<()> {
        ensure!(self.wrong == 0, "{} answers were wrong", self.wrong);
        let filled = most(self.spells.get(FILLED..FILLED * 2).unwrap_or_default());
        let end = most(self.spells.get(FILLED * 2..).unwrap_or_default());
        ensure!(
            end.resident <= filled.resident * TOLERANCE
                && end.files <= filled.files
                && end.threads <= filled.threads,
            "it grows: {filled} in the second third, {end} in the last"
        );
        Ok(())
    }
}

impl Taken {
    fn by(server: &Server) -> anyhow::Result<Self> {
        Ok(Self {
            resident: server.memory("VmRSS")?,
            files: server.count("fd")?,
            threads: server.count("task")?,
        })
    }
}

fn most(spells: &[Taken]) -> Taken {
    let none = Taken { resident: 0.0, files: 0, threads: 0 };
    spells.iter().fold(none, |most, taken| Taken {
        resident: most.resident.max(taken.resident),
        files: most.files.max(taken.files),
        threads: most.threads.max(taken.threads),
    })
}

/// Everyone who is known, and after each a token with somebody else's signature.
fn requests(scene: &Scene) -> Vec<Request> {
    let parts: Vec<_> = scene.requests.iter().filter_map(|request| request.token.rsplit_once('.')).collect();
    // At another distance each round, so that no forgery comes twice.
    let forged = (1..).flat_map(|apart| parts.iter().zip(parts.iter().cycle().skip(apart)));
    let forged = forged.map(|((signed, _), (_, signature))| {
        Request::new(&format!("{signed}.{signature}"), Code::UNAUTHENTICATED)
    });
    let known = scene.requests.iter().cycle().cloned();
    known.zip(forged).take(FORGED).flat_map(<[Request; 2]>::from).collect()
}

fn replace(scene: &Scene, ended: &Receiver<()>) -> anyhow::Result<()> {
    let policies = [PARTNERS, PARTNERS + 1].map(|partners| bundle(partners, &[guests_for_mfa()]));
    for policy in policies.iter().cycle() {
        match ended.recv_timeout(REPLACED) {
            Err(RecvTimeoutError::Timeout) => scene.replace_policy(policy)?,
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(())
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MiB, {} files, {} threads", self.resident, self.files, self.threads)
    }
}

impl fmt::Display for Soak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} checks, {} wrong answers; at most", self.checks, self.wrong)?;
        for (number, spells) in self.spells.chunks(6).enumerate() {
            writeln!(f, "  minute {:>2}  {}", number + 1, most(spells))?;
        }
        Ok(())
    }
}
