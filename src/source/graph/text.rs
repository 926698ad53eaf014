//! JSON that is carried, not understood: members in their order, values as the text that they came as.
//!
//! Nothing is re-spelled on the way: `1.0` stays `1.0` and `"\u00e9"` keeps its escape. Whitespace alone is made anew.

use std::fmt;
use std::io;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A value's text.
pub(super) type Raw = Box<RawValue>;

/// The members of one object; none is there twice.
#[derive(Debug, Clone, Default)]
pub(super) struct Members(Vec<(String, Raw)>);

impl Members {
    /// The members of `value`, or why it is no object of distinct members.
    pub(super) fn of(value: &RawValue) -> serde_json::Result<Self> {
        serde_json::from_str(value.get())
    }

    /// Takes the member out.
    pub(super) fn take(&mut self, name: &str) -> Option<Raw> {
        let at = self.0.iter().position(|(member, _)| member == name)?;
        Some(self.0.remove(at).1)
    }

    /// Takes the member out with its annotations, which then are those of an answer.
    pub(super) fn take_annotated(&mut self, name: &str) -> Option<Annotated> {
        let (mut before, mut value, mut after, mut others) = (Vec::new(), None, Vec::new(), Vec::new());
        for (member, content) in std::mem::take(&mut self.0) {
            let annotation = member.strip_prefix(name).filter(|annotation| is_annotation(annotation));
            match (annotation, &value) {
                (Some(annotation), None) => before.push((annotation.to_owned(), content)),
                (Some(annotation), Some(_)) => after.push((annotation.to_owned(), content)),
                (None, _) if member == name => value = Some(content),
                (None, _) => others.push((member, content)),
            }
        }
        self.0 = others;
        Some(Annotated { before, value: value?, after })
    }

    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| &**value)
    }

    /// Puts another value in the member's place.
    pub(super) fn replace(&mut self, name: &str, value: Raw) {
        if let Some((_, old)) = self.0.iter_mut().find(|(member, _)| member == name) {
            *old = value;
        }
    }

    /// Adds a member at the end; false where there is one of that name.
    #[must_use]
    pub(super) fn push(&mut self, name: &str, value: Raw) -> bool {
        let new = self.get(name).is_none();
        if new {
            self.0.push((name.to_owned(), value));
        }
        new
    }

    pub(super) fn insert_first(&mut self, name: &str, value: Raw) {
        self.0.insert(0, (name.to_owned(), value));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), &**value))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The object's own text.
    pub(super) fn to_raw(&self) -> serde_json::Result<Raw> {
        let mut text = vec![b'{'];
        for (index, (name, value)) in self.iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            serde_json::to_writer(&mut text, name)?;
            text.push(b':');
            text.extend_from_slice(value.get().as_bytes());
        }
        text.push(b'}');
        serde_json::from_slice(&text)
    }
}

/// A list, or what it came to, as the property of an object.
#[derive(Debug)]
pub(super) struct Annotated {
    pub(super) before: Vec<(String, Raw)>,
    pub(super) value: Raw,
    pub(super) after: Vec<(String, Raw)>,
}

impl FromIterator<(String, Raw)> for Members {
    fn from_iter<I: IntoIterator<Item = (String, Raw)>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

impl IntoIterator for Members {
    type Item = (String, Raw);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Read)
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Members, A::Error> {
        let mut members = Members::default();
        while let Some((name, value)) = object.next_entry::<String, Raw>()? {
            if !members.push(&name, value) {
                return Err(de::Error::custom(format_args!("duplicate member `{name}`")));
            }
        }
        Ok(members)
    }
}

pub(super) fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

pub(super) fn is_array(value: &RawValue) -> bool {
    value.get().starts_with('[')
}

pub(super) fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

/// A string's content, where the value is one.
pub(super) fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// Metadata of the answer rather than a property of the resource (OData JSON Format, "Control Information").
pub(super) fn is_annotation(name: &str) -> bool {
    name.starts_with("@odata.") || name.starts_with("@microsoft.graph.")
}

/// The text without whitespace, but for that in strings.
pub(in crate::source) fn compact(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    lay_out(text, None, &mut out);
    out
}

