//! Every reason that a decision can have: a closed list, each with its stable word.

use std::fmt;

use crate::token::TokenError;

/// What kind of reason it is; decides the status of the answer and whether report-only may overrule it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A permit.
    Permit,
    /// The token proves nothing.
    Token,
    /// We cannot decide.
    Fault,
    /// The route is configured wrongly.
    Route,
    /// The caller has no relation that could be permitted.
    Relation,
    /// The token was called back.
    Revocation,
    /// Microsoft clouds.
    Cloud,
    /// Cross-tenant access settings and domain lists.
    Setting,
    /// Tenant restrictions.
    Restrictions,
    /// Conditional Access.
    Requirement,
    /// Invitations and synchronisation.
    Action,
}

macro_rules! reasons {
    ($($class:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* })*) => {
        /// Why a decision came out as it did.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($($(#[$doc])* #[doc = concat!("`", $word, "`")] $variant,)*)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$($(Self::$variant,)*)*];

            /// The stable word.
            pub const fn word(self) -> &'static str {
                match self {
                    $($(Self::$variant => $word,)*)*
                }
            }

            /// What kind of reason it is.
            pub const fn class(self) -> Class {
                match self {
                    $($(Self::$variant)|* => Class::$class,)*
                }
            }
        }
    };
}

reasons! {
    Permit {
        Internal = "internal",
        Permitted = "permitted",
        RestrictionsNotApplicable = "restrictions_not_applicable",
        SignInHost = "sign_in_host",
        UnrestrictedHost = "unrestricted_host",
    }
    Token {
        TokenMissing = "token_missing",
        TokenMalformed = "token_malformed",
        TokenAlgorithm = "token_algorithm",
        TokenKeyUnknown = "token_key_unknown",
        TokenSignature = "token_signature",
        TokenExpired = "token_expired",
        TokenNotYetValid = "token_not_yet_valid",
        TokenIssuer = "token_issuer",
        TokenAudience = "token_audience",
        TokenTooLarge = "token_too_large",
        TokenAmbiguous = "token_ambiguous",
        TokenUnreadable = "token_unreadable",
    }
    Fault {
        PolicyUnavailable = "policy_unavailable",
        PartnerUnavailable = "partner_unavailable",
        KeysUnavailable = "keys_unavailable",
        Overloaded = "overloaded",
        InternalError = "internal_error",
        RequestMalformed = "request_malformed",
    }
    Route {
        RouteInvalid = "route_invalid",
    }
    Relation {
        RelationUnknown = "relation_unknown",
        ForeignGuestToken = "foreign_guest_token",
        ResourceTenantMismatch = "resource_tenant_mismatch",
    }
    Revocation {
        SessionRevoked = "session_revoked",
    }
    Cloud {
        CloudUnresolved = "cloud_unresolved",
        CloudPairUnsupported = "cloud_pair_unsupported",
        CloudNotAllowed = "cloud_not_allowed",
        CloudPartnerUnlisted = "cloud_partner_unlisted",
        CloudDirectConnect = "cloud_direct_connect",
    }
    Setting {
        UsersBlocked = "users_blocked",
        ApplicationsBlocked = "applications_blocked",
        UsersAndApplicationsBlocked = "users_and_applications_blocked",
        PrincipalUnresolved = "principal_unresolved",
        ApplicationUnresolved = "application_unresolved",
        SettingUnreadable = "setting_unreadable",
        ServiceProviderUnlisted = "service_provider_unlisted",
        ServiceProviderOutboundBlocked = "service_provider_outbound_blocked",
        HomeOutboundBlocked = "home_outbound_blocked",
        ResourceInboundBlocked = "resource_inbound_blocked",
        NonEntraBlocked = "non_entra_blocked",
        DomainBlocked = "domain_blocked",
        DomainNotAllowed = "domain_not_allowed",
        DomainUnresolved = "domain_unresolved",
    }
    Restrictions {
        AnonymousBlocked = "anonymous_blocked",
        RestrictionsHeaderInvalid = "restrictions_header_invalid",
        RestrictionsClaimMissing = "restrictions_claim_missing",
        RestrictionsPolicyMismatch = "restrictions_policy_mismatch",
        RestrictionsPolicyMissing = "restrictions_policy_missing",
    }
    Requirement {
        ConditionalAccessBlock = "conditional_access_block",
        MfaRequired = "mfa_required",
        MfaNotTrusted = "mfa_not_trusted",
        CompliantDeviceRequired = "compliant_device_required",
        HybridDeviceRequired = "hybrid_device_required",
        DeviceNotTrusted = "device_not_trusted",
    }
    Action {
        InviterNotAllowed = "inviter_not_allowed",
        InviteeUnresolved = "invitee_unresolved",
        SyncCallerNotWorkload = "sync_caller_not_workload",
        SyncNotAllowed = "sync_not_allowed",
    }
}

impl Reason {
    /// Whether report-only may turn it into an allow (semantics §13): what an administrator wrote, never what went
    /// wrong, nor what would let somebody by unmarked.
    pub const fn may_be_report_only(self) -> bool {
        let never = matches!(
            self,
            Self::RestrictionsPolicyMissing | Self::RestrictionsHeaderInvalid | Self::AnonymousBlocked
        );
        match self.class() {
            Class::Cloud | Class::Setting | Class::Restrictions | Class::Requirement | Class::Action => {
                !never
            }
            Class::Permit
            | Class::Token
            | Class::Fault
            | Class::Route
            | Class::Relation
            | Class::Revocation => false,
        }
    }
}

impl Reason {
    /// Its place in [`Reason::ALL`].
    #[expect(clippy::as_conversions, reason = "a fieldless enum to its discriminant")]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl From<TokenError> for Reason {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Missing => Self::TokenMissing,
            TokenError::TooLarge => Self::TokenTooLarge,
            TokenError::Ambiguous => Self::TokenAmbiguous,
            TokenError::Malformed(_) => Self::TokenMalformed,
            TokenError::Unreadable => Self::TokenUnreadable,
            TokenError::Algorithm => Self::TokenAlgorithm,
            TokenError::Issuer => Self::TokenIssuer,
            TokenError::KeysUnavailable => Self::KeysUnavailable,
            TokenError::KeyUnknown => Self::TokenKeyUnknown,
            TokenError::Signature => Self::TokenSignature,
            TokenError::Expired => Self::TokenExpired,
            TokenError::NotYetValid => Self::TokenNotYetValid,
            TokenError::Audience => Self::TokenAudience,
            TokenError::Overloaded => Self::Overloaded,
        }
    }
}
