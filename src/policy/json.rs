//! A JSON document as a tree that borrows from its text and refuses duplicate members.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::policy::finding::Finding;

/// One value of a document; objects keep their order.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::policy) enum Node<'a> {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(Cow<'a, str>),
    Array(Vec<Self>),
    /// The array under [`RECORDS`]: there may be a million, and their trees would take gigabytes all at once.
    Records(Vec<Record<'a>>),
    Object(Vec<(Cow<'a, str>, Self)>),
}

/// The member whose items are read one by one.
const RECORDS: &str = "partners";

/// One item, as its text.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Record<'a>(&'a RawValue);

impl<'a> Record<'a> {
    /// The item's tree, or where in it and why it is none.
    pub(in crate::policy) fn read(self) -> Result<Node<'a>, Finding> {
        Node::read(self.0.get().as_bytes())
    }
}

impl PartialEq for Record<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl<'a> Node<'a> {
    /// The document's tree, or where and why it is none.
    pub(in crate::policy) fn read(document: &'a [u8]) -> Result<Self, Finding> {
        serde_json::from_slice(document).map_err(|_| locate(document))
    }

    /// What a message calls such a value.
    pub(in crate::policy) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::Array(_) | Self::Records(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// Null, empty, or made of nothing else: says nothing.
    pub(in crate::policy) fn is_neutral(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(_) | Self::Number(_) | Self::Text(_) => false,
            Self::Array(items) => items.is_empty(),
            Self::Records(items) => items.is_empty(),
            Self::Object(members) => {
                members.iter().all(|(name, value)| is_annotation(name) || value.is_neutral())
            }
        }
    }
}

/// What an answer says about itself or about a property rather than about the resource: `@odata.context`,
/// `partners@odata.context`, `@microsoft.graph.tips` (OData JSON Format, "Control Information").
pub(in crate::policy) fn is_annotation(name: &str) -> bool {
    name.contains("@odata.") || name.contains("@microsoft.graph.")
}

/// Reads again, slower, to learn where the error was.
fn locate(document: &[u8]) -> Finding {
    let mut deserializer = serde_json::Deserializer::from_slice(document);
    let Err(error) = serde_path_to_error::deserialize::<_, Node<'_>>(&mut deserializer) else {
        return Finding::malformed_json(String::new(), "text after the end of the document".to_owned());
    };
    let pointer = error.path().iter().fold(String::new(), |pointer, segment| match segment {
        serde_path_to_error::Segment::Seq { index } => format!("{pointer}/{index}"),
        serde_path_to_error::Segment::Map { key } => {
            format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
        }
        serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => pointer,
    });
    Finding::malformed_json(pointer, error.into_inner().to_string())
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read::default())
    }
}

#[derive(Default)]
struct Read {
    /// What an array has is kept as text.
    records: bool,
}

impl<'de> DeserializeSeed<'de> for Read {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        if self.records {
            let mut records = Vec::new();
            while let Some(record) = array.next_element()? {
                records.push(Record(record));
            }
            return Ok(Node::Records(records));
        }
        let mut items = Vec::new();
        while let Some(item) = array.next_element()? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(Cow<'de, str>, Node<'de>)> = Vec::new();
        while let Some(name) = object.next_key::<Name<'de>>()? {
            let value = object.next_value_seed(Self { records: name.0 == RECORDS })?;
            members.push((name.0, value));
        }
        match repeated(&members) {
            Some(name) => Err(de::Error::custom(format_args!("duplicate member `{name}`"))),
            None => Ok(Node::Object(members)),
        }
    }
}

/// Most objects have a dozen members: comparing them all is faster than a set.
fn repeated<'m>(members: &'m [(Cow<'_, str>, Node<'_>)]) -> Option<&'m str> {
    if members.len() <= 16 {
        let mut rest = members;
        while let Some(((name, _), others)) = rest.split_first() {
            if others.iter().any(|(other, _)| other == name) {
                return Some(name);
            }
            rest = others;
        }
        return None;
    }
    let mut seen = std::collections::HashSet::with_capacity(members.len());
    members.iter().map(|(name, _)| &**name).find(|name| !seen.insert(*name))
}

struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Node::deserialize(deserializer)? {
            Node::Text(name) => Ok(Self(name)),
            Node::Null
            | Node::Bool(_)
            | Node::Number(_)
            | Node::Array(_)
            | Node::Records(_)
            | Node::Object(_) => Err(de::Error::custom("a member's name is a string")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_member_is_refused_at_any_depth_and_pointed_at() {
        let finding = Node::read(br#"{"tenants":[{"a/b":{"x":1,"x":2}}]}"#).unwrap_err();
        assert!(finding.message.contains("duplicate member `x`"), "{}", finding.message);
        assert!(finding.pointer.starts_with("/tenants/0/a~1b"), "{}", finding.pointer);
        let escaped = Node::read(br#"{"tenant":1,"tenan\u0074":2}"#).unwrap_err();
        assert!(escaped.message.contains("duplicate member `tenant`"));
    }

    #[test]
    fn an_object_of_any_size_may_have_each_member_once() {
        let object = |names: &mut dyn Iterator<Item = usize>| {
            let members: Vec<_> = names.map(|name| format!(r#""{name}":null"#)).collect();
            format!("{{{}}}", members.join(","))
        };
        for size in [1, 2, 16, 17, 18, 40] {
            assert!(Node::read(object(&mut (0..size)).as_bytes()).is_ok(), "{size} members");
            for again in [0, size / 2, size - 1] {
                let finding = Node::read(object(&mut (0..size).chain([again])).as_bytes()).unwrap_err();
                assert!(
                    finding.message.contains(&format!("duplicate member `{again}`")),
                    "{}",
                    finding.message
                );
            }
        }
    }

    #[test]
    fn trailing_text_and_broken_documents_are_refused() {
        for document in ["", "{", "{} {}", "[1,]", "\u{feff}{}", "nul"] {
            assert_eq!(Node::read(document.as_bytes()).unwrap_err().code, "json_malformed", "{document}");
        }
    }
}
