//! regorus, both ways that it has: its interpreter, prepared once, and its virtual machine with the compiled policy, as
//! its own benchmarks run them.

use anyhow::Context as _;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Value};
use serde_json::json;

use crate::case::Known;
use crate::table::Table;

const POLICY: &str = include_str!("policy.rego");
const ALLOW: &str = "data.crosstenant.allow";

/// The policy with its data.
fn engine(table: &Table) -> anyhow::Result<Engine> {
    let mut engine = Engine::new();
    engine.add_policy("policy.rego".to_owned(), POLICY.to_owned())?;
    engine.add_data(data(table)?)?;
    Ok(engine)
}

fn data(table: &Table) -> anyhow::Result<Value> {
    Value::from_json_str(&json!({"table": table}).to_string())
}

/// What it is asked for this.
pub(crate) fn input(known: &Known) -> anyhow::Result<Value> {
    let Known { user, home, application, mfa } = known;
    let mut input = json!({"user": user, "application": application, "mfa": mfa, "device": false});
    if let Some(home) = home {
        input["home"] = home.as_str().into();
    }
    Value::from_json_str(&input.to_string())
}

/// The interpreter.
pub(crate) struct Interpreter(Engine);

impl Interpreter {
    pub(crate) fn new(table: &Table) -> anyhow::Result<Self> {
        engine(table).map(Self)
    }

    pub(crate) fn permits(&mut self, input: &Value) -> anyhow::Result<bool> {
        self.0.set_input(input.clone());
        Ok(*self.0.eval_rule(ALLOW.to_owned())?.as_bool()?)
    }
}

/// The virtual machine.
pub(crate) struct Machine(RegoVM);

impl Machine {
    pub(crate) fn new(table: &Table) -> anyhow::Result<Self> {
        let policy = engine(table)?.compile_with_entrypoint(&ALLOW.into())?;
        let program =
            Compiler::compile_from_policy(&policy, &[ALLOW]).context("regorus does not compile it")?;
        let mut machine = RegoVM::new();
        machine.load_program(program);
        machine.set_data(data(table)?)?;
        Ok(Self(machine))
    }

    pub(crate) fn permits(&mut self, input: &Value) -> anyhow::Result<bool> {
        self.0.set_input(input.clone());
        Ok(*self.0.execute()?.as_bool()?)
    }
}
