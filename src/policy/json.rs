//! A JSON document as a tree that borrows from its text and refuses duplicate members.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_path_to_error::Track;

use crate::policy::finding::Finding;
use crate::policy::pointer::escaped;

/// One value of a document; objects keep their order.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::policy) enum Node<'a> {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(Cow<'a, str>),
    Array(Vec<Self>),
    /// The array at [`Place::Records`]: there may be a million, and their trees would take gigabytes all at once.
    Records(Vec<Record<'a>>),
    Object(Vec<(Cow<'a, str>, Self)>),
}

/// One item, as its text.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Record<'a>(&'a RawValue);

impl<'a> Record<'a> {
    /// The item's tree, or where in it and why it is none.
    pub(in crate::policy) fn read(self) -> Result<Node<'a>, Finding> {
        // Text that is known to be UTF-8 is not looked at again for that.
        let text = self.0.get();
        read_from(&mut serde_json::Deserializer::from_str(text), Place::Elsewhere)
            .map_err(|_| locate(text.as_bytes(), Place::Elsewhere))
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
        read(document, Place::Document)
    }

    /// The same of a tenant by itself.
    pub(in crate::policy) fn read_tenant(record: &'a [u8]) -> Result<Self, Finding> {
        read(record, Place::Tenant)
    }

    /// The same of a partner by itself.
    pub(in crate::policy) fn read_partner(record: &'a [u8]) -> Result<Self, Finding> {
        read(record, Place::Elsewhere)
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
    name.contains('@') && (name.contains("@odata.") || name.contains("@microsoft.graph."))
}

fn read(text: &[u8], place: Place) -> Result<Node<'_>, Finding> {
    let mut json = serde_json::Deserializer::from_slice(text);
    read_from(&mut json, place).map_err(|_| locate(text, place))
}

fn read_from<'a, R: serde_json::de::Read<'a>>(
    json: &mut serde_json::Deserializer<R>,
    place: Place,
) -> serde_json::Result<Node<'a>> {
    let node = place.deserialize(&mut *json)?;
    json.end().map(|()| node)
}

/// Reads again, slower, to learn where the error was.
fn locate(text: &[u8], place: Place) -> Finding {
    let mut json = serde_json::Deserializer::from_slice(text);
    let mut track = Track::new();
    let Err(error) = place.deserialize(serde_path_to_error::Deserializer::new(&mut json, &mut track)) else {
        return Finding::malformed_json(String::new(), "text after the end of the document".to_owned());
    };
    let pointer = track.path().iter().fold(String::new(), |pointer, segment| match segment {
        serde_path_to_error::Segment::Seq { index } => format!("{pointer}/{index}"),
        serde_path_to_error::Segment::Map { key } => {
            format!("{pointer}/{}", escaped(key))
        }
        serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => pointer,
    });
    Finding::malformed_json(pointer, error.to_string())
}

/// How deep in a bundle a value is. Partners alone are kept as text, and what a partner or anything else has under
/// that name is not: each text is read once more, and what is inside would never be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Document,
    Tenants,
    Tenant,
    Policy,
    Records,
    Elsewhere,
}

impl Place {
    fn member(self, name: &str) -> Self {
        match (self, name) {
            (Self::Document, "tenants") => Self::Tenants,
            (Self::Tenant, "crossTenantAccessPolicy") => Self::Policy,
            (Self::Policy, "partners") => Self::Records,
            (
                Self::Document
                | Self::Tenants
                | Self::Tenant
                | Self::Policy
                | Self::Records
                | Self::Elsewhere,
                _,
            ) => Self::Elsewhere,
        }
    }

    fn item(self) -> Self {
        if self == Self::Tenants { Self::Tenant } else { Self::Elsewhere }
    }
}

impl<'de> DeserializeSeed<'de> for Place {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place {
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
        if self == Self::Records {
            let mut records = Vec::new();
            while let Some(record) = array.next_element()? {
                records.push(Record(record));
            }
            return Ok(Node::Records(records));
        }
        let mut items = Vec::new();
        while let Some(item) = array.next_element_seed(self.item())? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(Cow<'de, str>, Node<'de>)> = Vec::new();
        while let Some(name) = object.next_key::<Name<'de>>()? {
            let value = object.next_value_seed(self.member(&name.0))?;
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
        match Place::Elsewhere.deserialize(deserializer)? {
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
    fn what_is_called_partners_elsewhere_is_read_like_anything_else() {
        let twice = r#"{"partners":[{"x":1,"x":2}]}"#;
        for document in [
            twice.to_owned(),
            format!(r#"{{"tenants":[{twice}]}}"#),
            format!(r#"{{"tenants":[{{"crossTenantAccessPolicy":{{"default":{twice}}}}}]}}"#),
        ] {
            let finding = Node::read(document.as_bytes()).unwrap_err();
            assert!(finding.message.contains("duplicate member `x`"), "{document}: {}", finding.message);
        }
        let record: &RawValue = serde_json::from_str(twice).unwrap();
        let finding = Record(record).read().unwrap_err();
        let within = format!(r#"{{"crossTenantAccessPolicy":{twice}}}"#);
        assert!(
            Node::read_partner(within.as_bytes()).is_err() && Node::read_tenant(within.as_bytes()).is_ok()
        );
        assert!(finding.message.contains("duplicate member `x`"), "{}", finding.message);
        let listed = format!(r#"{{"tenants":[{{"crossTenantAccessPolicy":{twice}}}]}}"#);
        let Ok(Node::Object(members)) = Node::read(listed.as_bytes()) else { panic!("{listed}") };
        assert!(format!("{members:?}").contains("Records([Record("), "{members:?}");
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
