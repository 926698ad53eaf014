//! A list as Graph returns it: page after page, each read item by item, whatever their size.

use std::cell::Cell;
use std::fmt;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::context;
use super::error::{GraphError, Wrong};
use super::file::{Counted, malformed, open};
use super::layout::{Resource, page_name};
use super::text::{Members, Raw, is_annotation, is_null, string};

/// What becomes of a list.
pub(super) trait List {
    /// An annotation of the list, such as `@odata.context`.
    fn annotation(&mut self, _name: &str, _value: &RawValue) -> Result<(), GraphError> {
        Ok(())
    }

    /// The items follow; said once.
    fn begin(&mut self) -> Result<(), GraphError> {
        Ok(())
    }

    /// An item, the page that it is on, and its position there.
    fn item(&mut self, value: Raw, page: usize, position: usize) -> Result<(), GraphError>;

    /// So many bytes of the files were read.
    fn read(&mut self, _bytes: u64) {}
}

/// Reads the pages into `list`.
pub(super) fn read(resource: Resource, pages: &[PathBuf], list: &mut dyn List) -> Result<(), GraphError> {
    let mut whole = Whole { resource, list, annotations: Vec::new(), links: Vec::new(), begun: false };
    for (index, path) in pages.iter().enumerate() {
        let next = whole.page(path, index)?;
        let following = pages.get(index.saturating_add(1));
        let number = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(2);
        match (next, following) {
            (Some(_), None) => {
                return Err(Wrong::PageMissing(page_name(resource, number)).with(path).into());
            }
            (None, Some(_)) => {
                return Err(Wrong::PageAfterLast(page_name(resource, number)).with(path).into());
            }
            (Some(link), Some(_)) => whole.follow(path, link)?,
            (None, None) => {}
        }
    }
    Ok(())
}

/// The list over all its pages.
struct Whole<'w> {
    resource: Resource,
    list: &'w mut dyn List,
    annotations: Vec<(String, Raw)>,
    /// Which page leads where.
    links: Vec<(PathBuf, String)>,
    begun: bool,
}

impl Whole<'_> {
    /// Where the page says that there is more.
    fn page(&mut self, path: &Path, index: usize) -> Result<Option<String>, GraphError> {
        let bytes = Cell::new(0);
        let counted = Counted { inner: open(path)?, count: &bytes };
        let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 16, counted));
        let mut page = Page {
            path,
            index,
            bytes: &bytes,
            whole: self,
            failed: None,
            next: None,
            others: Members::default(),
        };
        let read = (&mut page).deserialize(&mut json).and_then(|value| json.end().map(|()| value));
        if let Some(failed) = page.failed {
            return Err(failed);
        }
        let has_value = read.map_err(malformed(path))?;
        super::file::refuse_error(path, &page.others)?;
        if let Some((name, _)) = page.others.iter().next() {
            return Err(Wrong::BesideValue(name.to_owned()).with(path).into());
        }
        if has_value {
            return Ok(page.next);
        }
        Err(Wrong::Mistaken { at: "/value".to_owned(), expected: "the list of an answer of Graph's" }
            .with(path)
            .into())
    }

    fn annotation(&mut self, path: &Path, name: String, value: Raw) -> Result<(), GraphError> {
        if name == "@odata.context" {
            context::check(path, &value, self.resource)?;
        }
        match self.annotations.iter().find(|(known, _)| *known == name) {
            Some((_, said)) if said.get() == value.get() => Ok(()),
            Some(_) => Err(Wrong::PagesDiffer(name).with(path).into()),
            None => {
                self.list.annotation(&name, &value)?;
                self.annotations.push((name, value));
                Ok(())
            }
        }
    }

    fn follow(&mut self, path: &Path, link: String) -> Result<(), GraphError> {
        if let Some((other, _)) = self.links.iter().find(|(_, known)| *known == link) {
            return Err(Wrong::PageTwice(other.display().to_string()).with(path).into());
        }
        self.links.push((path.to_owned(), link));
        Ok(())
    }
}

