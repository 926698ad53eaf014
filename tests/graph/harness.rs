//! A directory of answers that can be changed, and the two commands.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use tenantgate::source::{Export, Found, GraphError, Import, Progress};

pub(crate) const L: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
pub(crate) const FABRIKAM: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";

/// The documented answers, where they can be changed.
pub(crate) struct Answers {
    root: TempDir,
}

impl Answers {
    /// Those of `tests/graph/answers`.
    pub(crate) fn documented() -> Self {
        let answers = Self::empty();
        for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/graph/answers")).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, answers.path(path.file_name().unwrap().to_str().unwrap())).unwrap();
        }
        answers
    }

    /// The three without which nothing is imported.
    pub(crate) fn smallest() -> Self {
        let answers = Self::empty();
        answers.write("crossTenantAccessPolicy.json", &json!({"allowedCloudEndpoints": []}).to_string());
        answers.write("default.json", "{}");
        answers.write("partners.json", &json!({"value": [{"tenantId": FABRIKAM}]}).to_string());
        answers
    }

    fn empty() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("answers")).unwrap();
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.root.path().join("answers")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    pub(crate) fn bundle(&self) -> PathBuf {
        self.root.path().join("policy.json")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Changes a file as JSON.
    pub(crate) fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut value: Value = serde_json::from_str(&self.read(name)).unwrap();
        change(&mut value);
        self.write(name, &value.to_string());
    }

    /// `tenantgate import --from … --tenant L -o policy.json`
    pub(crate) fn import(&self, more: &[&str]) -> Ran {
        let (from, to) = (self.directory(), self.bundle());
        let mut arguments = vec!["import", "--from", from.to_str().unwrap(), "-o", to.to_str().unwrap()];
        if !more.contains(&"--tenant") {
            arguments.extend(["--tenant", L]);
        }
        arguments.extend(more);
        tenantgate(&arguments)
    }

    /// Imports what must be refused, and tells why; nothing may be left.
    pub(crate) fn refused(&self) -> String {
        let ran = self.import(&[]);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
        let left: Vec<_> =
            fs::read_dir(self.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["answers"], "nothing is written");
        assert!(ran.stderr.ends_with("nothing was written\n"), "{}", ran.stderr);
        ran.stderr
    }
}

pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn tenantgate(arguments: &[&str]) -> Ran {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_tenantgate")).env_clear().args(arguments).output().unwrap();
    Ran {
        code: status.code().unwrap(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// Keeps what it hears.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) found: Vec<Found>,
    pub(crate) total: u64,
    pub(crate) read: u64,
    pub(crate) partners: u64,
}

impl Progress for Heard {
    fn total(&mut self, bytes: u64) {
        self.total = bytes;
    }

    fn read(&mut self, bytes: u64) {
        self.read += bytes;
    }

    fn partners(&mut self, count: u64) {
        self.partners = count;
    }

    fn found(&mut self, found: Found) {
        self.found.push(found);
    }

    fn absent(&mut self, _: PathBuf, _: &'static str) {}
}

/// Imports in this process, and tells what was heard.
pub(crate) fn import(from: &Path, to: &Path) -> (Result<(), GraphError>, Heard) {
    let mut heard = Heard::default();
    let outcome = Import { from, tenant: None, to, replace: true }.run(&mut heard);
    (outcome.map(|_| ()), heard)
}

pub(crate) fn export(bundle: &Path, to: &Path) -> Result<(), GraphError> {
    Export { bundle, to }.run(&mut Heard::default()).map(|_| ())
}

/// A document without whitespace between its tokens; everything else as it is spelled.
pub(crate) fn tokens(text: &str) -> String {
    let (mut kept, mut quoted, mut escaped) = (String::new(), false, false);
    for char in text.chars() {
        if quoted || !char.is_whitespace() {
            kept.push(char);
        }
        if !escaped && char == '"' {
            quoted = !quoted;
        }
        escaped = quoted && !escaped && char == '\\';
    }
    kept
}

/// Every file below a directory, by its path there.
pub(crate) fn contents(directory: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files.extend(contents(&path).into_iter().map(|(below, text)| (format!("{name}/{below}"), text)));
        } else {
            files.push((name, tokens(&fs::read_to_string(&path).unwrap())));
        }
    }
    files.sort();
    files
}
