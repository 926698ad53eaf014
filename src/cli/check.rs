//! `tenantgate check`: one decision offline, by the code that answers Envoy.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Map, Value};

use crate::app::App;
use crate::check::{Decision, Gate, Http, Request};
use crate::cli::{output, settings, token};
use crate::config::Environment;
use crate::engine::{Action, Effect, Explanation, Mode, Outcome};
use crate::telemetry::{self, unix_now};
use crate::token::Unverified;

#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    /// The configuration; without it, the example of `serve`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The caller's token
    #[arg(long, value_name = "T", group = "caller")]
    token: Option<String>,
    /// A file with the caller's token
    #[arg(long, value_name = "F", group = "caller")]
    token_file: Option<PathBuf>,
    /// The caller's claims, unverified: a what-if
    #[arg(long, value_name = "JSON|@F", group = "caller")]
    claims: Option<String>,
    /// `inbound`, `outbound` or `tenant_restrictions`
    #[arg(long, value_name = "M")]
    mode: Option<String>,
    /// `access`, `invite`, `redeem` or `user_sync`
    #[arg(long, value_name = "A")]
    action: Option<String>,
    /// The application behind the route
    #[arg(long, value_name = "A")]
    application: Option<String>,
    /// The protected tenant
    #[arg(long, value_name = "L")]
    tenant: Option<String>,
    /// The tenant whose resource is reached
    #[arg(long, value_name = "R")]
    resource_tenant: Option<String>,
    /// The tenant that users are synchronised from
    #[arg(long, value_name = "S")]
    source_tenant: Option<String>,
    /// The request's host
    #[arg(long, value_name = "H")]
    host: Option<String>,
    /// A header of the request; repeatable
    #[arg(long, value_name = "N:V")]
    header: Vec<String>,
    /// A file with the request's body: for `invite`, JSON with `invitedUserEmailAddress`
    #[arg(long, value_name = "F")]
    body: Option<PathBuf>,
    /// Controls that the route asks for: mfa,compliantDevice,domainJoinedDevice
    #[arg(long, value_name = "C")]
    require: Option<String>,
    /// Decide as of this time: RFC 3339 or Unix seconds
    #[arg(long, value_name = "T", value_parser = time)]
    now: Option<i64>,
    /// Show every step
    #[arg(long)]
    explain: bool,
    /// Print the decision as JSON
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(in crate::cli) fn run(self, environment: &Environment) -> anyhow::Result<ExitCode> {
        telemetry::start(telemetry::Level::Error, output::colour(true));
        let config = match &self.config {
            Some(path) => settings::load(path, environment)?.0,
            None => settings::example(environment)?,
        };
        let restricts = match &self.mode {
            Some(mode) => mode == Mode::TenantRestrictions.word(),
            None => Mode::from(config.mode) == Mode::TenantRestrictions,
        };
        anyhow::ensure!(
            self.host.is_some() || !restricts,
            "in mode `tenant_restrictions` the request's host decides: name it with --host, as one of the \
             configuration's `restrictions.resource_hosts` or a sign-in host such as login.microsoftonline.com"
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let (gate, _keys) = if self.claims.is_some() {
                App::gate_without_keys(&config).await?
            } else {
                App::gate_alone(&config).await?
            };
            self.decide(&gate).await
        })
    }

    async fn decide(&self, gate: &Gate) -> anyhow::Result<ExitCode> {
        let authorization = self.authorization()?;
        let body = self.body()?;
        let request = self.request(authorization.as_deref(), body.as_deref().unwrap_or_default())?;
        let now = self.now.unwrap_or_else(unix_now);
        let mut explanation = Explanation::default();
        let outcome = match &self.claims {
            Some(claims) => what_if(claims, gate, &request, now, &mut explanation).await?,
            None => gate.decide(&request, now, &mut explanation, Printed::of).await,
        };
        self.print(&outcome, &explanation)
    }

    fn authorization(&self) -> anyhow::Result<Option<String>> {
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path);
                Some(text.with_context(|| format!("cannot read the token from `{}`", path.display()))?)
            }
            (None, None) => None,
        };
        Ok(token.map(|token| format!("Bearer {}", token.trim())))
    }

    /// The body that an invitation's address is in.
    fn body(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(path) = &self.body else { return Ok(None) };
        let body = std::fs::read(path);
        let body = body.with_context(|| format!("cannot read the body from `{}`", path.display()))?;
        if self.action.as_deref() != Some(Action::Invite.word()) {
            output::note("The body is not read: only action `invite` asks something of it.");
        }
        Ok(Some(body))
    }

    fn request<'a>(&'a self, authorization: Option<&'a str>, body: &'a [u8]) -> anyhow::Result<Request<'a>> {
        let host = self.host.as_deref().unwrap_or("localhost").as_bytes();
        let mut http = Http { method: b"GET", host, ..Http::default() };
        http.body.raw = body;
        for header in &self.header {
            let (name, value) =
                header.split_once(':').with_context(|| format!("`{header}` is no NAME:VALUE"))?;
            http.add_header(name.trim().as_bytes(), value.trim().as_bytes());
        }
        if let Some(authorization) = authorization {
            http.authorization = http.authorization.and(authorization.as_bytes());
        }
        let route = [
            ("mode", &self.mode),
            ("action", &self.action),
            ("application", &self.application),
            ("tenant", &self.tenant),
            ("resource_tenant", &self.resource_tenant),
            ("source_tenant", &self.source_tenant),
            ("require", &self.require),
        ];
        let route =
            route.iter().filter_map(|(key, value)| Some((key.as_bytes(), value.as_ref()?.as_bytes())));
        Ok(Request { http: Some(http), route: route.collect(), ..Request::default() })
    }

    fn print(&self, printed: &Printed, explanation: &Explanation) -> anyhow::Result<ExitCode> {
        if self.json {
            let mut members = printed.members.clone();
            members.insert("verified".to_owned(), printed.verified.into());
            members.insert("explain".to_owned(), steps(explanation));
            output::line(&serde_json::to_string(&Value::Object(members))?);
        } else {
            output::line(&printed.summary());
            if self.explain {
                for step in &explanation.steps {
                    output::line(&line(step));
                }
            }
            if self.claims.is_some() {
                output::note("The claims were not verified: this is a what-if.");
            }
        }
        Ok(ExitCode::from(match printed.effect {
            Effect::Allow => 0,
            Effect::Deny => 3,
            Effect::Challenge => 4,
        }))
    }
}

