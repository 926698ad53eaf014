//! What decisions are made on: every hosted tenant with all that belongs together, swapped whole.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::id::{Cloud, Domain, ObjectId, PolicyId, TenantId};
use crate::policy::conditional::{ConditionalPolicy, Control};
use crate::policy::domains::{DomainLists, InvitesFrom};
use crate::policy::partner::{Consent, Partner, Settings};
use crate::policy::partners::Partners;
use crate::policy::setting::{Effective, SettingKind};
use crate::policy::shelf::Shelf;

/// Names the state of a policy: 16 hexadecimal digits of a file's SHA-256, or a store's decimal revision.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revision(pub Box<str>);

impl Revision {
    /// A store's.
    pub fn counted(revision: u64) -> Self {
        Self(revision.to_string().into())
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(in crate::policy) type Map<V> = HashMap<TenantId, V, foldhash::fast::RandomState>;

/// The compiled bundle.
#[derive(Debug)]
pub struct Snapshot {
    /// Which state of the policy this is.
    pub revision: Revision,
    /// The same as a number, where partners are on shelves, else 0.
    pub at: u64,
    tenants: Arc<Map<Tenant>>,
    /// Where partners are on shelves, the last revision that is each tenant's.
    standings: Map<Standing>,
}

/// A revision of the store, as a number and as a name.
#[derive(Debug, Clone)]
struct Standing {
    at: u64,
    revision: Revision,
}

impl Standing {
    fn at(at: u64) -> Self {
        Self { at, revision: Revision::counted(at) }
    }
}

impl Snapshot {
    pub(in crate::policy) fn new(revision: Revision, tenants: impl IntoIterator<Item = Tenant>) -> Self {
        let tenants = tenants.into_iter().map(|tenant| (tenant.id, tenant)).collect();
        Self { revision, at: 0, tenants: Arc::new(tenants), standings: Map::default() }
    }

    /// The same settings at a store's `revision`, each tenant's partners on the shelf that `place` has for it.
    #[must_use]
    pub fn on_shelves(self, revision: u64, place: impl Fn(TenantId) -> Option<Arc<dyn Shelf>>) -> Self {
        let tenants = Arc::into_inner(self.tenants).unwrap_or_default();
        let shelved = tenants.into_iter().map(|(id, mut tenant)| {
            tenant.partners = Partners::on(place(id));
            (id, tenant)
        });
        Self::all_at(revision, Arc::new(shelved.collect()))
    }

    /// The same settings, known to be the store's at a later `revision` too.
    #[must_use]
    pub fn still_at(&self, revision: u64) -> Self {
        Self::all_at(revision, Arc::clone(&self.tenants))
    }

    fn all_at(at: u64, tenants: Arc<Map<Tenant>>) -> Self {
        let standings = tenants.keys().map(|id| (*id, Standing::at(at))).collect();
        Self { revision: Revision::counted(at), at, tenants, standings }
    }

    /// The same settings, and partners of `tenant` as they are since `revision`; those of others may have changed
    /// until then, too.
    #[must_use]
    pub fn with_partners_at(&self, tenant: TenantId, revision: u64) -> Self {
        let mut standings = self.standings.clone();
        standings.insert(tenant, Standing::at(revision));
        let Standing { at, revision } = Standing::at(revision.max(self.at));
        Self { revision, at, tenants: Arc::clone(&self.tenants), standings }
    }

    /// Which state of the policy this is for a decision about these tenants: no partner that it uses may be older.
    pub fn as_of(&self, concerned: impl IntoIterator<Item = TenantId>) -> (&Revision, u64) {
        let standings = concerned.into_iter().filter_map(|tenant| self.standings.get(&tenant));
        let last = standings.max_by_key(|standing| standing.at);
        last.map_or((&self.revision, self.at), |last| (&last.revision, last.at))
    }

    /// Whether partners may have to be fetched.
    pub fn has_shelves(&self) -> bool {
        self.at > 0
    }

    /// The same but for some partners, each of a hosted tenant; those of others are passed over. Everything that did
    /// not change is shared.
    #[must_use]
    pub(in crate::policy) fn amended(
        &self,
        revision: Revision,
        edits: HashMap<TenantId, Vec<(TenantId, Option<Partner>)>>,
    ) -> Self {
        let mut tenants = (*self.tenants).clone();
        for (id, edits) in edits {
            if let Some(tenant) = tenants.get_mut(&id) {
                tenant.partners.amend(edits);
                tenant.unrestricted = OnceLock::new();
            }
        }
        Self { revision, at: self.at, tenants: Arc::new(tenants), standings: self.standings.clone() }
    }

    /// The settings of a hosted tenant.
    pub fn tenant(&self, id: TenantId) -> Option<&Tenant> {
        self.tenants.get(&id)
    }

    /// Every hosted tenant, in no order.
    pub fn tenants(&self) -> impl Iterator<Item = &Tenant> {
        self.tenants.values()
    }
}

/// A hosted tenant's own settings.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Whose.
    pub id: TenantId,
    /// `displayName`
    pub name: Option<Box<str>>,
    /// Where it lives.
    pub cloud: Cloud,
    /// `allowedCloudEndpoints`
    pub allowed_clouds: Box<[Cloud]>,
    /// The default configuration.
    pub default: Settings,
    /// `id` of the default configuration, which is the id of its tenant restrictions policy.
    pub default_id: Option<PolicyId>,
    /// See [`Tenant::unrestricted_partners`].
    pub(in crate::policy) unrestricted: OnceLock<Box<[TenantId]>>,
    /// The organisations with settings of their own.
    pub partners: Partners,
    /// `partnerClouds`
    pub partner_clouds: HashMap<TenantId, Cloud>,
    /// Conditional Access policies that are not disabled, in the order of the bundle.
    pub conditional: Box<[ConditionalPolicy]>,
    /// Which contexts prove which control, in this tenant's tokens; None: as the config has it.
    pub contexts: Option<Contexts>,
    /// The same for tokens of others.
    pub partner_contexts: Option<HashMap<TenantId, Contexts>>,
    /// Domain lists.
    pub domains: DomainLists,
    /// Which tenant a mail domain belongs to.
    pub domain_tenants: HashMap<Domain, TenantId>,
    /// `allowInvitesFrom`
    pub invites_from: InvitesFrom,
    /// `guestUserRoleId`; restricted where it is not known.
    pub guest_access: GuestAccess,
    /// Tokens called back.
    pub revocations: Box<[Revocation]>,
}

impl Tenant {
    /// `automaticUserConsentSettings` for `partner` or for everyone, each null field inherited by itself.
    pub fn consent(&self, partner: Option<&Partner>) -> Consent {
        let own = partner.map(|partner| partner.settings.consent).unwrap_or_default();
        let default = self.default.consent;
        Consent { inbound: own.inbound.or(default.inbound), outbound: own.outbound.or(default.outbound) }
    }

