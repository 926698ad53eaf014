//! A decision as others see it: the same fields in Envoy's metadata, in `check --json` and in the answer.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::engine::{Class, Demand, Effect, Messages, Mode, Reason, Redemption, Relation, Ruling, Verdict};
use crate::id::{AppId, IdText, TenantId};
use crate::policy::{Origin, Revision, SettingKind};
use crate::token::Identity;

/// A verdict with what identifies it.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'d> {
    /// The outcome and its basis.
    pub verdict: &'d Verdict<'d>,
    /// The policy that it was made on.
    pub revision: Option<&'d Revision>,
    /// Its own name.
    pub id: DecisionId,
    /// What was only reported.
    pub report_only: &'d [String],
    /// The caller, where one was verified.
    pub identity: Option<&'d Identity>,
}

/// One field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'d> {
    /// Absent: null in JSON, left out of metadata.
    Null,
    /// Text.
    Text(&'d str),
    /// An id.
    Id(IdText),
    /// Yes or no: a boolean in JSON, a word in metadata.
    Truth(bool),
    /// A list of texts.
    List(&'d [String]),
}

impl<'d> Decision<'d> {
    /// The fields, in the order of the interface.
    pub fn fields(&self) -> [(&'static str, Field<'d>); 18] {
        let basis = &self.verdict.basis;
        let messages = basis.redemption.and_then(|redemption| redemption.messages);
        let told = |of: fn(&Messages) -> bool| {
            messages.as_ref().map_or(Field::Null, |messages| Field::Truth(of(messages)))
        };
        let text = |value: Option<&'d str>| value.map_or(Field::Null, Field::Text);
        let id = |value: Option<IdText>| value.map_or(Field::Null, Field::Id);
        [
            ("effect", Field::Text(self.verdict.effect().word())),
            ("reason", Field::Text(self.verdict.reason().word())),
            ("mode", Field::Text(basis.mode.word())),
            ("action", Field::Text(basis.action.word())),
            ("relation", text(basis.relation.map(Relation::word))),
            ("tenant", id(basis.tenant.map(TenantId::text))),
            ("partner", id(basis.partner.map(TenantId::text))),
            ("setting", text(basis.setting.map(SettingKind::property))),
            ("origin", text(basis.origin.map(Origin::word))),
            ("application", id(basis.application.map(AppId::text))),
            ("policy_revision", text(self.revision.map(|revision| &*revision.0))),
            ("report_only", Field::List(self.report_only)),
            ("decision_id", Field::Id(self.id.text())),
            ("consent", text(basis.redemption.map(Redemption::word))),
            ("invitation_email", told(|messages| messages.invitation_email)),
            ("consent_prompt", told(|messages| messages.consent_prompt)),
            ("notification_email", told(|messages| messages.notification_email)),
            ("guest_access", text(self.guest_access())),
        ]
    }

    /// The same as JSON members, with what the answer to Envoy says beside them.
    pub fn members(&self) -> Map<String, Value> {
        let json = |field: Field<'_>| match field {
            Field::Null => Value::Null,
            Field::Text(text) => text.into(),
            Field::Id(id) => (*id).into(),
            Field::Truth(truth) => truth.into(),
            Field::List(texts) => texts.into(),
        };
        let answer = [
            ("http_status", self.status().into()),
            ("entra_code", self.entra_code().into()),
            ("www_authenticate", self.www_authenticate().into()),
        ];
        let fields = self.fields().into_iter().map(|(name, field)| (name, json(field)));
        fields.chain(answer).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// What guests may see, for a guest that is let by.
    pub fn guest_access(&self) -> Option<&'static str> {
        let access = self.verdict.basis.guest_access.filter(|_| self.verdict.effect() == Effect::Allow)?;
        Some(access.word())
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> u16 {
        match (self.verdict.effect(), self.verdict.reason().class()) {
            (Effect::Allow, _) => 200,
            (Effect::Challenge, _) | (Effect::Deny, Class::Token) => 401,
            (Effect::Deny, Class::Fault) => 503,
            (Effect::Deny, Class::Route) => 500,
            (
                Effect::Deny,
                Class::Permit
                | Class::Relation
                | Class::Revocation
                | Class::Cloud
                | Class::Setting
                | Class::Restrictions
                | Class::Requirement
                | Class::Action,
            ) => 403,
        }
    }

    /// Entra's code for the same refusal ("Microsoft Entra authentication and authorization error codes").
    pub fn entra_code(&self) -> Option<&'static str> {
        if self.verdict.effect() == Effect::Allow {
            return None;
        }
        match (self.verdict.reason(), self.judged_by()) {
            (Reason::MfaNotTrusted, _) => Some("AADSTS90071"),
            (Reason::HomeOutboundBlocked, _) => Some("AADSTS500212"),
            (Reason::ResourceInboundBlocked, _) => Some("AADSTS500213"),
            (
                Reason::NonEntraBlocked
                | Reason::DomainBlocked
                | Reason::DomainNotAllowed
                | Reason::DomainUnresolved,
                _,
            ) => None,
            (reason, mode) => match (reason.class(), mode) {
                (Class::Cloud | Class::Setting, Mode::Inbound) => Some("AADSTS500213"),
                (Class::Cloud | Class::Setting, Mode::Outbound) => Some("AADSTS500212"),
                (Class::Cloud | Class::Setting | Class::Restrictions, Mode::TenantRestrictions) => {
                    Some("AADSTS5000211")
                }
                _ => None,
            },
        }
    }

    /// Whose rules the decision came to: either egress mode hands some callers on to the other's.
    fn judged_by(&self) -> Mode {
        match (self.verdict.basis.mode, self.verdict.basis.relation) {
            (Mode::Inbound, _) => Mode::Inbound,
            (_, Some(Relation::ExternalIdentity))
            | (Mode::TenantRestrictions, None | Some(Relation::OwnIdentity)) => Mode::TenantRestrictions,
            (Mode::Outbound | Mode::TenantRestrictions, _) => Mode::Outbound,
        }
    }

    /// `WWW-Authenticate` of a 401 (RFC 6750; "Claims challenges, claims requests and client capabilities").
    pub fn www_authenticate(&self) -> Option<Cow<'static, str>> {
        match self.verdict.ruling {
            Ruling::Deny(Reason::TokenMissing) => Some("Bearer".into()),
            Ruling::Deny(reason) if reason.class() == Class::Token => {
                Some(r#"Bearer error="invalid_token""#.into())
            }
            Ruling::Challenge(_, demand) => Some(self.challenge(demand).into()),
            Ruling::Allow(_) | Ruling::Deny(_) => None,
        }
    }

    fn challenge(&self, demand: Demand<'_>) -> String {
        let (claims, of_context) = match demand {
            Demand::Context(context) => {
                let context = Value::from(context);
                (format!(r#"{{"access_token":{{"acrs":{{"essential":true,"value":{context}}}}}}}"#), true)
            }
            Demand::RestrictionsPolicy => {
                (r#"{"access_token":{"xms_trpid":{"essential":true}}}"#.to_owned(), false)
            }
            Demand::IssuedSince(time) => {
                (format!(r#"{{"access_token":{{"nbf":{{"essential":true,"value":"{time}"}}}}}}"#), false)
            }
        };
        let host = self.verdict.basis.cloud.login_host();
        let client =
            self.verdict.basis.application.map(|id| format!(r#" client_id="{id}","#)).unwrap_or_default();
        let kind = if of_context { r#", cc_type="authcontext""# } else { "" };
        let claims = STANDARD.encode(claims);
        format!(
            r#"Bearer realm="", authorization_uri="https://{host}/common/oauth2/authorize",{client} error="insufficient_claims", claims="{claims}"{kind}"#
        )
    }
}

/// A decision's name: 32 hexadecimal digits, unique without anything shared between threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId(u128);

impl DecisionId {
    /// A new one.
    pub fn next() -> Self {
        thread_local! {
            /// A random beginning for each thread, counted upwards.
            static NEXT: Cell<u128> = Cell::new({
                let (high, low) = (RandomState::new().hash_one(0), RandomState::new().hash_one(1));
                u128::from(high) << 64 | u128::from(low)
            });
        }
        NEXT.with(|next| {
            let id = next.get();
            next.set(id.wrapping_add(1));
            Self(id)
        })
    }

    /// The 32 digits.
    pub fn text(self) -> IdText {
        IdText::hex(self.0)
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}
