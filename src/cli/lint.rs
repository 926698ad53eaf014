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
        let read = read(&self.bundle)?;
        let findings = read.findings(&Options::default());
        if self.sarif {
            output::line(&serde_json::to_string(&sarif::log(&read.paths, &findings))?);
        } else {
            print(&findings, read.several(), self.json)?;
        }
        Ok(ExitCode::from(u8::from(findings.refused())))
    }
}

/// A bundle, and the files that it is in.
pub(in crate::cli) struct Read {
    pub(in crate::cli) document: Document,
    paths: Vec<PathBuf>,
    directory: bool,
}

pub(in crate::cli) fn read(bundle: &Path) -> anyhow::Result<Read> {
    let cannot = |path: &Path, error| anyhow::anyhow!("cannot read `{}`: {error}", path.display());
    let paths = Files::new(bundle.to_owned()).paths().map_err(|error| cannot(bundle, error))?;
    let read = |path: &PathBuf| std::fs::read(path).map_err(|error| cannot(path, error));
    let document = Document::new(paths.iter().map(read).collect::<anyhow::Result<_>>()?);
    Ok(Read { document, paths, directory: bundle.is_dir() })
}

impl Read {
    fn findings(&self, options: &Options) -> Findings {
        let parts = self.document.parts.iter().map(Vec::as_slice);
        compile(parts, self.document.revision.clone(), options).findings.strict()
    }

    /// The files, where there may be several.
    fn several(&self) -> &[PathBuf] {
        if self.directory { &self.paths } else { &[] }
    }

    /// Where the bundle must not be written to a store: says why, as this command does.
    pub(in crate::cli) fn refused(&self, options: &Options, json: bool) -> anyhow::Result<Option<ExitCode>> {
        refused(&self.findings(options), self.several(), json)
    }
}

/// The same for what was found already.
pub(in crate::cli) fn refused(
    findings: &Findings,
    paths: &[PathBuf],
    json: bool,
) -> anyhow::Result<Option<ExitCode>> {
    if !findings.refused() {
        let Report { warnings, advice, .. } = Report::of(findings, paths);
        if warnings > 0 {
            output::note(&format!(
                "{warnings} warning(s), {advice} piece(s) of advice; `tenantgate lint` shows them"
            ));
        }
        return Ok(None);
    }
    print(findings, paths, json)?;
    output::note("the policy has errors; nothing was written");
    Ok(Some(ExitCode::from(1)))
}

fn print(findings: &Findings, paths: &[PathBuf], json: bool) -> anyhow::Result<()> {
    let report = Report::of(findings, paths);
    if json {
        output::line(&serde_json::to_string(&report)?);
        return Ok(());
    }
    for Told { finding, file } in &report.findings {
        let file = file.as_ref().map(|file| format!("{file}: ")).unwrap_or_default();
        output::line(&format!("{}: {file}{finding}", level(finding.level)));
    }
    let Report { errors, warnings, advice, .. } = report;
    output::line(&format!("{errors} error(s), {warnings} warning(s), {advice} piece(s) of advice"));
    Ok(())
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