    /// The partners whose tenant restrictions permit everyone everything, sorted: all that v1 can say of a policy.
    /// Found when first asked for.
    pub fn unrestricted_partners(&self) -> &[TenantId] {
        self.unrestricted.get_or_init(|| {
            let unrestricted = |(id, partner): (TenantId, &Partner)| {
                let kind = SettingKind::TenantRestrictions;
                let effective = Effective::of(kind, Some(&partner.settings), &self.default)?;
                effective.permits_everything().then_some(id)
            };
            let mut ids: Vec<_> = self.partners.iter().filter_map(unrestricted).collect();
            ids.sort_unstable();
            ids.into()
        })
    }
}

/// Authentication contexts by the control that they prove, such as `c1` for mfa.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contexts {
    by_control: [Option<Box<str>>; 3],
}

impl Contexts {
    /// The contexts of mfa, compliant device and hybrid joined device.
    pub fn new(by_control: [Option<Box<str>>; 3]) -> Self {
        Self { by_control }
    }

    /// The context that proves a control.
    pub fn of(&self, control: Control) -> Option<&str> {
        let [mfa, compliant, joined] = &self.by_control;
        match control {
            Control::Mfa => mfa,
            Control::CompliantDevice => compliant,
            Control::DomainJoinedDevice => joined,
        }
        .as_deref()
    }
}

/// `guestUserRoleId`, in words ("Restrict guest access permissions").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestAccess {
    /// The same as members.
    Member,
    /// Limited, Microsoft's default.
    Limited,
    /// Restricted to their own objects; what an unknown role is taken for.
    Restricted,
}

impl GuestAccess {
    /// The word in a decision.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Limited => "limited",
            Self::Restricted => "restricted",
        }
    }
}

/// Tokens that were issued too early to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Whose tokens, or whose users' tokens.
    pub tenant: TenantId,
    /// One user, by the id there or at home; None for the whole tenant.
    pub user: Option<ObjectId>,
    /// Unix seconds; tokens issued before are refused.
    pub not_before: i64,
}
