//! Reading one object completely: every member is either taken, known and passed over, or reported.
//!
//! This is how "destructure the wire type whole" looks for JSON: nothing is lost in silence, and a property in the
//! wrong case, which Graph refuses, cannot turn a block into an absence.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::str::FromStr;

use smallvec::SmallVec;

use crate::policy::finding::Findings;
use crate::policy::json::{Node, Record, is_annotation};
use crate::policy::pointer::Pointer;

/// The members of one object that are still to be accounted for.
pub(in crate::policy) struct Fields<'n, 'a> {
    members: &'n [(Cow<'a, str>, Node<'a>)],
    known: RefCell<SmallVec<[&'static str; KNOWN]>>,
    /// Which members were taken, by their bit; later ones than the 64th have none.
    taken: Cell<u64>,
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
            return Some(Fields { members, known: RefCell::default(), taken: Cell::new(0), at: self.at });
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

    /// An array that is read item by item.
    pub(in crate::policy) fn records(self, findings: &mut Findings) -> &'n [Record<'a>] {
        if let Node::Records(records) = self.node {
            return records;
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
        self.parse_telling(findings, |text, error| format!("`{text}`: {error}"))
    }

    /// The same where the text may be somebody's name or address, which is no business of a log's.
    pub(in crate::policy) fn parse_unquoted<T: FromStr<Err: std::fmt::Display>>(
        self,
        findings: &mut Findings,
    ) -> Option<T> {
        self.parse_telling(findings, |_, error| format!("{error}"))
    }

    fn parse_telling<T: FromStr>(
        self,
        findings: &mut Findings,
        tell: impl FnOnce(&str, T::Err) -> String,
    ) -> Option<T> {
        let text = self.text(findings)?;
        let malformed = |error| {
            let message = tell(text, error);
            findings.error("value_malformed", &self.at, message, "correct the value");
        };
        text.parse().map_err(malformed).ok()
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
        let (index, (_, node)) = self.members.iter().enumerate().find(|(_, (member, _))| member == name)?;
        let bit = u32::try_from(index).ok().and_then(|index| 1_u64.checked_shl(index)).unwrap_or(0);
        self.taken.set(self.taken.get() | bit);
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
        self.entries().filter(|(name, _)| !is_annotation(name) && !self.known.borrow().contains(name))
    }

    /// Reports what nobody asked for in one of Graph's resources, to which Graph may add at any time.
    pub(in crate::policy) fn finish(self, findings: &mut Findings) {
        for name in self.unasked(findings) {
            let message = format!("unknown property `{name}`: kept, and never granted by");
            let remedy = match self.nearest(name) {
                Some((known, closeness)) if closeness >= CLOSE => {
                    Cow::Owned(format!("it looks like `{known}`: correct the spelling, or leave it"))
                }
                Some(_) | None => Cow::Borrowed("check the spelling, or leave it"),
            };
            findings.warn("property_unknown", &self.at.member(name), message, remedy);
        }
    }

    /// The same for an object of the bundle's own. There an unknown name can only be a known one misspelt, and what
    /// it holds, perhaps all that a tenant blocks, must not be taken for absent.
    pub(in crate::policy) fn finish_exact(self, findings: &mut Findings) {
        for name in self.unasked(findings) {
            let remedy = match self.nearest(name) {
                Some((known, _)) => Cow::Owned(format!("did you mean `{known}`? Correct or remove it")),
                None => Cow::Borrowed("remove it"),
            };
            let message = format!("unknown member `{name}`: what it holds would have no effect");
            findings.error("member_unknown", &self.at.member(name), message, remedy);
        }
    }

    /// The unknown names, without those whose mistake is certain and reported here.
    fn unasked(&self, findings: &mut Findings) -> Vec<&'n str> {
        // Nearly always everything was asked for.
        if usize::try_from(self.taken.get().count_ones()) == Ok(self.members.len()) {
            return Vec::new();
        }
        for (name, node) in self.entries() {
            if name.ends_with(NEXT_LINK) && *node != Node::Null {
                let message = "Graph has more pages of this list: what they hold would have no effect";
                findings.error("list_incomplete", &self.at.member(name), message, "fetch and add every page");
            }
        }
        let unnamed = self.unnamed().map(|(name, _)| name);
        let (miscased, unknown): (Vec<_>, Vec<_>) =
            unnamed.partition(|name| self.in_its_case(name).is_some());
        for name in miscased {
            let known = self.in_its_case(name).unwrap_or_default();
            let message = format!("`{name}` is `{known}` in the wrong case, and would be ignored");
            let remedy = "property names are case-sensitive: correct the case";
            findings.error("property_case", &self.at.member(name), message, remedy);
        }
        unknown
    }

    fn in_its_case(&self, name: &str) -> Option<&'static str> {
        self.known.borrow().iter().find(|known| known.eq_ignore_ascii_case(name)).copied()
    }

    /// The known name that resembles this one most, and how much.
    fn nearest(&self, name: &str) -> Option<(&'static str, f64)> {
        let known = self.known.borrow();
        let rated = known.iter().map(|known| (*known, strsim::jaro_winkler(name, known)));
        rated.max_by(|(_, one), (_, other)| one.total_cmp(other))
    }
}

/// Most objects can have no more members.
const KNOWN: usize = 24;
/// Names that resemble each other this much are taken for one name and its misspelling.
const CLOSE: f64 = 0.92;
/// What ends the name of the address of a list's next page.
const NEXT_LINK: &str = "@odata.nextLink";
