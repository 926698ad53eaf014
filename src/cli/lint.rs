//! `tenantgate lint`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::cli::{output, sarif};
use crate::policy::{Finding, Findings, Level, Options, compile};
use crate::source::Files;

#[derive(Debug, Args)]
pub(in crate::cli) struct Lint {
    /// A bundle, or a directory of bundles
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Print the findings as JSON
    #[arg(long, conflicts_with = "sarif")]
    json: bool,
    /// Print the findings as SARIF 2.1.0, for code scanning
    #[arg(long)]
    sarif: bool,
}

#[derive(Serialize)]
struct Report<'f> {
    errors: usize,
    warnings: usize,
    advice: usize,
    findings: Vec<&'f Finding>,
}

impl Lint {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        let files = Files::new(self.bundle.clone());
        let document = files
            .read()
            .map_err(|error| anyhow::anyhow!("cannot read `{}`: {error}", self.bundle.display()))?;
        let parts = document.parts.iter().map(Vec::as_slice);
        let findings = compile(parts, document.revision.clone(), &Options::default()).findings.strict();
        let report = Report::of(&findings);
        if self.sarif {
            output::line(&serde_json::to_string(&sarif::log(&self.bundle, &findings))?);
        } else if self.json {
            output::line(&serde_json::to_string(&report)?);
        } else {
            for finding in &report.findings {
                output::line(&format!("{}: {finding}", level(finding.level)));
            }
            let Report { errors, warnings, advice, .. } = report;
            output::line(&format!("{errors} error(s), {warnings} warning(s), {advice} piece(s) of advice"));
        }
        Ok(ExitCode::from(u8::from(findings.refused())))
    }
}

impl<'f> Report<'f> {
    fn of(findings: &'f Findings) -> Self {
        let count = |level| findings.of(level).count();
        Self {
            errors: count(Level::Error),
            warnings: count(Level::Warning),
            advice: count(Level::Advice),
            findings: findings.iter().collect(),
        }
    }
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Error | Level::Conflict => "error",
        Level::Warning => "warning",
        Level::Advice => "advice",
    }
}
