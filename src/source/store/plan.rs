//! From the policy that a store has to the one that it is to have: which records that touches, and what of it somebody
//! should have to say yes to.

use std::collections::BTreeMap;
use std::io;

use super::{Change, Edit, Key, Records, Store, StoreError};
use crate::id::TenantId;
use crate::policy::{Compiled, Compiler, Loosening, Options, Revision, Snapshot, loosenings};

/// A change that was worked out on one revision, and not made yet.
#[derive(Debug)]
pub struct Plan {
    /// The revision; 0 where the store is empty.
    pub on: u64,
    /// What is to be done. With no edits, nothing is.
    pub change: Change,
    /// How many partners each tenant has now.
    partners: BTreeMap<TenantId, usize>,
}

/// Something that is not done without being acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Concern {
    /// Whose policy it is about.
    pub tenant: TenantId,
    /// Where in the tenant: a JSON pointer.
    pub pointer: String,
    /// What.
    pub message: String,
}

impl Plan {
    /// Makes the store's records those `wanted`, and no others.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn of(
        store: &mut dyn Store,
        wanted: BTreeMap<Key, Box<str>>,
        what: impl Into<String>,
    ) -> Result<Self, StoreError> {
        let mut comparing = Comparing { wanted, edits: BTreeMap::new(), partners: BTreeMap::new() };
        let on = match store.read(&mut comparing) {
            Err(StoreError::Empty(_)) => 0,
            read => read?,
        };
        let Comparing { wanted, mut edits, partners } = comparing;
        edits.extend(wanted.into_iter().map(|(key, after)| (key, Edit { before: None, after: Some(after) })));
        Ok(Self { on, change: Change { what: what.into(), edits }, partners })
    }

    /// What should not happen by accident. `max_removed` is in percent of a tenant's partners.
    pub fn concerns(&self, max_removed: u8) -> Vec<Concern> {
        let mut concerns = Vec::new();
        for (tenant, edits) in self.by_tenant() {
            let mut concern = |pointer: String, message: String| {
                concerns.push(Concern { tenant, pointer, message });
            };
            let before = self.partners.get(&tenant).copied().unwrap_or_default();
            let settings = edits.iter().find(|(key, _)| key.partner.is_none()).map(|(_, edit)| *edit);
            if let Some(Edit { after: None, .. }) = settings {
                concern(String::new(), format!("the tenant is removed, with {before} partner(s)"));
                continue;
            }
            let removed = edits.iter().filter(|(_, edit)| edit.after.is_none()).count();
            if removed.saturating_mul(100) > before.saturating_mul(usize::from(max_removed)) {
                let message =
                    format!("{removed} of {before} partners are removed, more than {max_removed} %");
                concern("/crossTenantAccessPolicy/partners".to_owned(), message);
            }
            for Loosening { pointer, message } in
                settings.map(|edit| loosened(tenant, edit)).unwrap_or_default()
            {
                concern(pointer, message);
            }
        }
        concerns
    }

    /// The edits of each tenant.
    pub fn by_tenant(&self) -> BTreeMap<TenantId, Vec<(Key, &Edit)>> {
        let mut tenants: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (key, edit) in &self.change.edits {
            tenants.entry(key.tenant).or_default().push((*key, edit));
        }
        tenants
    }
}

/// What new settings permit that the former ones did not.
fn loosened(tenant: TenantId, edit: &Edit) -> Vec<Loosening> {
    let read = |text: &Option<Box<str>>| text.as_deref().and_then(|text| alone(tenant, text));
    let (before, after) = (read(&edit.before), read(&edit.after));
    let mut found = Vec::new();
    if before.is_none() && edit.before.is_some() {
        let message = "what was there cannot be read, so that nobody can tell what is to be permitted";
        found.push(Loosening { pointer: String::new(), message: message.to_owned() });
    }
    let before = before.as_ref().and_then(|snapshot| snapshot.tenant(tenant));
    if let Some(after) = after.as_ref().and_then(|snapshot| snapshot.tenant(tenant)) {
        found.extend(loosenings(before, after));
    }
    found
}

/// A tenant's settings by themselves.
fn alone(tenant: TenantId, settings: &str) -> Option<Snapshot> {
    let options = Options::default();
    let mut compiler = Compiler::new(&options);
    compiler.tenant(tenant, settings.as_bytes(), 0);
    let Compiled { snapshot, findings: _ } = compiler.finish(Revision("alone".into()));
    snapshot
}

/// Takes what is there, and keeps what differs.
struct Comparing {
    /// What was not seen yet.
    wanted: BTreeMap<Key, Box<str>>,
    edits: BTreeMap<Key, Edit>,
    partners: BTreeMap<TenantId, usize>,
}

impl Comparing {
    fn record(&mut self, key: Key, before: &str) {
        let after = self.wanted.remove(&key);
        if after.as_deref() != Some(before) {
            self.edits.insert(key, Edit { before: Some(before.into()), after });
        }
    }
}

impl Records for Comparing {
    fn tenant(&mut self, id: TenantId, settings: &str, partners: usize) -> io::Result<()> {
        self.partners.insert(id, partners);
        self.record(Key::settings(id), settings);
        Ok(())
    }

    fn partner(&mut self, of: TenantId, id: TenantId, record: &str) -> io::Result<()> {
        self.record(Key::partner(of, id), record);
        Ok(())
    }
}

/// Every record as of a former revision, to be had again.
///
/// # Errors
/// [`StoreError::NotKept`], and where the store cannot be read or changes meanwhile.
pub fn records_as_of(store: &mut dyn Store, revision: u64) -> Result<BTreeMap<Key, Box<str>>, StoreError> {
    let former = store.former(revision)?;
    let mut all = All::default();
    let present = store.read(&mut all)?;
    if present != former.present {
        return Err(StoreError::Conflict { expected: former.present, present });
    }
    for (key, then) in former.records {
        match then {
            Some(text) => drop(all.0.insert(key, text)),
            None => drop(all.0.remove(&key)),
        }
    }
    Ok(all.0)
}

/// Keeps every record.
#[derive(Debug, Default)]
pub(in crate::source) struct All(pub(in crate::source) BTreeMap<Key, Box<str>>);

impl Records for All {
    fn tenant(&mut self, id: TenantId, settings: &str, _: usize) -> io::Result<()> {
        self.0.insert(Key::settings(id), settings.into());
        Ok(())
    }

    fn partner(&mut self, of: TenantId, id: TenantId, record: &str) -> io::Result<()> {
        self.0.insert(Key::partner(of, id), record.into());
        Ok(())
    }
}

/// What the policy's reader says of records.
pub fn compile_records(records: &BTreeMap<Key, Box<str>>, options: &Options) -> Compiled {
    let mut compiler = Compiler::new(options);
    for (key, text) in records {
        match key.partner {
            None => compiler.tenant(key.tenant, text.as_bytes(), 0),
            Some(partner) => compiler.partner(partner, text.as_bytes()),
        }
    }
    compiler.finish(Revision("records".into()))
}