/// The text over indented lines, `depth` deep itself; with None, on one line without whitespace.
pub(super) fn lay_out(text: &str, depth: Option<usize>, out: &mut Vec<u8>) {
    let mut depth = depth;
    let (mut in_string, mut escaped, mut opened) = (false, false, false);
    for byte in text.bytes() {
        if in_string {
            out.push(byte);
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        if byte.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(byte, b'}' | b']');
        if closes {
            depth = depth.map(|depth| depth.saturating_sub(1));
        }
        // An empty object or array stays on its line.
        if opened != closes {
            new_line(depth, out);
        }
        opened = matches!(byte, b'{' | b'[');
        out.push(byte);
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth = depth.map(|depth| depth.saturating_add(1)),
            b',' => new_line(depth, out),
            b':' if depth.is_some() => out.push(b' '),
            _ => {}
        }
    }
}

fn new_line(depth: Option<usize>, out: &mut Vec<u8>) {
    if let Some(depth) = depth {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', depth.saturating_mul(2)));
    }
}

/// Writes a document piece by piece, indented.
pub(in crate::source) struct Writer<W> {
    out: W,
    /// For each open bracket, whether it has something in it.
    open: Vec<bool>,
    line: Vec<u8>,
}

impl<W: io::Write> Writer<W> {
    pub(in crate::source) fn new(out: W) -> Self {
        Self { out, open: Vec::new(), line: Vec::new() }
    }

    /// Begins a member, or an item where there is no name, that is an object or array.
    pub(in crate::source) fn open(&mut self, name: Option<&str>, bracket: u8) -> io::Result<()> {
        self.place(name)?;
        self.line.push(bracket);
        self.open.push(false);
        self.flush_line()
    }

    pub(in crate::source) fn close(&mut self, bracket: u8) -> io::Result<()> {
        if self.open.pop() == Some(true) {
            new_line(Some(self.open.len()), &mut self.line);
        }
        self.line.push(bracket);
        self.flush_line()
    }

    /// A whole member, or an item where there is no name.
    pub(in crate::source) fn value(&mut self, name: Option<&str>, value: &RawValue) -> io::Result<()> {
        self.place(name)?;
        lay_out(value.get(), Some(self.open.len()), &mut self.line);
        self.flush_line()
    }

    pub(super) fn members(&mut self, members: &Members) -> io::Result<()> {
        members.iter().try_for_each(|(name, value)| self.value(Some(name), value))
    }

    /// The end of the document.
    pub(in crate::source) fn finish(mut self) -> io::Result<W> {
        self.line.push(b'\n');
        self.flush_line()?;
        Ok(self.out)
    }

    fn place(&mut self, name: Option<&str>) -> io::Result<()> {
        let depth = self.open.len();
        if let Some(filled) = self.open.last_mut() {
            if std::mem::replace(filled, true) {
                self.line.push(b',');
            }
            new_line(Some(depth), &mut self.line);
        }
        if let Some(name) = name {
            serde_json::to_writer(&mut self.line, name)?;
            self.line.extend_from_slice(b": ");
        }
        Ok(())
    }

    fn flush_line(&mut self) -> io::Result<()> {
        self.out.write_all(&self.line)?;
        self.line.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_re_spelled() {
        let text = r#"{"b":1.0,"a":[1e2,-0,12345678901234567890123],"é\u00e9\"\\":{"[,:{":[]},"n":{}}"#;
        let raw: Raw = serde_json::from_str(text).unwrap();
        let mut writer = Writer::new(Vec::new());
        writer.open(None, b'[').unwrap();
        writer.value(None, &raw).unwrap();
        writer.close(b']').unwrap();
        let indented = String::from_utf8(writer.finish().unwrap()).unwrap();
        assert_eq!(String::from_utf8(compact(&indented)).unwrap(), format!("[{text}]"));
        assert!(indented.contains("\n    \"a\": [\n      1e2,\n"), "{indented}");
    }

    #[test]
    fn a_member_is_there_once() {
        let error = serde_json::from_str::<Members>(r#"{"a":1,"\u0061":2}"#).unwrap_err();
        assert!(error.to_string().contains("duplicate member `a`"), "{error}");
    }
}
