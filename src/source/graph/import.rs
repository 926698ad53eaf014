//! From a directory of Graph's answers to a bundle.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::assembly::{Assembly, tenant_of};
use super::check::{Check, Found};
use super::error::{GraphError, Wrong, unwritable};
use super::layout::{self, Resource};
use super::output::Output;
use super::pages::{self, List};
use super::parts::Parts;
use super::text::{Members, Raw, Writer, is_null};
use crate::id::TenantId;
use crate::policy::Revision;
use crate::source::document::revision;

/// What is to be imported.
#[derive(Debug)]
pub struct Import<'i> {
    /// The directory.
    pub from: &'i Path,
    /// Whose settings they are, where the directory does not tell.
    pub tenant: Option<TenantId>,
    /// The bundle to write.
    pub to: &'i Path,
    /// Whether a bundle that is there may be replaced.
    pub replace: bool,
}

/// What was written.
#[derive(Debug)]
pub struct Imported {
    /// How many tenants.
    pub tenants: usize,
    /// How many partners they have together.
    pub partners: u64,
    /// The revision that a service will tell of this bundle.
    pub revision: Revision,
}

/// Hears how it goes.
pub trait Progress {
    /// So many bytes of partners are to be read.
    fn total(&mut self, bytes: u64);
    /// So many more were.
    fn read(&mut self, bytes: u64);
    /// So many partners are there by now.
    fn partners(&mut self, count: u64);
    /// Something was found in the policy.
    fn found(&mut self, found: Found);
    /// Nothing is told of something, which means something.
    fn absent(&mut self, path: PathBuf, effect: &'static str);
}

impl Import<'_> {
    /// Writes the bundle, if it is one that will load.
    ///
    /// # Errors
    /// When anything would be lost, doubled or refused by the policy's reader; then nothing was written.
    pub fn run(&self, progress: &mut dyn Progress) -> Result<Imported, GraphError> {
        let output = Output::create(self.to, self.replace)?;
        let tenants = self.tenants()?;
        for tenant in &tenants {
            absences(tenant, progress);
        }
        let several = tenants.len() > 1;
        let bytes = tenants.iter().map(bytes_of_partners).sum::<u64>();
        progress.total(bytes.saturating_mul(if several { 2 } else { 1 }));
        let among = if several { among_themselves(&tenants, progress)? } else { Vec::new() };
        let mut writer = Writer::new(output);
        writer
            .open(None, b'{')
            .and_then(|()| writer.open(Some("tenants"), b'['))
            .map_err(unwritable(self.to))?;
        let (mut partners, mut errors) = (0_u64, 0_u64);
        for tenant in &tenants {
            let others = tenants.iter().zip(&among).filter(|(other, _)| other.id != tenant.id);
            let check = Check::new(tenant, others)?;
            let written = Assembly::new(tenant, check, self.to, partners, &mut writer, progress).write()?;
            partners = written.partners;
            errors = errors.saturating_add(written.errors);
        }
        if errors > 0 {
            return Err(GraphError::Errors(errors));
        }
        writer.close(b']').and_then(|()| writer.close(b'}')).map_err(unwritable(self.to))?;
        let digest = writer.finish().map_err(unwritable(self.to))?.finish()?;
        Ok(Imported { tenants: tenants.len(), partners, revision: revision(digest.as_ref()) })
    }

    fn tenants(&self) -> Result<Vec<Parts>, GraphError> {
        let directories = layout::tenants(self.from)?;
        if self.tenant.is_some() && directories.len() > 1 {
            return Err(Wrong::SeveralTenants.with(self.from).into());
        }
        let mut tenants: Vec<Parts> = Vec::new();
        for files in directories {
            let tenant = Parts::read(files, self.tenant)?;
            if tenants.iter().any(|other| other.id == tenant.id) {
                return Err(Wrong::TenantTwice(tenant.id).with(&tenant.files.directory).into());
            }
            tenants.push(tenant);
        }
        Ok(tenants)
    }
}

/// What not being told means: without a file, with one that says null, or by an answer that has nothing.
fn absences(tenant: &Parts, progress: &mut dyn Progress) {
    let there = |members: &Members, name| {
        members.get(name).is_some_and(|value| !is_null(value) && value.get() != "{}")
    };
    let conditional = tenant.members.get("conditionalAccess").and_then(|own| Members::of(own).ok());
    for (told, name, effect) in [
        (
            there(&tenant.policy, "default"),
            layout::DEFAULT,
            "Microsoft's own defaults hold, by which everybody may collaborate",
        ),
        (tenant.listed, layout::PARTNERS, "the defaults hold for every organisation"),
        (
            conditional.is_some_and(|own| there(&own, "policies")),
            layout::CONDITIONAL,
            "no Conditional Access policy will be enforced",
        ),
        (
            there(&tenant.members, "authorizationPolicy"),
            layout::AUTHORIZATION,
            "only administrators and guest inviters may invite, and guests count as restricted",
        ),
        (
            there(&tenant.members, "b2bManagementPolicy"),
            layout::COLLABORATION,
            "no mail domain will be refused",
        ),
    ] {
        if !told {
            progress.absent(tenant.files.path(name), effect);
        }
    }
}

fn bytes_of_partners(tenant: &Parts) -> u64 {
    let sizes =
        tenant.files.pages(Resource::Partners).iter().map(|page| fs::metadata(page).map(|page| page.len()));
    sizes.map(Result::unwrap_or_default).sum()
}

/// The partners of each tenant that are tenants here themselves: what two sides say is checked together.
fn among_themselves(tenants: &[Parts], progress: &mut dyn Progress) -> Result<Vec<Vec<Raw>>, GraphError> {
    let hosted: HashSet<_> = tenants.iter().map(|tenant| tenant.id).collect();
    let mut among = Vec::new();
    for tenant in tenants {
        let mut hosts = Hosts { hosted: &hosted, found: Vec::new(), progress };
        if tenant.listed {
            pages::read(Resource::Partners, tenant.files.pages(Resource::Partners), &mut hosts)?;
        }
        among.push(hosts.found);
    }
    Ok(among)
}

struct Hosts<'h> {
    hosted: &'h HashSet<TenantId>,
    found: Vec<Raw>,
    progress: &'h mut dyn Progress,
}

impl List for Hosts<'_> {
    fn item(&mut self, value: Raw, _: usize, _: usize) -> Result<(), GraphError> {
        if tenant_of(&value).is_some_and(|id| self.hosted.contains(&id)) {
            self.found.push(value);
        }
        Ok(())
    }

    fn read(&mut self, bytes: u64) {
        self.progress.read(bytes);
    }
}
