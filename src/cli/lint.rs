//! `tenantgate lint`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::cli::{output, sarif};
use crate::policy::{Finding, Findings, Level, Options, compile};
use crate::source::{Document, Files};

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
    findings: Vec<Told<'f>>,
}

/// A finding, and in which of several files it is.
#[derive(Serialize)]
struct Told<'f> {
    #[serde(flatten)]
    finding: &'f Finding,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl Lint {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        let cannot = |path: &Path, error| anyhow::anyhow!("cannot read `{}`: {error}", path.display());
        let paths = Files::new(self.bundle.clone()).paths().map_err(|error| cannot(&self.bundle, error))?;
        let read = |path: &PathBuf| std::fs::read(path).map_err(|error| cannot(path, error));
        let document = Document::new(paths.iter().map(read).collect::<anyhow::Result<_>>()?);
        let parts = document.parts.iter().map(Vec::as_slice);
        let findings = compile(parts, document.revision.clone(), &Options::default()).findings.strict();
        if self.sarif {
            output::line(&serde_json::to_string(&sarif::log(&paths, &findings))?);
            return Ok(ExitCode::from(u8::from(findings.refused())));
        }
        let report = Report::of(&findings, if self.bundle.is_dir() { &paths } else { &[] });
        if self.json {
            output::line(&serde_json::to_string(&report)?);
        } else {
            for Told { finding, file } in &report.findings {
                let file = file.as_ref().map(|file| format!("{file}: ")).unwrap_or_default();
                output::line(&format!("{}: {file}{finding}", level(finding.level)));
            }
            let Report { errors, warnings, advice, .. } = report;
            output::line(&format!("{errors} error(s), {warnings} warning(s), {advice} piece(s) of advice"));
        }
        Ok(ExitCode::from(u8::from(findings.refused())))
    }
}

impl<'f> Report<'f> {
    /// `paths` are those of the documents, where there may be several.
    fn of(findings: &'f Findings, paths: &[PathBuf]) -> Self {
        let count = |level| findings.of(level).count();
        let file = |finding: &Finding| Some(paths.get(finding.document)?.display().to_string());
        Self {
            errors: count(Level::Error),
            warnings: count(Level::Warning),
            advice: count(Level::Advice),
            findings: findings.iter().map(|finding| Told { finding, file: file(finding) }).collect(),
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
