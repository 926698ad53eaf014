//! Partners and the default: sparse, half-null and full (§4).

use proptest::prelude::*;
use serde_json::{Value, json};

use super::settings::setting;
use super::{maybe, object, spelled};

/// The organisational settings for one tenant.
pub(crate) fn partner(tenant: &'static str, lists: bool) -> impl Strategy<Value = Value> {
    let settings = (
        maybe(0.6, setting(lists)),
        maybe(0.15, setting(lists)),
        maybe(0.6, setting(lists)),
        maybe(0.15, setting(lists)),
        maybe(0.15, setting(lists)),
    );
    let rest = (
        maybe(0.5, trust()),
        maybe(0.95, consent()),
        maybe(0.6, prop::bool::weighted(0.75)),
        maybe(0.2, any::<bool>()),
        maybe(0.4, synchronization()),
    );
    (prop::bool::weighted(0.05), prop::bool::weighted(0.3), settings, rest).prop_map(
        move |(capitals, nulls, settings, rest)| {
            let (inbound, outbound, direct_inbound, direct_outbound, restrictions) = settings;
            let (trust, consent, provider, blocks, synchronization) = rest;
            let null = |value: Option<Value>| value.or_else(|| nulls.then_some(Value::Null));
            object([
                ("tenantId", Some(spelled(tenant, capitals).into())),
                ("isServiceProvider", null(provider.map(Value::from))),
                ("inboundTrust", null(trust)),
                ("automaticUserConsentSettings", null(consent)),
                ("b2bCollaborationInbound", null(inbound)),
                ("b2bCollaborationOutbound", null(outbound)),
                ("b2bDirectConnectInbound", null(direct_inbound)),
                ("b2bDirectConnectOutbound", null(direct_outbound)),
                ("tenantRestrictions", null(restrictions)),
                ("blockServiceProviderOutboundAccess", null(blocks.map(Value::from))),
                ("identitySynchronization", synchronization),
            ])
        },
    )
}

/// The default: its inbound settings and restrictions list nobody, its consent is off (§12).
pub(crate) fn default() -> impl Strategy<Value = Value> {
    let settings = (
        maybe(0.35, setting(false)),
        maybe(0.25, setting(true)),
        maybe(0.5, setting(false)),
        maybe(0.35, setting(true)),
        maybe(0.25, setting(false)),
    );
    let rest = (maybe(0.8, any::<bool>()), maybe(0.4, trust()), maybe(0.15, any::<bool>()));
    (prop::bool::weighted(0.3), settings, rest).prop_map(|(nulls, settings, rest)| {
        let (inbound, outbound, direct_inbound, direct_outbound, restrictions) = settings;
        let (id, trust, blocks) = rest;
        let null = |value: Option<Value>| value.or_else(|| nulls.then_some(Value::Null));
        object([
            ("id", id.map(|_| super::POLICIES[0].into())),
            ("isServiceDefault", Some(false.into())),
            ("inboundTrust", null(trust)),
            ("automaticUserConsentSettings", null(None)),
            ("b2bCollaborationInbound", null(inbound)),
            ("b2bCollaborationOutbound", null(outbound)),
            ("b2bDirectConnectInbound", null(direct_inbound)),
            ("b2bDirectConnectOutbound", null(direct_outbound)),
            ("tenantRestrictions", null(restrictions)),
            ("blockServiceProviderOutboundAccess", null(blocks.map(Value::from))),
        ])
    })
}

fn trust() -> impl Strategy<Value = Value> {
    let field = || maybe(0.8, prop::bool::weighted(0.6));
    (field(), field(), field()).prop_map(|(mfa, compliant, hybrid)| {
        json!({
            "isMfaAccepted": mfa,
            "isCompliantDeviceAccepted": compliant,
            "isHybridAzureADJoinedDeviceAccepted": hybrid,
        })
    })
}

fn consent() -> impl Strategy<Value = Value> {
    // For a prompt to be suppressed two must be set, of two tenants that seldom stand together.
    let field = || maybe(0.95, prop::bool::weighted(0.85));
    (field(), field())
        .prop_map(|(inbound, outbound)| json!({"inboundAllowed": inbound, "outboundAllowed": outbound}))
}

fn synchronization() -> impl Strategy<Value = Value> {
    any::<bool>().prop_map(|allowed| json!({"userSyncInbound": {"isSyncAllowed": allowed}}))
}
