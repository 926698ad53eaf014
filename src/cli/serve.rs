//! `tenantgate serve`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::App;
use crate::cli::{output, settings};
use crate::config::{Config, Environment};
use crate::policy::Level;
use crate::port::{self, Address, Handed};
use crate::source::{KeyOrigin, Loaded, PolicyOrigin, Principals};
use crate::store::cell;
use crate::telemetry;
use crate::token::KeySet;

#[derive(Debug, Args)]
#[command(after_long_help = AROUND)]
pub(in crate::cli) struct Serve {
    /// The configuration, YAML or JSON
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check configuration, bundle and keys, and start nothing
    #[arg(long)]
    validate: bool,
}

/// What it has to do with whoever starts and stops it.
const AROUND: &str = "\
Under systemd or the like:
  LISTEN_FDS     sockets that were opened before; each must be listen.check or listen.admin to the letter
  NOTIFY_SOCKET  is told READY=1 when the ports are open, a STATUS of whether checks can be decided by then,
                 and STOPPING=1
  SIGTERM        (or SIGINT) ends in order. Of a port that is not shared health says NOT_SERVING, and it stays open
                 until whoever asks for health knows, for 3 s or a third of limits.drain at most. Then the port is
                 closed, and what has begun has limits.drain to end; what has not by then is answered `overloaded`.
                 After limits.drain and 5 s nothing runs any more.
  RLIMIT_NOFILE  is raised to the hard limit: each connection takes a file descriptor

Without listen.reuse_port a second process on the same ports is an error. With it, a second one opens the check port
when it is ready, or when nobody else serves there.";

impl Serve {
    pub(in crate::cli) fn run(self, environment: &Environment) -> anyhow::Result<ExitCode> {
        let (config, file) = match &self.config {
            Some(path) => settings::load(path, environment).map(|(config, file)| (config, Some(file)))?,
            None => (settings::example(environment)?, None),
        };
        if self.validate {
            return validate(&config);
        }
        // Before there are threads: it is told through the environment.
        let handed = Handed::from_environment()?;
        telemetry::start(config.telemetry.log, output::colour(true));
        port::use_all_descriptors();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            // Who else has something to say is looked for so often, whatever one connection has.
            .event_interval(16)
            .build()?;
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut app = App::start_on(&config, file, handed).await?;
            tracing::info!(check = %app.check, admin = %app.admin, "listening");
            let status = if app.is_ready() { "ready" } else { "answering, not ready" };
            tell_systemd(&[NotifyState::Ready, NotifyState::Status(status)]);
            if self.config.is_none() {
                introduce(&app);
            }
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = app.failed() => anyhow::bail!("the check port failed; nothing is checked any more"),
            }
            tracing::info!("stopping");
            tell_systemd(&[NotifyState::Stopping]);
            app.stop().await;
            anyhow::Ok(())
        })?;
        // Whatever still runs is not worth waiting for.
        runtime.shutdown_background();
        Ok(ExitCode::SUCCESS)
    }
}

/// Where nobody asked to be told, nobody is.
fn tell_systemd(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("cannot tell systemd: {error}");
    }
}

/// Reads every file that a start would read, and asks nobody.
fn validate(config: &Config) -> anyhow::Result<ExitCode> {
    let composed = config.compose()?;
    let policy = match &composed.policy {
        PolicyOrigin::Watched(policy) => Some(policy.load(&composed.policy_options)?),
        PolicyOrigin::Etcd(..) => None,
    };
    for finding in policy.iter().flat_map(|policy| &policy.compiled.findings) {
        output::note(&format!("policy: {finding}"));
    }
    composed.keys_config.fetch.validate()?;
    if let Some(path) = composed.principals {
        Principals::load(path, cell().0)?;
    }
    for source in composed.keys {
        let KeyOrigin::File(path) = &source.origin else { continue };
        let keys =
            std::fs::read(path).with_context(|| format!("cannot read the keys `{}`", path.display()))?;
        KeySet::unknown(source.issuer.clone())
            .replaced(&source.issuer, &keys, 0)
            .with_context(|| format!("the keys in `{}` cannot be used", path.display()))?;
    }
    for tls in [&composed.check.tls, &composed.admin.tls].into_iter().flatten() {
        tls.load()?;
    }
    let Some(Loaded { revision, compiled }) = policy else {
        output::line("valid; the policy is in etcd, which was not asked: see /readyz of a running service");
        return Ok(ExitCode::SUCCESS);
    };
    let errors = compiled.findings.of(Level::Error).count();
    anyhow::ensure!(errors == 0, "the policy has {errors} error(s) and would be refused");
    output::line(&format!("valid; policy revision {revision}"));
    Ok(ExitCode::SUCCESS)
}

/// What somebody who just started it for the first time wants to know.
fn introduce(app: &App) {
    let check = match &app.check {
        Address::Tcp(address) => address.to_string(),
        Address::Unix(path) => path.display().to_string(),
    };
    let (tenant, partner) = (settings::EXAMPLE_TENANT, settings::EXAMPLE_PARTNER);
    output::note(&format!(
        "\
No --config: an example policy (Contoso, which protects api://orders, and Fabrikam, its partner) and a
development issuer, for this machine alone. Envoy's checks: {check}   admin: http://{admin}

Mint a token, here for a guest from Fabrikam:
  tenantgate token mint --claims '{{\"tid\":\"{tenant}\",\"idp\":\"https://sts.windows.net/{partner}/\",\"aud\":\"api://orders\",\"oid\":\"0a3e6c1e-0d5f-4b54-9c5c-7d1f1d3b5a01\",\"acct\":1}}'

Ask what would become of it:
  tenantgate check --explain --claims '{{\"tid\":\"{tenant}\",\"idp\":\"https://sts.windows.net/{partner}/\",\"aud\":\"api://orders\",\"oid\":\"0a3e6c1e-0d5f-4b54-9c5c-7d1f1d3b5a01\",\"acct\":1}}'

Put it behind a real Envoy, from a checkout: deploy/demo/run",
        admin = app.admin
    ));
}
