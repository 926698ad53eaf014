//! From a bundle to a directory of answers as Graph gives them; the way back is [`Import`](super::Import).

use std::cell::Cell;
use std::fs;
use std::io::BufReader;
use std::path::Path;

use serde_json::value::to_raw_value;

use super::answers;
use super::dissection::Dissection;
use super::error::{GraphError, Wrong, unreadable, unwritable};
use super::file::{Counted, malformed, open};
use super::import::Progress;
use super::layout;
use super::output::Directory;
use crate::id::TenantId;
use crate::source::document::Files;

/// What is to be exported.
#[derive(Debug)]
pub struct Export<'e> {
    /// A bundle, or a directory of bundles.
    pub bundle: &'e Path,
    /// The directory to make.
    pub to: &'e Path,
}

/// What was written.
#[derive(Debug)]
pub struct Exported {
    /// How many tenants.
    pub tenants: usize,
    /// How many partners they have together.
    pub partners: u64,
}

impl Export<'_> {
    /// Writes the directory. Whether the bundle would load is not asked: what is wrong with it is not lost either.
    ///
    /// # Errors
    /// When anything of the bundle has no place in the directory; then nothing was written.
    pub fn run(&self, progress: &mut dyn Progress) -> Result<Exported, GraphError> {
        let bundles = Files::new(self.bundle.to_owned()).paths().map_err(unreadable(self.bundle))?;
        let directory = Directory::create(self.to)?;
        let sizes = bundles.iter().map(|bundle| fs::metadata(bundle).map_or(0, |bundle| bundle.len()));
        progress.total(sizes.sum());
        let bytes = Cell::new(0);
        let mut dissection = Dissection::into(directory.path(), &bytes, progress);
        for bundle in &bundles {
            let counted = Counted { inner: open(bundle)?, count: &bytes };
            let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 16, counted));
            let read = dissection.read(&mut json).and_then(|()| json.end());
            if let Some(failed) = dissection.failed {
                return Err(failed);
            }
            read.map_err(malformed(bundle))?;
        }
        let Dissection { tenants, partners, .. } = dissection;
        match tenants.as_slice() {
            [] => {
                return Err(Wrong::Mistaken { at: "/tenants".to_owned(), expected: "a tenant" }
                    .with(self.bundle)
                    .into());
            }
            [_] => alone(directory.path())?,
            tenants => together(directory.path(), tenants)?,
        }
        directory.finish()?;
        Ok(Exported { tenants: tenants.len(), partners })
    }
}

/// The files of the only tenant are those of the directory.
fn alone(directory: &Path) -> Result<(), GraphError> {
    let own = directory.join("0");
    for entry in fs::read_dir(&own).map_err(unreadable(&own))? {
        let entry = entry.map_err(unreadable(&own))?;
        fs::rename(entry.path(), directory.join(entry.file_name())).map_err(unwritable(directory))?;
    }
    fs::remove_dir(&own).map_err(unwritable(directory))
}

/// Each tenant has a directory of its name, and `tenants.json` has their order.
fn together(directory: &Path, tenants: &[TenantId]) -> Result<(), GraphError> {
    for (index, id) in tenants.iter().enumerate() {
        let place = directory.join(id.to_string());
        if place.exists() {
            return Err(Wrong::TenantTwice(*id).with(&place).into());
        }
        fs::rename(directory.join(index.to_string()), place).map_err(unwritable(directory))?;
    }
    let order = to_raw_value(tenants).map_err(malformed(directory))?;
    answers::save(&directory.join(layout::TENANTS), |writer| writer.value(None, &order))
}
