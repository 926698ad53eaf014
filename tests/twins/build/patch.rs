//! Puts the twins of one file into its text.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::ops::Range;

use crate::list::{Entry, Hunk};

/// A hunk at its place.
struct Placed<'e> {
    at: Range<usize>,
    /// Its entry's place in the list.
    entry: usize,
    fault: bool,
    replacement: &'e str,
}

/// `text` with every twin of `file` in it, none of them switched on. What has no place in it is told to `stale`.
pub(crate) fn patched(file: &str, text: &str, entries: &[Entry], stale: &mut Vec<String>) -> String {
    let mut placed: Vec<Placed<'_>> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        for hunk in entry.hunks.iter().filter(|hunk| hunk.file == file) {
            match place(text, hunk) {
                Ok(at) => placed.push(Placed {
                    at,
                    entry: index,
                    fault: entry.fault,
                    replacement: &hunk.replacement,
                }),
                Err(problem) => stale.push(format!("{}: {problem}", entry.name)),
            }
        }
    }
    // One that lies in another comes after it.
    placed.sort_by_key(|hunk| (hunk.at.start, Reverse(hunk.at.end), hunk.entry));
    let text = variable(text, &placed);
    render(&text, 0..text.len(), &placed)
}

/// Where the hunk's original stands: there, and nowhere else. Of an original with `«»` in it, what they enclose.
fn place(text: &str, hunk: &Hunk) -> Result<Range<usize>, String> {
    let (file, shown) = (&hunk.file, hunk.original.trim());
    let compact: String = shown.split_whitespace().collect();
    let (before, rest) = compact.split_once('«').unwrap_or(("", &compact));
    let (inner, after) = rest.split_once('»').unwrap_or((rest, ""));
    let wanted = [before, inner, after].concat();
    let found: Vec<_> = text.char_indices().filter_map(|(start, _)| matched(text, start, &wanted)).collect();
    match &*found {
        [at] => {
            let first = before.chars().count();
            let last = first + inner.chars().count() - 1;
            Ok(at[first].start..at[last].end)
        }
        [] => Err(format!("`src/{file}` has no `{shown}` any more: correct the list")),
        several => Err(format!("`src/{file}` has `{shown}` {} times: say what is around it", several.len())),
    }
}

/// Where each character is. Compares all but white space, so that a formatter may break lines as it likes.
fn matched(text: &str, start: usize, wanted: &str) -> Option<Vec<Range<usize>>> {
    let mut places = Vec::new();
    let mut wanted = wanted.chars().peekable();
    for (offset, char) in text.get(start..)?.char_indices() {
        let at = start + offset;
        match wanted.peek() {
            None => break,
            Some(expected) if *expected == char => {
                places.push(at..at + char.len_utf8());
                wanted.next();
            }
            Some(_) if char.is_whitespace() && offset > 0 => {}
            Some(_) => return None,
        }
    }
    wanted.peek().is_none().then_some(places)
}

/// A function that asks which twin it is cannot be `const`. As many bytes as before.
fn variable(text: &str, placed: &[Placed<'_>]) -> String {
    let mut text = text.to_owned();
    for hunk in placed {
        let before = text.get(..hunk.at.start).unwrap();
        let constant =
            before.rfind("const fn ").filter(|at| before.rfind("fn ") == Some(at + "const ".len()));
        if let Some(at) = constant {
            text.replace_range(at..at + "const".len(), "     ");
        }
    }
    text
}

fn render(text: &str, range: Range<usize>, placed: &[Placed<'_>]) -> String {
    let mut rendered = String::new();
    let mut at = range.start;
    let mut rest = placed;
    while let Some((outer, others)) = rest.split_first() {
        let inside = others.iter().take_while(|other| other.at.start < outer.at.end).count();
        let (inner, after) = others.split_at(inside);
        assert!(inner.iter().all(|other| other.at.end <= outer.at.end), "two twins overlap in `{text}`");
        let original = render(text, outer.at.clone(), inner);
        let (switch, replacement) = (if outer.fault { "befalls" } else { "is" }, outer.replacement.trim());
        rendered.push_str(text.get(at..outer.at.start).unwrap());
        let entry = outer.entry;
        write!(rendered, "(if crate::twin::{switch}({entry}) {{ {replacement} }} else {{ {original} }})")
            .unwrap();
        at = outer.at.end;
        rest = after;
    }
    rendered + text.get(at..range.end).unwrap()
}
