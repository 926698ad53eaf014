//! The settings that a tenant keeps for another one, or for everyone else.

use std::sync::{Arc, LazyLock};

use crate::policy::setting::{Setting, SettingKind};
use crate::policy::target::{Access, AppTargets, Half, UserTargets};

/// What a default configuration and a partner have in common; absent means inherited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// In the order of [`SettingKind::ALL`].
    by_kind: [Option<Arc<Setting>>; 5],
    /// `inboundTrust`, in the order of [`TrustFlag`].
    trust: [Option<bool>; 3],
    /// `automaticUserConsentSettings`
    pub consent: Consent,
    /// `blockServiceProviderOutboundAccess`
    pub block_service_provider_outbound: Option<bool>,
}

impl Settings {
    pub(in crate::policy) fn new(
        by_kind: [Option<Arc<Setting>>; 5],
        trust: [Option<bool>; 3],
        consent: Consent,
        block_service_provider_outbound: Option<bool>,
    ) -> Self {
        Self { by_kind, trust, consent, block_service_provider_outbound }
    }

    /// The setting of this kind, where there is one.
    pub fn get(&self, kind: SettingKind) -> Option<&Setting> {
        let [collaboration_in, collaboration_out, direct_in, direct_out, restrictions] = &self.by_kind;
        match kind {
            SettingKind::CollaborationInbound => collaboration_in,
            SettingKind::CollaborationOutbound => collaboration_out,
            SettingKind::DirectConnectInbound => direct_in,
            SettingKind::DirectConnectOutbound => direct_out,
            SettingKind::TenantRestrictions => restrictions,
        }
        .as_deref()
    }

    /// Those that there are.
    pub(in crate::policy) fn each_mut(&mut self) -> impl Iterator<Item = &mut Arc<Setting>> {
        self.by_kind.iter_mut().flatten()
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
            Some(Arc::new(Setting {
                users: Some(Half { access, targets: users }),
                applications: Some(Arc::new(Half { access, targets: applications })),
            }))
        };
        let (allowed, blocked) = (everyone(Access::Allowed), everyone(Access::Blocked));
        let settings = [allowed.clone(), allowed, blocked.clone(), blocked.clone(), blocked];
        let consent = Consent { inbound: Some(false), outbound: Some(false) };
        Settings::new(settings, [Some(false); 3], consent, Some(false))
    });
    &SERVICE_DEFAULT
}
