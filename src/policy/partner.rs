//! The settings that a tenant keeps for another one, or for everyone else.

use std::sync::{Arc, LazyLock};

use crate::policy::setting::{Setting, SettingKind};
use crate::policy::target::{Access, AppTargets, Half, UserTargets};

/// What a default configuration and a partner have in common; absent means inherited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The one that most decisions read, in place.
    collaboration_inbound: Option<Setting>,
    /// None where there is none.
    others: Option<Arc<Others>>,
    /// `inboundTrust`, in the order of [`TrustFlag`].
    trust: [Option<bool>; 3],
    /// `automaticUserConsentSettings`
    pub consent: Consent,
    /// `blockServiceProviderOutboundAccess`
    pub block_service_provider_outbound: Option<bool>,
}

impl Settings {
    pub(in crate::policy) fn new(
        by_kind: [Option<Setting>; 5],
        trust: [Option<bool>; 3],
        consent: Consent,
        block_service_provider_outbound: Option<bool>,
    ) -> Self {
        let [collaboration_inbound, others @ ..] = by_kind;
        let others = others.iter().any(Option::is_some).then(|| Arc::new(others));
        Self { collaboration_inbound, others, trust, consent, block_service_provider_outbound }
    }

    /// The setting of this kind, where there is one.
    pub fn get(&self, kind: SettingKind) -> Option<&Setting> {
        let place = match kind {
            SettingKind::CollaborationInbound => return self.collaboration_inbound.as_ref(),
            SettingKind::CollaborationOutbound => 0,
            SettingKind::DirectConnectInbound => 1,
            SettingKind::DirectConnectOutbound => 2,
            SettingKind::TenantRestrictions => 3,
        };
        self.others.as_ref()?.get(place)?.as_ref()
    }

    /// What other tenants' settings may be equal to.
    pub(in crate::policy) fn parts_mut(&mut self) -> (Option<&mut Setting>, Option<&mut Arc<Others>>) {
        (self.collaboration_inbound.as_mut(), self.others.as_mut())
    }

    /// The field of `inboundTrust`, where it is set.
    pub fn trust(&self, flag: TrustFlag) -> Option<bool> {
        let [mfa, compliant, joined] = self.trust;
        match flag {
            TrustFlag::Mfa => mfa,
            TrustFlag::CompliantDevice => compliant,
            TrustFlag::HybridJoinedDevice => joined,
        }
    }
}

/// In the order of [`SettingKind::ALL`], from the second on.
pub(in crate::policy) type Others = [Option<Setting>; 4];

/// The claims of a home tenant that a resource tenant can choose to believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustFlag {
    /// `isMfaAccepted`
    Mfa,
    /// `isCompliantDeviceAccepted`
    CompliantDevice,
    /// `isHybridAzureADJoinedDeviceAccepted`
    HybridJoinedDevice,
}

/// `automaticUserConsentSettings`: each null field is inherited by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consent {
    /// `inboundAllowed`
    pub inbound: Option<bool>,
    /// `outboundAllowed`
    pub outbound: Option<bool>,
}

/// The record that a tenant keeps for another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partner {
    /// What overrides the default configuration.
    pub settings: Settings,
    /// `isServiceProvider`
    pub is_service_provider: bool,
    /// `identitySynchronization.userSyncInbound.isSyncAllowed`
    pub user_sync_allowed: bool,
}

/// What holds where a tenant configured nothing ("Cross-tenant access overview", default settings): collaboration
/// with everyone, no direct connect, no foreign accounts, no trust.
pub fn service_default() -> &'static Settings {
    static SERVICE_DEFAULT: LazyLock<Settings> = LazyLock::new(|| {
        let everyone = |access| {
            let users = UserTargets { all: true, ..UserTargets::default() };
            let applications = AppTargets { all: true, ..AppTargets::default() };
            Some(Setting {
                users: Some(Half { access, targets: users }),
                applications: Some(Arc::new(Half { access, targets: applications })),
            })
        };
        let (allowed, blocked) = (everyone(Access::Allowed), everyone(Access::Blocked));
        let settings = [allowed.clone(), allowed, blocked.clone(), blocked.clone(), blocked];
        let consent = Consent { inbound: Some(false), outbound: Some(false) };
        Settings::new(settings, [Some(false); 3], consent, Some(false))
    });
    &SERVICE_DEFAULT
}
