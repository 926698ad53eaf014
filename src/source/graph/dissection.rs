//! A bundle taken apart while it is read: partners go to their file one by one, the rest of a tenant when it is whole.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::value::RawValue;

use super::answers::{self, Saved};
use super::error::{GraphError, unwritable};
use super::import::Progress;
use super::layout;
use super::text::{Members, Raw, Writer, is_annotation};
use crate::id::TenantId;

/// All that was read so far, and the tenant that is being read.
pub(super) struct Dissection<'d> {
    directory: &'d Path,
    progress: &'d mut dyn Progress,
    bytes: &'d Cell<u64>,
    pub(super) tenants: Vec<TenantId>,
    pub(super) partners: u64,
    tenant: Tenant,
    /// What serde's errors cannot carry.
    pub(super) failed: Option<GraphError>,
}

#[derive(Default)]
struct Tenant {
    members: Members,
    /// `crossTenantAccessPolicy`, without `partners`.
    policy: Option<Members>,
    /// `partners.json`, from when there is a list.
    list: Option<Saved>,
}

impl<'d> Dissection<'d> {
    /// Into a directory for each tenant, named by its position. `bytes` counts what was read.
    pub(super) fn into(directory: &'d Path, bytes: &'d Cell<u64>, progress: &'d mut dyn Progress) -> Self {
        let tenant = Tenant::default();
        Self { directory, progress, bytes, tenants: Vec::new(), partners: 0, tenant, failed: None }
    }

    /// Reads one bundle.
    pub(super) fn read<'de, D: Deserializer<'de>>(&mut self, bundle: D) -> Result<(), D::Error> {
        At { step: Step::Bundle, all: self }.deserialize(bundle)
    }

    /// Where the tenant that is being read goes.
    fn place(&self, name: &str) -> PathBuf {
        self.directory.join(self.tenants.len().to_string()).join(name)
    }

    /// An annotation of the list is one of its answer's.
    fn begin_partners(&mut self) -> Result<(), GraphError> {
        let path = self.place(layout::PARTNERS);
        let policy = self.tenant.policy.get_or_insert_default();
        let (own, others) =
            std::mem::take(policy).into_iter().partition::<Vec<_>, _>(|(name, _)| of_list(name).is_some());
        *policy = others.into_iter().collect();
        let begin = || {
            let mut list = Writer::new(BufWriter::new(File::create(&path)?));
            list.open(None, b'{')?;
            for (name, value) in &own {
                list.value(of_list(name), value)?;
            }
            list.open(Some("value"), b'[')?;
            Ok(list)
        };
        self.tenant.list = Some(begin().map_err(unwritable(&path))?);
        Ok(())
    }

    fn in_list(&mut self, write: impl FnOnce(&mut Saved) -> io::Result<()>) -> Result<(), GraphError> {
        let path = self.place(layout::PARTNERS);
        self.tenant.list.as_mut().map_or(Ok(()), write).map_err(unwritable(&path))
    }

    fn partner(&mut self, value: &RawValue) -> Result<(), GraphError> {
        self.in_list(|list| list.value(None, value))?;
        self.partners = self.partners.saturating_add(1);
        self.progress.partners(self.partners);
        self.progress.read(self.bytes.take());
        Ok(())
    }

    /// A member of `crossTenantAccessPolicy`; false where it is there twice.
    fn of_policy(&mut self, name: &str, value: Raw) -> Result<bool, GraphError> {
        if self.tenant.list.is_some()
            && let Some(annotation) = of_list(name)
        {
            self.in_list(|list| list.value(Some(annotation), &value))?;
            return Ok(true);
        }
        Ok(self.tenant.policy.get_or_insert_default().push(name, value))
    }

    /// The tenant is whole.
    fn save(&mut self) -> Result<(), GraphError> {
        let path = self.place(layout::PARTNERS);
        let Tenant { members, policy, list } = std::mem::take(&mut self.tenant);
        let listed = list.is_some();
        if let Some(mut list) = list {
            let close = list
                .close(b'}')
                .and_then(|()| list.finish()?.into_inner().map_err(io::IntoInnerError::into_error));
            close.map_err(unwritable(&path))?;
        }
        let directory = self.place("");
        let id = answers::save_all(&directory, members, policy, listed)?;
        self.tenants.push(id);
        Ok(())
    }
}

