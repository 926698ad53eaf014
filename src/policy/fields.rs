//! Reading one object completely: every member is either taken, known and passed over, or reported.
//!
//! This is how "destructure the wire type whole" looks for JSON: nothing is lost in silence, and a property in the
//! wrong case, which Graph refuses, cannot turn a block into an absence.

use std::borrow::Cow;
use std::cell::RefCell;
use std::str::FromStr;

use crate::policy::finding::Findings;
use crate::policy::json::Node;
use crate::policy::pointer::Pointer;

/// The members of one object that are still to be accounted for.
pub(in crate::policy) struct Fields<'n, 'a> {
    members: &'n [(Cow<'a, str>, Node<'a>)],
    known: RefCell<Vec<&'static str>>,
    pub(in crate::policy) at: Pointer<'n>,
}

/// A value that is there, and where.
#[derive(Clone, Copy)]
pub(in crate::policy) struct Field<'n, 'a> {
    pub(in crate::policy) node: &'n Node<'a>,
    pub(in crate::policy) at: Pointer<'n>,
}

impl<'n, 'a> Field<'n, 'a> {
    pub(in crate::policy) fn object(self, findings: &mut Findings) -> Option<Fields<'n, 'a>> {
        if let Node::Object(members) = self.node {
            return Some(Fields { members, known: RefCell::new(Vec::with_capacity(24)), at: self.at });
        }
        self.mistyped("an object", findings);
        None
    }

    pub(in crate::policy) fn array(self, findings: &mut Findings) -> &'n [Node<'a>] {
        if let Node::Array(items) = self.node {
            return items;
        }
        self.mistyped("an array", findings);
        &[]
    }

    pub(in crate::policy) fn text(self, findings: &mut Findings) -> Option<&'n str> {
        if let Node::Text(text) = self.node {
            return Some(text);
        }
        self.mistyped("a string", findings);
        None
    }

    pub(in crate::policy) fn bool(self, findings: &mut Findings) -> Option<bool> {
        if let Node::Bool(value) = self.node {
            return Some(*value);
        }
        self.mistyped("a boolean", findings);
        None
    }

    /// Text in one of its documented spellings.
    pub(in crate::policy) fn parse<T: FromStr<Err: std::fmt::Display>>(
        self,
        findings: &mut Findings,
    ) -> Option<T> {
        let text = self.text(findings)?;
        text.parse()
            .map_err(|error| {
                findings.error(
                    "value_malformed",
                    &self.at,
                    format!("`{text}`: {error}"),
                    "correct the value",
                );
            })
            .ok()
    }

    fn mistyped(self, expected: &str, findings: &mut Findings) {
        let message = format!("expected {expected}, found {}", self.node.kind());
        findings.error("type_mismatch", &self.at, message, "give the value in the type that Graph documents");
    }
}

impl<'n, 'a> Fields<'n, 'a> {
    /// The member of this name; null is absence.
    pub(in crate::policy) fn take<'s>(&'s self, name: &'static str) -> Option<Field<'s, 'a>>
    where
        'n: 's,
    {
        self.known.borrow_mut().push(name);
        let (_, node) = self.members.iter().find(|(member, _)| member == name)?;
        if *node == Node::Null { None } else { Some(Field { node, at: self.at.member(name) }) }
    }

    /// The same, reported when it is not there.
    pub(in crate::policy) fn require<'s>(
        &'s self,
        name: &'static str,
        findings: &mut Findings,
    ) -> Option<Field<'s, 'a>>
    where
        'n: 's,
    {
        let found = self.take(name);
        if found.is_none() {
            findings.error("property_missing", &self.at, format!("`{name}` is missing"), "add the property");
        }
        found
    }

    /// Properties that have a meaning elsewhere, and none here.
    pub(in crate::policy) fn pass_over(&self, names: &[&'static str]) {
        self.known.borrow_mut().extend_from_slice(names);
    }

    /// Every member, for maps whose names are data.
    pub(in crate::policy) fn entries(&self) -> impl Iterator<Item = (&'n str, &'n Node<'a>)> {
        self.members.iter().map(|(name, node)| (&**name, node))
    }

    /// Members that were not named so far; those that are not neutral change a meaning that we do not know.
    pub(in crate::policy) fn unnamed(
        &self,
    ) -> impl Iterator<Item = (&'n str, &'n Node<'a>)> + use<'_, 'n, 'a> {
        self.entries().filter(|(name, _)| !name.contains("@odata.") && !self.known.borrow().contains(name))
    }

    /// Reports what nobody asked for.
    pub(in crate::policy) fn finish(self, findings: &mut Findings) {
        for (name, _) in self.unnamed() {
            let at = self.at.member(name);
            if let Some(known) = self.known.borrow().iter().find(|known| known.eq_ignore_ascii_case(name)) {
                let message = format!("`{name}` is `{known}` in the wrong case, and would be ignored");
                findings.error(
                    "property_case",
                    &at,
                    message,
                    "property names are case-sensitive: correct the case",
                );
            } else {
                let message = format!("unknown property `{name}`: kept, and never granted by");
                findings.warn("property_unknown", &at, message, "check the spelling, or leave it");
            }
        }
    }
}
