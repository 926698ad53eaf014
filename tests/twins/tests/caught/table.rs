//! Who caught whom.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tenantgate::twin;

use crate::Outcome;

/// By twin.
#[derive(Debug, Default)]
pub(crate) struct Caught(BTreeMap<usize, Catches>);

#[derive(Debug, Default)]
struct Catches {
    /// Where somebody got more than they should.
    milder: Vec<String>,
    /// Where it came out otherwise.
    otherwise: Vec<String>,
}

impl Caught {
    pub(crate) fn note(&mut self, twin: usize, trial: &str, outcome: &Outcome) {
        let catches = self.0.entry(twin).or_default();
        match outcome {
            Outcome::AsExpected => {}
            Outcome::Milder => catches.milder.push(trial.to_owned()),
            Outcome::Otherwise => catches.otherwise.push(trial.to_owned()),
        }
    }

    pub(crate) fn with(mut self, other: Self) -> Self {
        for (twin, Catches { milder, otherwise }) in other.0 {
            let catches = self.0.entry(twin).or_default();
            catches.milder.extend(milder);
            catches.otherwise.extend(otherwise);
        }
        self
    }

    /// A case that only names another reason does not tell that the rule is gone.
    pub(crate) fn has(&self, twin: usize) -> bool {
        self.0.get(&twin).is_some_and(|catches| !catches.milder.is_empty())
    }

    pub(crate) fn table(&self, twins: &[usize]) -> String {
        let none = Catches::default();
        let mut table = String::new();
        for &index in twins {
            let Catches { milder, otherwise } = self.0.get(&index).unwrap_or(&none);
            let shown = twin::LIST[index].name;
            let first = match (milder.iter().min(), otherwise.iter().min()) {
                (Some(first), _) => first.clone(),
                (None, Some(first)) => format!("NOT CAUGHT, though another outcome in {first}"),
                (None, None) => "NOT CAUGHT".to_owned(),
            };
            let (count, rule) = (milder.len(), twin::LIST[index].rule);
            writeln!(table, "{shown:<40} {count:>4}  {first:<100}  {rule}").unwrap();
        }
        table
    }
}
