//! The floors: a module uses only floors strictly below its own, and files stay small.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up.
const FLOORS: &[&[&str]] = &[
    &["id", "pb"],
    &["policy", "token"],
    &["engine"],
    &["telemetry"],
    &["store", "directory"],
    &["source", "port", "audit", "activity"],
    &["check", "admin"],
    &["config"],
    &["app"],
    &["cli"],
];
/// Without their tests.
const MAX_LINES: usize = 400;

#[test]
fn no_module_looks_up_or_sideways() {
    let mut wrong = Vec::new();
    for file in files() {
        let Some(own) = floor(&file.module) else {
            assert!(["lib", "main"].contains(&file.module.as_str()), "`{}` is on no floor", file.module);
            continue;
        };
        for used in file.uses() {
            match floor(&used) {
                Some(other) if used == file.module || other < own => {}
                Some(_) => wrong.push(format!("{}: `{}` must not use `{used}`", file.shown(), file.module)),
                None => wrong.push(format!("{}: `crate::{used}` is on no floor", file.shown())),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_goes_around_the_floors() {
    for file in files().iter().filter(|file| file.module != "main") {
        for way in ["super::super", "crate::*", "use crate::{"] {
            assert!(!file.text.contains(way), "{}: `{way}` hides what is used", file.shown());
        }
        if file.module == "lib" {
            let re_export = file.text.lines().find(|line| line.starts_with("pub use"));
            assert!(re_export.is_none(), "{}: re-exports hide edges", file.shown());
        }
    }
}

#[test]
fn the_pure_floors_know_no_runtime_clock_or_log() {
    for file in files().iter().filter(|file| ["id", "policy", "engine"].contains(&file.module.as_str())) {
        for word in ["tokio", "tracing", "Instant::now", "SystemTime::now", "metrics::"] {
            assert!(!file.production().contains(word), "{}: `{word}` does not belong here", file.shown());
        }
    }
}

#[test]
fn one_file_builds_answers_and_one_module_permits() {
    for file in files() {
        let code = file.code();
        // `CheckResponse::default()` allows, in Envoy's reading.
        assert!(!code.contains("CheckResponse {") || file.shown() == "check/response.rs", "{}", file.shown());
        assert!(!code.contains("CheckResponse::default"), "{}", file.shown());
        // Nor is one written by hand elsewhere.
        let writes = code.contains("Writer::after") && !file.shown().starts_with("check/wire/");
        assert_eq!(writes, file.shown() == "check/response.rs", "{}", file.shown());
        assert!(!code.contains("Permit::") || file.module == "engine", "{}", file.shown());
    }
}

#[test]
fn every_file_says_what_it_is_and_is_small() {
    for file in files() {
        assert!(file.text.starts_with("//!"), "{} does not begin with `//!`", file.shown());
        let lines = file.production().lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines, more than {MAX_LINES}", file.shown());
    }
}

struct File {
    path: PathBuf,
    module: String,
    text: String,
}

impl File {
    fn shown(&self) -> String {
        self.path.display().to_string()
    }

    fn production(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap()
    }

    /// What is neither test nor comment.
    fn code(&self) -> String {
        let code = self.production().lines().filter(|line| !line.trim_start().starts_with("//"));
        code.collect::<Vec<_>>().join("\n")
    }

    /// The top-level modules that the file names, in `use` lines and inline paths.
    fn uses(&self) -> BTreeSet<String> {
        self.code()
            .lines()
            .flat_map(|line| line.split("crate::").skip(1))
            .map(|rest: &str| {
                rest.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect()
            })
            .filter(|module: &String| !module.is_empty())
            .collect()
    }
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn files() -> Vec<File> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&source, &source, &mut files);
    assert!(files.len() > 50, "only {} files were found", files.len());
    files
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(root).unwrap().to_owned();
            let module = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
            files.push(File { text: fs::read_to_string(&path).unwrap(), path: relative, module });
        }
    }
}