/// The same walk for a caller that nobody vouches for.
async fn what_if(
    claims: &str,
    gate: &Gate,
    request: &Request<'_>,
    now: i64,
    explanation: &mut Explanation,
) -> anyhow::Result<Printed> {
    let claims = token::claims_text(claims)?;
    let mut identity = {
        let ring = gate.tokens().keys().borrow();
        let ring = ring.as_deref().context("no keys")?;
        Unverified(claims.as_bytes())
            .assume(ring, gate.tokens().expected())
            .context("the claims cannot be read as a token's")?
    };
    identity.audience.accepted = true;
    let preparation = gate.judge().prepare(request, now, explanation);
    Ok(gate.conclude(&preparation, Ok(&identity), explanation, Printed::of).await)
}

/// A decision, out of the reach of the policy it was made on.
struct Printed {
    effect: Effect,
    verified: bool,
    members: Map<String, Value>,
}

impl Printed {
    fn of(decision: &Decision<'_>) -> Self {
        Self {
            effect: decision.verdict.effect(),
            verified: decision.identity.is_some_and(|identity| identity.proven),
            members: decision.members(),
        }
    }

    fn summary(&self) -> String {
        let text = |name: &str| self.members.get(name).and_then(Value::as_str);
        let effect = text("effect").unwrap_or_default();
        let colour = match self.effect {
            Effect::Allow => "\x1b[32m",
            Effect::Deny => "\x1b[31m",
            Effect::Challenge => "\x1b[33m",
        };
        let coloured = output::colour(std::io::stdout().is_terminal());
        let effect = if coloured { format!("{colour}{effect}\x1b[0m") } else { effect.to_owned() };
        let mut line = format!("{effect}  {}", text("reason").unwrap_or_default());
        for name in ["relation", "partner", "setting", "origin", "consent", "entra_code", "policy_revision"] {
            if let Some(value) = text(name) {
                line = format!("{line}  {name}={value}");
            }
        }
        line
    }
}

fn steps(explanation: &Explanation) -> Value {
    let step = |step: &crate::engine::Walked| {
        let detail: Map<_, _> =
            step.detail.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        serde_json::json!({"step": step.step.word(), "result": step.outcome.word(), "detail": detail})
    };
    explanation.steps.iter().map(step).collect()
}

fn line(step: &crate::engine::Walked) -> String {
    let mark = match step.outcome {
        Outcome::Pass => "pass",
        Outcome::Stop => "STOP",
        Outcome::Skip => "skip",
    };
    let detail: Vec<_> = step.detail.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("  {mark}  {:<13} {}", step.step.word(), detail.join("  ")).trim_end().to_owned()
}

fn time(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let time = humantime::parse_rfc3339(text)
        .map_err(|_| format!("`{text}` is neither RFC 3339 nor Unix seconds"))?;
    let seconds =
        |time: std::time::Duration| i64::try_from(time.as_secs()).map_err(|error| error.to_string());
    match time.duration_since(std::time::UNIX_EPOCH) {
        Ok(since) => seconds(since),
        Err(before) => seconds(before.duration()).map(std::ops::Neg::neg),
    }
}
