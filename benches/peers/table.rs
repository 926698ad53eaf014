//! The policy of `fixtures` as others look things up in it: each partner by its id, each target by its own. Made from
//! Graph's JSON, which has lists.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// What one tenant keeps.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Table {
    /// For whoever comes from a tenant without a setting of its own.
    pub(crate) default: Setting,
    /// By the tenant's id.
    pub(crate) partners: BTreeMap<String, Partner>,
}

/// What is kept for one partner.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Partner {
    /// Who may come from there; the default where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inbound: Option<Setting>,
    /// Whom the partner lets go, where its policy is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outbound: Option<Setting>,
    /// Whether its word counts for multi-factor authentication, and for a device's compliance.
    pub(crate) mfa: bool,
    pub(crate) device: bool,
}

/// Who may use what: both halves must permit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Setting {
    #[serde(rename(deserialize = "usersAndGroups"))]
    pub(crate) users: Half,
    pub(crate) applications: Half,
}

/// Those who are listed, or everyone but them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "graph::Half")]
pub(crate) struct Half {
    pub(crate) allowed: bool,
    /// A set; objects are what policy languages find a member of.
    pub(crate) targets: BTreeMap<String, bool>,
}

impl Table {
    /// Reads what the first tenant of a bundle keeps, and what others that are hosted keep for it.
    pub(crate) fn of(bundle: &str) -> anyhow::Result<Self> {
        let graph::Bundle { tenants } = serde_json::from_str(bundle)?;
        let mut tenants = tenants.into_iter();
        let graph::Tenant { tenant_id: own, cross_tenant_access_policy: policy } =
            tenants.next().context("nobody is hosted")?;
        let default = policy.default.and_then(|default| default.b2b_collaboration_inbound);
        let mut partners: BTreeMap<_, _> = policy.partners.into_iter().map(graph::Record::partner).collect();
        for tenant in tenants {
            let kept = tenant.cross_tenant_access_policy.partners.into_iter();
            let mut kept = kept.filter(|record| record.tenant_id == own);
            if let Some(partner) = partners.get_mut(&tenant.tenant_id) {
                partner.outbound = kept.find_map(|record| record.b2b_collaboration_outbound);
            }
        }
        Ok(Self { default: default.context("no default")?, partners })
    }
}

/// As Graph has it, and no more of it than `fixtures` says.
mod graph {
    use serde::Deserialize;

    use super::{Partner, Setting};

    #[derive(Deserialize)]
    pub(super) struct Bundle {
        pub(super) tenants: Vec<Tenant>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Tenant {
        pub(super) tenant_id: String,
        pub(super) cross_tenant_access_policy: Policy,
    }

    #[derive(Deserialize)]
    pub(super) struct Policy {
        pub(super) default: Option<Default>,
        pub(super) partners: Vec<Record>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Default {
        pub(super) b2b_collaboration_inbound: Option<Setting>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Record {
        pub(super) tenant_id: String,
        inbound_trust: Option<Trust>,
        b2b_collaboration_inbound: Option<Setting>,
        pub(super) b2b_collaboration_outbound: Option<Setting>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Trust {
        is_mfa_accepted: bool,
        is_compliant_device_accepted: bool,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Half {
        access_type: String,
        targets: Vec<Target>,
    }

    #[derive(Deserialize)]
    struct Target {
        target: String,
    }

    impl Record {
        pub(super) fn partner(self) -> (String, Partner) {
            let partner = Partner {
                inbound: self.b2b_collaboration_inbound,
                outbound: None,
                mfa: self.inbound_trust.as_ref().is_some_and(|trust| trust.is_mfa_accepted),
                device: self.inbound_trust.is_some_and(|trust| trust.is_compliant_device_accepted),
            };
            (self.tenant_id, partner)
        }
    }

    impl From<Half> for super::Half {
        fn from(half: Half) -> Self {
            let targets = half.targets.into_iter().map(|Target { target }| (target, true)).collect();
            Self { allowed: half.access_type == "allowed", targets }
        }
    }
}