/// The annotation, where the name is that of an annotation of the list.
fn of_list(name: &str) -> Option<&str> {
    name.strip_prefix("partners").filter(|annotation| is_annotation(annotation))
}

/// How deep in a bundle the reading is.
#[derive(Clone, Copy)]
enum Step {
    Bundle,
    Tenants,
    Tenant,
    Policy,
    Partners,
}

impl Step {
    /// The member that is read step by step, and the next step.
    fn below(self) -> Option<(&'static str, Self)> {
        match self {
            Self::Bundle => Some(("tenants", Self::Tenants)),
            Self::Tenant => Some(("crossTenantAccessPolicy", Self::Policy)),
            Self::Policy => Some(("partners", Self::Partners)),
            Self::Tenants | Self::Partners => None,
        }
    }
}

struct At<'a, 'd> {
    step: Step,
    all: &'a mut Dissection<'d>,
}

impl At<'_, '_> {
    fn hold<T, E: serde::de::Error>(&mut self, result: Result<T, GraphError>) -> Result<T, E> {
        result.map_err(|error| {
            self.all.failed = Some(error);
            E::custom("stopped")
        })
    }

    fn member<'de, A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<bool, A::Error> {
        match self.step {
            Step::Bundle | Step::Tenants | Step::Partners => {
                Err(A::Error::custom(format_args!("unknown member `{name}`: it has no place in a directory")))
            }
            Step::Tenant => Ok(self.all.tenant.members.push(name, object.next_value()?)),
            Step::Policy => {
                let value = object.next_value()?;
                let taken = self.all.of_policy(name, value);
                self.hold(taken)
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for At<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.step {
            Step::Bundle => "a bundle, `{\"tenants\": [ … ]}`",
            Step::Tenants => "a list of tenants",
            Step::Tenant => "a tenant",
            Step::Policy => "an object under `crossTenantAccessPolicy`",
            Step::Partners => "a list under `partners`",
        })
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        match self.step {
            Step::Partners => {
                let null = serde_json::from_str("null").map_err(E::custom)?;
                let _first = self.all.tenant.policy.get_or_insert_default().push("partners", null);
                Ok(())
            }
            Step::Bundle | Step::Tenants | Step::Tenant | Step::Policy => {
                Err(E::invalid_type(Unexpected::Unit, &self))
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        match self.step {
            Step::Tenants => {
                while items.next_element_seed(At { step: Step::Tenant, all: &mut *self.all })?.is_some() {}
            }
            Step::Partners => {
                let begun = self.all.begin_partners();
                self.hold(begun)?;
                while let Some(value) = items.next_element::<Raw>()? {
                    let written = self.all.partner(&value);
                    self.hold(written)?;
                }
                let ended = self.all.in_list(|list| list.close(b']'));
                self.hold(ended)?;
            }
            Step::Bundle | Step::Tenant | Step::Policy => {
                return Err(A::Error::invalid_type(Unexpected::Seq, &self));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
        match self.step {
            Step::Bundle => {}
            Step::Policy => self.all.tenant.policy = Some(Members::default()),
            Step::Tenant => {
                let directory = self.all.place("");
                let made = std::fs::create_dir(&directory).map_err(unwritable(&directory));
                self.hold(made)?;
            }
            Step::Tenants | Step::Partners => return Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
        let mut descended = false;
        while let Some(name) = object.next_key::<String>()? {
            let first = match self.step.below() {
                Some((below, _)) if below == name && descended => false,
                Some((below, step)) if below == name => {
                    object.next_value_seed(At { step, all: &mut *self.all })?;
                    descended = true;
                    true
                }
                Some(_) | None => self.member(&name, &mut object)?,
            };
            if !first {
                return Err(A::Error::custom(format_args!("duplicate member `{name}`")));
            }
        }
        if matches!(self.step, Step::Tenant) {
            let saved = self.all.save();
            self.hold(saved)?;
        }
        Ok(())
    }
}