/// One page, as it is read.
struct Page<'p, 'w> {
    path: &'p Path,
    index: usize,
    bytes: &'p Cell<u64>,
    whole: &'p mut Whole<'w>,
    /// What serde's errors cannot carry.
    failed: Option<GraphError>,
    next: Option<String>,
    /// What does not belong on a page.
    others: Members,
}

impl Page<'_, '_> {
    fn hold<T, E: serde::de::Error>(&mut self, result: Result<T, GraphError>) -> Result<T, E> {
        result.map_err(|error| {
            self.failed = Some(error);
            E::custom("stopped")
        })
    }

    fn begin<E: serde::de::Error>(&mut self) -> Result<(), E> {
        if std::mem::replace(&mut self.whole.begun, true) {
            return Ok(());
        }
        let begun = self.whole.list.begin();
        self.hold(begun)
    }
}

/// Whether there was a `value`.
impl<'de> DeserializeSeed<'de> for &mut Page<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Page<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Graph's whole answer, `{\"@odata.context\": …, \"value\": [ … ]}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<bool, A::Error> {
        let mut names: Vec<String> = Vec::new();
        while let Some(name) = object.next_key::<String>()? {
            if names.contains(&name) {
                return Err(A::Error::custom(format_args!("duplicate member `{name}`")));
            }
            names.push(name.clone());
            if name == "value" {
                object.next_value_seed(Items(&mut *self))?;
                continue;
            }
            let value: Raw = object.next_value()?;
            if name == "@odata.nextLink" && !is_null(&value) {
                self.next = Some(string(&value).unwrap_or_default());
            } else if is_annotation(&name) {
                let taken = self.whole.annotation(self.path, name, value);
                self.hold(taken)?;
            } else {
                let _first = self.others.push(&name, value);
            }
        }
        Ok(names.iter().any(|name| name == "value"))
    }
}

/// `value`.
struct Items<'i, 'p, 'w>(&'i mut Page<'p, 'w>);

impl<'de> DeserializeSeed<'de> for Items<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list under `value`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.begin()?;
        let mut position = 0_usize;
        while let Some(item) = items.next_element::<Raw>()? {
            let taken = self.0.whole.list.item(item, self.0.index, position);
            self.0.hold(taken)?;
            self.0.whole.list.read(self.0.bytes.take());
            position = position.saturating_add(1);
        }
        Ok(())
    }
}

/// A list that is small enough to be held.
#[derive(Debug, Default)]
pub(super) struct Collected {
    annotations: Vec<(String, Raw)>,
    /// How many of the annotations stand before the items.
    before: usize,
    pub(super) items: Vec<Raw>,
    /// Page and position of each item.
    pub(super) places: Vec<(usize, usize)>,
}

impl Collected {
    pub(super) fn read(resource: Resource, pages: &[PathBuf]) -> Result<Self, GraphError> {
        let mut collected = Self::default();
        read(resource, pages, &mut collected)?;
        Ok(collected)
    }

    /// All items as one value.
    pub(super) fn list(&self) -> serde_json::Result<Raw> {
        let items: Vec<_> = self.items.iter().map(|item| item.get()).collect();
        serde_json::from_str(&format!("[{}]", items.join(",")))
    }

    /// The members of the object that has the list, or what it comes to, as its property `name`.
    pub(super) fn into_members(self, name: &str, value: Raw) -> Vec<(String, Raw)> {
        let annotations = self.annotations.into_iter();
        let mut members: Vec<_> =
            annotations.map(|(annotation, value)| (format!("{name}{annotation}"), value)).collect();
        members.insert(self.before.min(members.len()), (name.to_owned(), value));
        members
    }
}

impl List for Collected {
    fn annotation(&mut self, name: &str, value: &RawValue) -> Result<(), GraphError> {
        self.annotations.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    fn begin(&mut self) -> Result<(), GraphError> {
        self.before = self.annotations.len();
        Ok(())
    }

    fn item(&mut self, value: Raw, page: usize, position: usize) -> Result<(), GraphError> {
        self.items.push(value);
        self.places.push((page, position));
        Ok(())
    }
}
