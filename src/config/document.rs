//! From text to a typed configuration, with an error that names the key and what was probably meant.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::environment::Environment;
use crate::config::error::ConfigError;

pub(in crate::config) fn read<T: DeserializeOwned>(
    text: &str,
    environment: &Environment,
) -> Result<T, ConfigError> {
    let mut document: Value = if text.trim().is_empty() {
        Value::Object(serde_json::Map::new())
    } else {
        serde_saphyr::from_str(text).map_err(|error| ConfigError::Syntax(syntax(&error)))?
    };
    if document.is_null() {
        document = Value::Object(serde_json::Map::new());
    }
    let laid = environment.overlay(&mut document, spell)?;
    serde_path_to_error::deserialize(without_nulls(document)).map_err(|error| {
        let key = error.path().to_string();
        let problem = explain(&error.into_inner().to_string());
        let variable = laid.iter().find(|(_, path)| concerns(&key, &path.join(".")) || names(&problem, path));
        match variable {
            Some((name, _)) => ConfigError::Variable { name: name.clone(), problem },
            None => ConfigError::key(key, problem),
        }
    })
}

/// What is wrong and where; not which option of the parser would let it pass.
fn syntax(error: &serde_saphyr::Error) -> String {
    let told = error.to_string();
    told.lines().map(|line| line.split(", set ").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The config's own spelling of a path given in any case. Most keys are lower case; a few are Graph's.
fn spell(path: &[&str]) -> Vec<String> {
    const MIXED: [&str; 7] = [
        "authenticationContexts",
        "partnerAuthenticationContexts",
        "compliantDevice",
        "domainJoinedDevice",
        "Office365",
        "AllMicrosoftApps",
        "mfa",
    ];
    let of_key = |key: &&str| {
        let mixed = MIXED.iter().find(|known| known.eq_ignore_ascii_case(key));
        mixed.map_or_else(|| key.to_ascii_lowercase(), |known| (*known).to_owned())
    };
    path.iter().map(of_key).collect()
}

/// Null means the default, wherever it stands.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, without_nulls(value)))
                .collect(),
        ),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            other
        }
    }
}

/// serde lists what it knows; we say which of it is nearest.
fn explain(problem: &str) -> String {
    // How the program calls its types is of no use to anybody.
    if let Some((told, _)) = problem.split_once("expected struct ") {
        return format!("{told}expected keys and values");
    }
    let unknown = ["unknown field", "unknown variant"].iter().any(|unknown| problem.starts_with(unknown));
    let mut quoted = problem.split('`').skip(1).step_by(2);
    let (true, Some(given)) = (unknown, quoted.next()) else { return problem.to_owned() };
    let close = |known: &&str| strsim::jaro_winkler(given, known);
    let nearest = quoted.max_by(|one, other| close(one).total_cmp(&close(other)));
    nearest
        .map_or_else(|| problem.to_owned(), |nearest| format!("unknown `{given}`; did you mean `{nearest}`?"))
}

/// Whether the error at `key` may come from what was laid at `path`: there, below it, or where it leads through.
fn concerns(key: &str, path: &str) -> bool {
    key.starts_with(path) || path.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'))
}

fn names(problem: &str, path: &[String]) -> bool {
    path.last().is_some_and(|key| problem.starts_with(&format!("unknown `{key}`")))
}
