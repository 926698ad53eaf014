//! `context_extensions`: what Envoy's configuration says of a route. A typo must not open a door.

use crate::engine::{Action, Mode, Required, Route};
use crate::id::{Applications, TenantId};
use crate::policy::Control;

/// What holds where a route names nothing.
#[derive(Debug, Clone, Copy)]
pub struct RouteDefaults {
    /// The config's `mode`.
    pub mode: Mode,
    /// The config's `tenant`.
    pub tenant: Option<TenantId>,
}

/// Why a route cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// No key of ours.
    #[error("`{key}` is no route key{}", nearest(.key, KEYS))]
    Key {
        /// What it says.
        key: String,
    },
    /// A key given twice.
    #[error("`{0}` is given twice")]
    Twice(&'static str),
    /// A value that the key does not take.
    #[error("`{value}` is no value for `{key}`{}", nearest(.value, .known))]
    Value {
        /// Of which key.
        key: &'static str,
        /// What it says.
        value: String,
        /// What it could say, where that is a list.
        known: &'static [&'static str],
    },
    /// An action that the mode has no meaning for.
    #[error("action `{action}` means nothing in mode `{mode}`")]
    Combination {
        /// What is done.
        action: &'static str,
        /// What is protected.
        mode: &'static str,
    },
    /// Requirements where none are asked.
    #[error("`require` means nothing in mode `{0}`")]
    Requires(&'static str),
    /// Neither the route nor the config names the protected tenant.
    #[error("neither the route nor the config names a `tenant`")]
    NoTenant,
}

const KEYS: &[&str] = &[
    "mode",
    "tenant",
    "application",
    "resource_tenant",
    "source_tenant",
    "action",
    "require",
    "report_only",
];
const MODES: &[&str] = &["inbound", "outbound", "tenant_restrictions"];
const ACTIONS: &[&str] = &["access", "invite", "redeem", "user_sync"];
const CONTROLS: &[&str] = &["mfa", "compliantDevice", "domainJoinedDevice"];
const BOOLEANS: &[&str] = &["true", "false"];

impl RouteDefaults {
    /// The route that these pairs describe.
    pub fn read(self, pairs: &[(&[u8], &[u8])], applications: &Applications) -> Result<Route, RouteError> {
        let mut given = Given::default();
        for (key, value) in pairs {
            given.take(key, value)?;
        }
        let mode = given.mode.map_or(Ok(self.mode), mode)?;
        let action = given.action.map_or(Ok(Action::Access), action)?;
        if !has_meaning(action, mode) {
            return Err(RouteError::Combination { action: action.word(), mode: mode.word() });
        }
        let tenant = given.tenant.map(|value| guid("tenant", value)).transpose()?.or(self.tenant);
        let other = |key, value: Option<_>| value.map(|value| guid(key, value)).transpose();
        let application = given
            .application
            .map(|name| applications.resolve(name).map_err(|_| bad("application", name, &[])));
        Ok(Route {
            mode,
            action,
            tenant: tenant.ok_or(RouteError::NoTenant)?,
            application: application.transpose()?,
            resource_tenant: other("resource_tenant", given.resource_tenant)?,
            source_tenant: other("source_tenant", given.source_tenant)?,
            require: given.require.map(|list| require(mode, list)).transpose()?.unwrap_or_default(),
            report_only: given.report_only.map(boolean).transpose()?,
        })
    }
}

#[derive(Default)]
struct Given<'a> {
    mode: Option<&'a str>,
    tenant: Option<&'a str>,
    application: Option<&'a str>,
    resource_tenant: Option<&'a str>,
    source_tenant: Option<&'a str>,
    action: Option<&'a str>,
    require: Option<&'a str>,
    report_only: Option<&'a str>,
}

impl<'a> Given<'a> {
    fn take(&mut self, key: &[u8], value: &'a [u8]) -> Result<(), RouteError> {
        let (name, place) = match key {
            b"mode" => ("mode", &mut self.mode),
            b"tenant" => ("tenant", &mut self.tenant),
            b"application" => ("application", &mut self.application),
            b"resource_tenant" => ("resource_tenant", &mut self.resource_tenant),
            b"source_tenant" => ("source_tenant", &mut self.source_tenant),
            b"action" => ("action", &mut self.action),
            b"require" => ("require", &mut self.require),
            b"report_only" => ("report_only", &mut self.report_only),
            other => return Err(RouteError::Key { key: String::from_utf8_lossy(other).into_owned() }),
        };
        let value = std::str::from_utf8(value).map_err(|_| bad(name, "not UTF-8", &[]))?;
        if place.replace(value).is_some() { Err(RouteError::Twice(name)) } else { Ok(()) }
    }
}

fn mode(value: &str) -> Result<Mode, RouteError> {
    match value {
        "inbound" => Ok(Mode::Inbound),
        "tenant_restrictions" => Ok(Mode::TenantRestrictions),
        "outbound" => Ok(Mode::Outbound),
        _ => Err(bad("mode", value, MODES)),
    }
}

fn action(value: &str) -> Result<Action, RouteError> {
    match value {
        "access" => Ok(Action::Access),
        "invite" => Ok(Action::Invite),
        "redeem" => Ok(Action::Redeem),
        "user_sync" => Ok(Action::UserSync),
        _ => Err(bad("action", value, ACTIONS)),
    }
}

/// Invitations into another tenant, and synchronisation with it, follow that tenant's rules and not ours; on the way to
/// a sign-in there is nobody yet who could do either. Our own users redeem invitations elsewhere.
const fn has_meaning(action: Action, mode: Mode) -> bool {
    match (mode, action) {
        (_, Action::Access) | (Mode::Inbound, _) | (Mode::Outbound, Action::Redeem) => true,
        (Mode::Outbound | Mode::TenantRestrictions, Action::Invite | Action::UserSync)
        | (Mode::TenantRestrictions, Action::Redeem) => false,
    }
}

fn require(mode: Mode, value: &str) -> Result<Required, RouteError> {
    match mode {
        Mode::Inbound => {}
        // What is required of a caller is the resource's business; whoever wrote it meant to be protected by it.
        Mode::Outbound | Mode::TenantRestrictions => return Err(RouteError::Requires(mode.word())),
    }
    value.split(',').try_fold(Required::default(), |required, word| {
        let control = Control::ALL.into_iter().find(|control| control.word() == word);
        control.map(|control| required.with(control)).ok_or_else(|| bad("require", word, CONTROLS))
    })
}

fn boolean(value: &str) -> Result<bool, RouteError> {
    value.parse().map_err(|_| bad("report_only", value, BOOLEANS))
}

fn guid(key: &'static str, value: &str) -> Result<TenantId, RouteError> {
    value.parse().map_err(|_| bad(key, value, &[]))
}

fn bad(key: &'static str, value: &str, known: &'static [&'static str]) -> RouteError {
    RouteError::Value { key, value: value.to_owned(), known }
}

/// A hint at what may have been meant.
fn nearest(given: &str, known: &[&str]) -> String {
    let close = |name: &&&str| strsim::jaro_winkler(given, name);
    let best = known.iter().max_by(|one, other| close(one).total_cmp(&close(other)));
    best.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}
