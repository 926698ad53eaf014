//! What the route says (interface.md, "Route"): any key or value that is not known stops.

use serde_json::Value;

use super::application;
use super::guid::Guid;
use super::model::{Request, Stop};
use super::policy;

pub(crate) struct Route {
    pub(crate) mode: String,
    /// L.
    pub(crate) tenant: Guid,
    pub(crate) application: Option<Guid>,
    pub(crate) resource_tenant: Option<Guid>,
    pub(crate) source_tenant: Option<Guid>,
    pub(crate) action: String,
    pub(crate) require: Vec<String>,
    /// Who asked that denials be only reported: `route` or `config`.
    pub(crate) report_only: Option<&'static str>,
}

const INVALID: Stop = Stop { effect: "deny", reason: "route_invalid", demand: None };
const KEYS: [&str; 8] =
    ["mode", "tenant", "application", "resource_tenant", "source_tenant", "action", "require", "report_only"];
const MODES: [&str; 3] = ["inbound", "outbound", "tenant_restrictions"];
const ACTIONS: [&str; 4] = ["access", "invite", "redeem", "user_sync"];
const CONTROLS: [&str; 3] = ["mfa", "compliantDevice", "domainJoinedDevice"];

impl Route {
    pub(crate) fn read(request: &Request<'_>) -> Result<Self, Stop> {
        let Request { route, config, bundle, .. } = request;
        if route.keys().any(|key| !KEYS.contains(&key.as_str())) {
            return Err(INVALID);
        }
        let text = |key: &str| route.get(key).map(String::as_str);

        let mode = text("mode").or_else(|| config["mode"].as_str()).unwrap_or("inbound");
        let action = text("action").unwrap_or("access");
        if !MODES.contains(&mode) || !ACTIONS.contains(&action) {
            return Err(INVALID);
        }

        // Invitations and synchronization are L's to decide where L is reached; on the way out
        // our users redeem the invitations of others, and no more.
        let meaningful = match action {
            "access" => true,
            "redeem" => mode != "tenant_restrictions",
            _ => mode == "inbound",
        };
        if !meaningful {
            return Err(INVALID);
        }

        let tenant = text("tenant").or_else(|| config["tenant"].as_str());
        let tenant = tenant.and_then(Guid::parse).ok_or(INVALID)?;
        policy::tenant(bundle, tenant).ok_or(INVALID)?;

        let require: Vec<String> = match text("require") {
            Some(list) => list.split(',').map(str::to_owned).collect(),
            None => Vec::new(),
        };
        if require.iter().any(|control| !CONTROLS.contains(&control.as_str())) {
            return Err(INVALID);
        }
        // §7 does not apply to egress, and what does not apply must not seem to protect.
        if mode != "inbound" && text("require").is_some() {
            return Err(INVALID);
        }

        Ok(Self {
            mode: mode.to_owned(),
            tenant,
            application: id(text("application"), |it| application::resolve(config, it))?,
            resource_tenant: id(text("resource_tenant"), Guid::parse)?,
            source_tenant: id(text("source_tenant"), Guid::parse)?,
            action: action.to_owned(),
            require,
            report_only: report_only(text("report_only"), config)?,
        })
    }
}

/// An id that is there has to be readable.
fn id(text: Option<&str>, parse: impl Fn(&str) -> Option<Guid>) -> Result<Option<Guid>, Stop> {
    text.map(|text| parse(text).ok_or(INVALID)).transpose()
}

/// The route's word, where it gives one, wins over the config's: an explicit `false` enforces.
fn report_only(route: Option<&str>, config: &Value) -> Result<Option<&'static str>, Stop> {
    match route {
        Some("true") => Ok(Some("route")),
        Some("false") => Ok(None),
        Some(_) => Err(INVALID),
        None => Ok((config["report_only"] == true).then_some("config")),
    }
}
