//! Writes a copy of `src/` in which each twin of `list/` can be switched on, and says where it is.
//!
//! The sources themselves know nothing of it: nothing that ships has a switch.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a build script may fail loudly")]

mod list;
mod patch;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use list::Entry;

/// `cli` speaks to a person and decides nothing; `pb` is generated, and taken from the original.
const MODULES: [(&str, &str); 13] = [
    ("admin", "admin/mod.rs"),
    ("app", "app.rs"),
    ("check", "check/mod.rs"),
    ("config", "config/mod.rs"),
    ("engine", "engine/mod.rs"),
    ("id", "id/mod.rs"),
    ("policy", "policy/mod.rs"),
    ("port", "port/mod.rs"),
    ("source", "source/mod.rs"),
    ("directory", "directory/mod.rs"),
    ("store", "store/mod.rs"),
    ("telemetry", "telemetry/mod.rs"),
    ("token", "token/mod.rs"),
];

/// As in `src/lib.rs`, for a copy that is compiled elsewhere.
const UNLINTED: &str = r#"#[expect(unreachable_pub, unused_parens, clippy::all, clippy::pedantic, reason = "the copy is linted where the original is")]"#;

#[expect(clippy::disallowed_methods, reason = "Cargo speaks to build scripts through the environment")]
fn main() {
    let out = PathBuf::from(std::env::var("OUT_DIR").unwrap());
    let source = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../src");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=list");
    println!("cargo:rerun-if-changed={}", source.display());
    let entries = list::read(Path::new("list"));
    let copies = out.join("src");
    if copies.exists() {
        fs::remove_dir_all(&copies).unwrap();
    }
    let mut stale = Vec::new();
    let files = files(&source, Path::new(""));
    for (name, text) in &files {
        let copy = copies.join(name);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::write(copy, patch::patched(name, production(text), &entries, &mut stale)).unwrap();
    }
    for (entry, hunk) in entries.iter().flat_map(|entry| entry.hunks.iter().map(move |hunk| (entry, hunk))) {
        if !files.iter().any(|(name, _)| *name == hunk.file) {
            stale.push(format!("{}: there is no `src/{}`", entry.name, hunk.file));
        }
    }
    assert!(stale.is_empty(), "the list of twins is stale:\n{}", stale.join("\n"));
    fs::write(out.join("modules.rs"), modules(&copies)).unwrap();
    let ledger = module("ledger", &copies.join("directory/ledger.rs"));
    fs::write(out.join("ledger.rs"), format!("{UNLINTED}\n{ledger}")).unwrap();
    fs::write(out.join("list.rs"), table(&entries)).unwrap();
}

/// Names and texts of what is below `folder`.
fn files(source: &Path, folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for found in fs::read_dir(source.join(folder)).unwrap() {
        let path = folder.join(found.unwrap().file_name());
        if source.join(&path).is_dir() {
            all.extend(files(source, &path));
        } else {
            let text = fs::read_to_string(source.join(&path)).unwrap();
            all.push((path.to_str().unwrap().to_owned(), text));
        }
    }
    all
}

/// Unit tests stay where they are.
fn production(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

fn modules(copies: &Path) -> String {
    MODULES.iter().map(|(name, file)| module(name, &copies.join(file))).collect()
}

fn module(name: &str, file: &Path) -> String {
    format!("#[path = \"{}\"]\npub mod {name};\n", file.display())
}

fn table(entries: &[Entry]) -> String {
    let mut text = "&[\n".to_owned();
    for Entry { name, fault, rule, hunks } in entries {
        let files: Vec<_> = hunks.iter().map(|hunk| &hunk.file).collect();
        writeln!(text, "Entry {{ name: {name:?}, fault: {fault}, rule: {rule:?}, files: &{files:?} }},")
            .unwrap();
    }
    text + "]"
}
