//! A bundle as the records of a store, and back.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Key, Records, Store, StoreError};
use crate::id::TenantId;
use crate::source::graph::{GraphError, Output, Writer, compact};

const POLICY: &str = "crossTenantAccessPolicy";
const PARTNERS: &str = "partners";

/// The records of a bundle, whitespace apart as they stand in it.
///
/// # Errors
/// Where it is not what the policy's reader would take; ask that first, for it says more.
pub fn records_of(documents: &[Vec<u8>]) -> serde_json::Result<BTreeMap<Key, Box<str>>> {
    #[derive(Deserialize)]
    struct Bundle<'t> {
        #[serde(borrow)]
        tenants: Vec<&'t RawValue>,
    }
    let mut records = BTreeMap::new();
    for document in documents {
        for tenant in serde_json::from_slice::<Bundle<'_>>(document)?.tenants {
            split(tenant, &mut records)?;
        }
    }
    Ok(records)
}

fn split(tenant: &RawValue, records: &mut BTreeMap<Key, Box<str>>) -> serde_json::Result<()> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "tenantId")]
        id: TenantId,
    }
    let Named { id } = serde_json::from_str(tenant.get())?;
    let mut settings = Text::default();
    for (name, value) in Members::of(tenant)?.0 {
        if name != POLICY {
            settings.member(&name, value.get())?;
            continue;
        }
        let mut policy = Text::default();
        for (name, value) in Members::of(value)?.0 {
            if name != PARTNERS {
                policy.member(&name, value.get())?;
                continue;
            }
            for partner in serde_json::from_str::<Option<Vec<&RawValue>>>(value.get())?.into_iter().flatten()
            {
                let Named { id: other } = serde_json::from_str(partner.get())?;
                records.insert(Key::partner(id, other), spaceless(partner.get()));
            }
        }
        settings.member(POLICY, &policy.finish())?;
    }
    records.insert(Key::settings(id), spaceless(&settings.finish()));
    Ok(())
}

fn spaceless(text: &str) -> Box<str> {
    String::from_utf8_lossy(&compact(text)).into()
}

/// The members of an object, where they stand.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'t> Members<'t> {
    fn of(object: &'t RawValue) -> serde_json::Result<Self> {
        serde_json::from_str(object.get())
    }
}

impl<'de: 't, 't> Deserialize<'de> for Members<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = object.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Read).map(Members)
    }
}

/// An object that is written member by member.
#[derive(Default)]
struct Text(String);

impl Text {
    fn member(&mut self, name: &str, value: &str) -> serde_json::Result<()> {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&serde_json::to_string(name)?);
        self.0.push(':');
        self.0.push_str(value);
        Ok(())
    }

    fn finish(self) -> String {
        if self.0.is_empty() { "{}".to_owned() } else { self.0 + "}" }
    }
}

/// Writes what the store holds as a bundle, and tells the revision.
///
/// # Errors
/// Where the store cannot be read, or `out` not be written.
pub fn write_bundle(store: &mut dyn Store, out: impl io::Write) -> Result<u64, StoreError> {
    let mut writing = Writing { writer: Writer::new(out), begun: false, rest: None };
    let revision = store.read(&mut writing)?;
    let mut end = || {
        writing.begin()?;
        writing.end_tenant()?;
        writing.writer.close(b']')?;
        writing.writer.close(b'}')
    };
    end().and_then(|()| writing.writer.finish()?.flush()).map_err(StoreError::Output)?;
    Ok(revision)
}

/// The same to a file, which appears whole or not at all, and takes the place of another only to `replace` it.
///
/// # Errors
/// The same.
pub fn write_bundle_to(store: &mut dyn Store, path: &Path, replace: bool) -> Result<u64, StoreError> {
    let failed = |error: GraphError| StoreError::Output(io::Error::other(error));
    let mut output = Output::create(path, replace).map_err(failed)?;
    let revision = write_bundle(store, &mut output)?;
    output.finish().map_err(failed)?;
    Ok(revision)
}

/// A bundle that is written record by record.
struct Writing<W> {
    writer: Writer<W>,
    /// Nothing is written of a store that cannot be read.
    begun: bool,
    /// Of the tenant whose partners are being written: its members after `crossTenantAccessPolicy`.
    rest: Option<Vec<(String, Box<RawValue>)>>,
}

impl<W: io::Write> Writing<W> {
    fn begin(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        self.writer.open(None, b'{')?;
        self.writer.open(Some("tenants"), b'[')
    }

    fn end_tenant(&mut self) -> io::Result<()> {
        let Some(rest) = self.rest.take() else { return Ok(()) };
        self.writer.close(b']')?;
        self.writer.close(b'}')?;
        for (name, value) in rest {
            self.writer.value(Some(&name), &value)?;
        }
        self.writer.close(b'}')
    }
}

impl<W: io::Write> Records for Writing<W> {
    fn tenant(&mut self, _: TenantId, settings: &str, _: usize) -> io::Result<()> {
        self.begin()?;
        self.end_tenant()?;
        self.writer.open(None, b'{')?;
        let Members(members) = serde_json::from_str(settings)?;
        let at = members.iter().position(|(name, _)| name == POLICY);
        let mut rest = members;
        let before: Vec<_> = rest.drain(..at.unwrap_or(rest.len())).collect();
        for (name, value) in before {
            self.writer.value(Some(&name), value)?;
        }
        self.writer.open(Some(POLICY), b'{')?;
        let mut rest = rest.into_iter();
        if let Some((_, policy)) = rest.next() {
            for (name, value) in Members::of(policy)?.0 {
                self.writer.value(Some(&name), value)?;
            }
        }
        self.writer.open(Some(PARTNERS), b'[')?;
        self.rest = Some(rest.map(|(name, value)| (name, value.to_owned())).collect());
        Ok(())
    }

    fn partner(&mut self, _: TenantId, _: TenantId, record: &str) -> io::Result<()> {
        self.writer.value(None, serde_json::from_str(record)?)
    }
}
