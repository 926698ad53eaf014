//! `tenantgate policy diff`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::write::{counted, percent, shown};
use super::{Opened, Where};
use crate::cli::{lint, output};
use crate::config::Environment;
use crate::source::{Difference, Edit, Key, Plan, differences, records_of};

#[derive(Debug, Args)]
pub(super) struct Diff {
    /// A bundle, or a directory of bundles
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    #[command(flatten)]
    place: Where,
    /// How many of a tenant's partners may be removed without apply's --acknowledge
    #[arg(long, value_name = "PERCENT", default_value = "50%", value_parser = percent)]
    max_removed: u8,
    /// Print the differences as JSON
    #[arg(long)]
    json: bool,
}

/// Characters of a value; a JSON report has them whole.
const SHOWN: usize = 60;

impl Diff {
    pub(super) fn run(self, environment: &Environment) -> anyhow::Result<ExitCode> {
        let Opened { mut store, options } = self.place.open(environment)?;
        let read = lint::read(&self.bundle)?;
        if let Some(refused) = read.refused(&options, self.json)? {
            return Ok(refused);
        }
        let plan = Plan::of(&mut *store, records_of(&read.document.parts)?, "diff")?;
        if self.json {
            output::line(&self.report(&plan).to_string());
        } else {
            self.print(&plan);
        }
        Ok(ExitCode::from(u8::from(!plan.change.edits.is_empty())))
    }

    fn report(&self, plan: &Plan) -> Value {
        let edit = |(key, edit): (&Key, &Edit)| {
            json!({
                "tenant": key.tenant, "partner": key.partner, "change": word(edit),
                "differences": inner(edit),
            })
        };
        json!({
            "revision": plan.on.to_string(),
            "tenants": plan.change.tenants(),
            "partners": plan.change.partners(),
            "to_acknowledge": plan.concerns(self.max_removed),
            "changes": plan.change.edits.iter().map(edit).collect::<Vec<_>>(),
        })
    }

    fn print(&self, plan: &Plan) {
        for (tenant, edits) in plan.by_tenant() {
            output::line(&format!("tenant {tenant}"));
            for (key, edit) in edits {
                let record =
                    key.partner.map_or_else(|| "settings".to_owned(), |partner| format!("partner {partner}"));
                output::line(&format!("  {} {record}", mark(edit)));
                let inner = inner(edit);
                for difference in &inner {
                    output::line(&format!("      {}", told(difference)));
                }
                if edit.before.is_some() && edit.after.is_some() && inner.is_empty() {
                    output::line("      nothing but order or spelling");
                }
            }
        }
        for concern in plan.concerns(self.max_removed) {
            output::line(&shown(&concern));
        }
        let counted = counted(plan.change.tenants(), plan.change.partners());
        output::line(&format!("against revision {}; {counted}", plan.on));
    }
}

fn inner(edit: &Edit) -> Vec<Difference> {
    match (&edit.before, &edit.after) {
        (Some(before), Some(after)) => differences(before, after),
        (None | Some(_), None) | (None, Some(_)) => Vec::new(),
    }
}

const fn word(edit: &Edit) -> &'static str {
    match (&edit.before, &edit.after) {
        (None, _) => "added",
        (Some(_), None) => "removed",
        (Some(_), Some(_)) => "changed",
    }
}

const fn mark(edit: &Edit) -> char {
    match (&edit.before, &edit.after) {
        (None, _) => '+',
        (Some(_), None) => '-',
        (Some(_), Some(_)) => '~',
    }
}

fn told(difference: &Difference) -> String {
    let value = |value: &Option<Value>| {
        let text = value.as_ref().map_or_else(|| "(absent)".to_owned(), Value::to_string);
        let short: String = text.chars().take(SHOWN).collect();
        if short.len() < text.len() { short + "…" } else { text }
    };
    format!("{}: {} → {}", difference.pointer, value(&difference.before), value(&difference.after))
}
