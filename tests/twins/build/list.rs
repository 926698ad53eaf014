//! Reads `list/*.twins`.
//!
//! ```text
//! twin  guest_of_another_tenant
//! rule  §2, T≠L and H≠T
//! in    engine/relation.rs
//! -     at_home
//! +     true
//! ```
//!
//! An entry may change several places: `in` may be repeated, and `-` after a `+` begins a place in the same file. One
//! that begins with `fault` is no twin, but a misfortune that tests can bring about, such as a panic.

use std::fs;
use std::path::Path;

/// A twin.
pub(crate) struct Entry {
    pub(crate) name: String,
    /// No twin, but a misfortune that tests can bring about.
    pub(crate) fault: bool,
    /// What it breaks, and where that is written.
    pub(crate) rule: String,
    pub(crate) hunks: Vec<Hunk>,
}

/// One place that a twin changes.
#[derive(Default)]
pub(crate) struct Hunk {
    /// Relative to `src/`.
    pub(crate) file: String,
    pub(crate) original: String,
    pub(crate) replacement: String,
}

/// Every entry, in the order of the files' names.
pub(crate) fn read(folder: &Path) -> Vec<Entry> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|found| found.unwrap().path()).collect();
    paths.sort();
    let mut entries: Vec<Entry> = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let read = word == "#" || add(&mut entries, word, rest.trim());
            assert!(read, "{}:{}: cannot read `{line}`", path.display(), number + 1);
        }
    }
    check(&entries);
    entries
}

fn add(entries: &mut Vec<Entry>, word: &str, rest: &str) -> bool {
    if ["twin", "fault"].contains(&word) {
        let fault = word == "fault";
        entries.push(Entry { name: rest.to_owned(), fault, rule: String::new(), hunks: Vec::new() });
        return true;
    }
    let Some(entry) = entries.last_mut() else { return false };
    match (word, entry.hunks.last_mut()) {
        ("rule", None) if entry.rule.is_empty() => rest.clone_into(&mut entry.rule),
        ("in", _) => entry.hunks.push(Hunk { file: rest.to_owned(), ..Hunk::default() }),
        ("-", Some(Hunk { original, replacement, .. })) if replacement.is_empty() => {
            original.push_str(rest);
            original.push('\n');
        }
        ("-", Some(Hunk { file, .. })) => {
            let file = file.clone();
            entry.hunks.push(Hunk { file, original: rest.to_owned() + "\n", ..Hunk::default() });
        }
        ("+", Some(Hunk { replacement, .. })) => {
            replacement.push_str(rest);
            replacement.push('\n');
        }
        _ => return false,
    }
    true
}

fn check(entries: &[Entry]) {
    for (index, entry) in entries.iter().enumerate() {
        let name = &entry.name;
        assert!(!entries.iter().skip(index + 1).any(|other| other.name == *name), "`{name}` is there twice");
        assert!(entry.fault || !entry.rule.is_empty(), "`{name}` names no rule");
        assert!(!entry.hunks.is_empty(), "`{name}` changes nothing");
        for hunk in &entry.hunks {
            let whole = !hunk.original.is_empty() && !hunk.replacement.is_empty();
            assert!(whole, "`{name}` lacks `-` or `+` in {}", hunk.file);
        }
    }
}
