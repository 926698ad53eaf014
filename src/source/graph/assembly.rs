//! One tenant of a bundle, written while its partners are read.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::check::{Check, Origin};
use super::cloud::Home;
use super::error::{GraphError, Wrong, unwritable};
use super::file::malformed;
use super::import::Progress;
use super::layout::{self, Resource};
use super::output::Output;
use super::pages::{self, List};
use super::parts::{Parts, entity};
use super::text::{Members, Raw, Writer};
use crate::id::TenantId;
use crate::policy::Level;

const SYNCHRONIZATION: &str = "identitySynchronization";

/// The tenant of a partner's settings, where it can be read.
pub(super) fn tenant_of(partner: &RawValue) -> Option<TenantId> {
    #[derive(Deserialize)]
    struct Partner {
        #[serde(rename = "tenantId")]
        id: TenantId,
    }
    serde_json::from_str(partner.get()).ok().map(|Partner { id }| id)
}

/// What became of it.
pub(super) struct Written {
    pub(super) partners: u64,
    pub(super) errors: u64,
}

pub(super) struct Assembly<'a> {
    parts: &'a Parts,
    check: Check<'a>,
    to: &'a Path,
    writer: &'a mut Writer<Output>,
    progress: &'a mut dyn Progress,
    written: Written,
    /// Whether the list of partners is open.
    listing: bool,
    /// Annotations that stand after the list.
    late: Vec<(String, Raw)>,
    /// Partners that have got their `identitySynchronization`.
    synchronized: HashSet<TenantId>,
}

impl<'a> Assembly<'a> {
    /// `partners` is how many the tenants before this one have.
    pub(super) fn new(
        parts: &'a Parts,
        check: Check<'a>,
        to: &'a Path,
        partners: u64,
        writer: &'a mut Writer<Output>,
        progress: &'a mut dyn Progress,
    ) -> Self {
        let written = Written { partners, errors: 0 };
        let (late, synchronized) = (Vec::new(), HashSet::new());
        Self { parts, check, to, writer, progress, written, listing: false, late, synchronized }
    }

    pub(super) fn write(mut self) -> Result<Written, GraphError> {
        let parts = self.parts;
        self.out(|writer| {
            writer.open(None, b'{')?;
            writer.members(&parts.members)?;
            writer.open(Some("crossTenantAccessPolicy"), b'{')?;
            writer.members(&parts.policy)
        })?;
        if parts.listed {
            pages::read(Resource::Partners, parts.files.pages(Resource::Partners), &mut self)?;
            self.out(|writer| writer.close(b']'))?;
        }
        for (name, value) in std::mem::take(&mut self.late) {
            self.out(|writer| writer.value(Some(&name), &value))?;
        }
        self.out(|writer| writer.close(b'}').and_then(|()| writer.close(b'}')))?;
        let mut left = parts.files.synchronization.iter().filter(|(id, _)| !self.synchronized.contains(id));
        if let Some((_, path)) = left.next() {
            return Err(Wrong::NoPartner.with(path).into());
        }
        self.check.finish();
        self.tell();
        Ok(self.written)
    }

    fn out(&mut self, write: impl FnOnce(&mut Writer<Output>) -> io::Result<()>) -> Result<(), GraphError> {
        write(self.writer).map_err(unwritable(self.to))
    }

    fn tell(&mut self) {
        for found in self.check.found.drain(..) {
            self.written.errors =
                self.written.errors.saturating_add(u64::from(found.finding.level == Level::Error));
            self.progress.found(found);
        }
    }

    /// The partner with what its own file says about synchronisation.
    fn synchronize(&mut self, id: TenantId, partner: Raw) -> Result<(Raw, Option<PathBuf>), GraphError> {
        let Some(path) = self.parts.files.synchronization.get(&id) else { return Ok((partner, None)) };
        let synchronization = entity(path, Resource::Synchronization(id))?;
        if let Some(context) = synchronization.get("@odata.context") {
            Home::agree_late(self.parts.home.as_ref(), path, context)?;
        }
        let told = synchronization.get("tenantId").map(|told| serde_json::from_str::<TenantId>(told.get()));
        if told.is_some_and(|told| told.ok() != Some(id)) {
            return Err(Wrong::OtherPartner.with(path).into());
        }
        let synchronization = synchronization.to_raw().map_err(malformed(path))?;
        let mut members = Members::of(&partner).map_err(malformed(path))?;
        if !members.push(SYNCHRONIZATION, synchronization) {
            return Err(Wrong::SynchronisedTwice.with(path).into());
        }
        self.synchronized.insert(id);
        Ok((members.to_raw().map_err(malformed(path))?, Some(path.clone())))
    }
}

impl List for Assembly<'_> {
    fn annotation(&mut self, name: &str, value: &RawValue) -> Result<(), GraphError> {
        if name == "@odata.context" {
            let path = self.parts.files.path(layout::PARTNERS);
            Home::agree_late(self.parts.home.as_ref(), &path, value)?;
        }
        let name = format!("partners{name}");
        if self.parts.policy.get(&name).is_some() {
            let path = self.parts.files.path(layout::POLICY);
            return Err(Wrong::TwoPlaces { member: name, file: layout::PARTNERS }.with(&path).into());
        }
        if self.listing {
            self.late.push((name, value.to_owned()));
            return Ok(());
        }
        self.out(|writer| writer.value(Some(&name), value))
    }

    fn begin(&mut self) -> Result<(), GraphError> {
        self.listing = true;
        self.out(|writer| writer.open(Some("partners"), b'['))
    }

    fn item(&mut self, value: Raw, page: usize, position: usize) -> Result<(), GraphError> {
        let id = tenant_of(&value);
        let (value, synchronization) = match id {
            Some(id) => self.synchronize(id, value)?,
            None => (value, None),
        };
        self.check.partner(id, &value, Origin { page, position, synchronization });
        self.tell();
        self.out(|writer| writer.value(None, &value))?;
        self.written.partners = self.written.partners.saturating_add(1);
        self.progress.partners(self.written.partners);
        Ok(())
    }

    fn read(&mut self, bytes: u64) {
        self.progress.read(bytes);
    }
}
