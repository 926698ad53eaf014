//! Where in a document the reading is: a JSON pointer (RFC 6901) that costs nothing until it is printed.

use std::fmt;

/// A path from the document's root, kept on the stack.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Pointer<'a> {
    parent: Option<&'a Self>,
    segment: Segment<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Segment<'a> {
    Root,
    Member(&'a str),
    Item(usize),
}

impl Pointer<'static> {
    pub(in crate::policy) const ROOT: Self = Self { parent: None, segment: Segment::Root };
}

impl<'a> Pointer<'a> {
    pub(in crate::policy) fn member(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), segment: Segment::Member(name) }
    }

    pub(in crate::policy) fn item(&'a self, index: usize) -> Self {
        Self { parent: Some(self), segment: Segment::Item(index) }
    }
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.segment {
            Segment::Root => Ok(()),
            Segment::Item(index) => write!(f, "/{index}"),
            Segment::Member(name) => write!(f, "/{}", escaped(name)),
        }
    }
}

/// A name as a part of a pointer.
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
