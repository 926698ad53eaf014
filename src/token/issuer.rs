//! Who may issue tokens: the well-known hosts of Entra, and the templates of configured issuers.

use crate::id::{Cloud, TenantId};

/// A well-known host of Entra's security token services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::token) enum EntraHost {
    /// It serves one cloud.
    Of(Cloud),
    /// `sts.windows.net`: US Government v1.0 tokens name it too.
    OfSeveral,
}

impl EntraHost {
    /// The cloud, where the host alone tells it.
    pub(in crate::token) const fn cloud(self) -> Option<Cloud> {
        match self {
            Self::Of(cloud) => Some(cloud),
            Self::OfSeveral => None,
        }
    }
}

const HOSTS: [(&str, EntraHost); 8] = [
    ("login.microsoftonline.com", EntraHost::Of(Cloud::Commercial)),
    ("login.microsoft.com", EntraHost::Of(Cloud::Commercial)),
    ("login.windows.net", EntraHost::Of(Cloud::Commercial)),
    ("sts.windows.net", EntraHost::OfSeveral),
    ("login.microsoftonline.us", EntraHost::Of(Cloud::UsGovernment)),
    ("login.partner.microsoftonline.cn", EntraHost::Of(Cloud::China)),
    ("login.chinacloudapi.cn", EntraHost::Of(Cloud::China)),
    ("sts.chinacloudapi.cn", EntraHost::Of(Cloud::China)),
];

/// Whether keys may come from here for any of Entra's issuers.
pub fn is_entra_host(host: &str) -> bool {
    entra_host(host).is_some()
}

/// The host, where it is one of Entra's; in any case.
pub(in crate::token) fn entra_host(host: &str) -> Option<EntraHost> {
    HOSTS.iter().find(|(listed, _)| listed.eq_ignore_ascii_case(host)).map(|(_, host)| *host)
}

/// The path of an Entra URI, `/{guid}` or `/{guid}/v2.0` with or without a last slash.
pub(in crate::token) fn tenant_of_path(path: &str) -> Option<TenantId> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let tenant = path.strip_suffix("/v2.0").unwrap_or(path);
    tenant.parse().ok()
}

/// A party whose keys may sign tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// What `iss` must look like.
    pub template: IssuerTemplate,
    /// The cloud its tenants live in.
    pub cloud: Cloud,
}

/// An issuer's URI, with `{tenantid}` where the tenant's GUID stands, or for one tenant alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerTemplate {
    before: Box<str>,
    after: Box<str>,
    /// The one tenant of a template without placeholder.
    only: Option<TenantId>,
}

/// An issuer that could not be held against `tid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an issuer must hold `{{tenantid}}` or a tenant's GUID as a part of its path, to be compared with `tid`"
)]
pub struct BadIssuer;

const PLACEHOLDER: &str = "{tenantid}";

impl IssuerTemplate {
    /// The template that `text` writes down.
    pub fn parse(text: &str) -> Result<Self, BadIssuer> {
        if let Some((before, after)) = text.split_once(PLACEHOLDER) {
            return Ok(Self { before: before.into(), after: after.into(), only: None });
        }
        let guid = text.split('/').find(|part| part.parse::<TenantId>().is_ok()).ok_or(BadIssuer)?;
        let (before, after) = text.split_once(guid).ok_or(BadIssuer)?;
        Ok(Self { before: before.into(), after: after.into(), only: guid.parse().ok() })
    }

    /// The tenant for which `uri` is exactly this issuer.
    pub fn tenant(&self, uri: &str) -> Option<TenantId> {
        let tenant = uri.strip_prefix(&*self.before)?.strip_suffix(&*self.after)?.parse().ok()?;
        self.only.is_none_or(|only| only == tenant).then_some(tenant)
    }

    /// Whether every URI of `other` is one of this template's.
    pub fn covers(&self, other: &Self) -> bool {
        let same_form = self.before == other.before && self.after == other.after;
        same_form && (self.only.is_none() || self.only == other.only)
    }

    /// Whether this is a form of Entra's, for any tenant, that `cloud` may use.
    pub fn is_entras_own(&self, cloud: Cloud) -> bool {
        let host = self.before.strip_prefix("https://").and_then(|rest| rest.strip_suffix('/'));
        let of_cloud =
            host.and_then(entra_host).is_some_and(|host| host.cloud().is_none_or(|of| of == cloud));
        of_cloud && self.only.is_none() && ["/", "/v2.0"].contains(&&*self.after)
    }

    /// The same for a URI that Entra wrote for people to read, as `idp` is: scheme and host in any case, with or
    /// without a last slash. `iss` is compared byte by byte.
    pub(in crate::token) fn tenant_loosely(&self, uri: &str) -> Option<TenantId> {
        let origin = self.origin();
        let (head, rest) = uri.split_at_checked(origin.len())?;
        if !head.eq_ignore_ascii_case(origin) {
            return None;
        }
        let bare = |text: &'_ str| text.len() - usize::from(text.ends_with('/'));
        let rest = rest.strip_prefix(self.before.strip_prefix(origin)?)?;
        let after = self.after.get(..bare(&self.after))?;
        let tenant = rest.get(..bare(rest))?.strip_suffix(after)?.parse().ok()?;
        self.only.is_none_or(|only| only == tenant).then_some(tenant)
    }

    /// Scheme and authority.
    pub(in crate::token) fn origin(&self) -> &str {
        let authority = self.before.find("://").map_or(0, |scheme| scheme + 3);
        let path = self.before.get(authority..).and_then(|rest| rest.find('/'));
        path.and_then(|path| self.before.get(..authority + path)).unwrap_or(&self.before)
    }

    /// The issuer of `tenant`'s tokens.
    pub fn uri(&self, tenant: TenantId) -> String {
        format!("{}{tenant}{}", self.before, self.after)
    }

    /// Whether tokens of this `ver` may name such an issuer ("Access tokens", token formats): Entra's v1.0
    /// tokens come from the STS hosts, v2.0 tokens from an issuer that ends in `/v2.0`.
    pub(in crate::token) fn agrees_with(&self, version: &str) -> bool {
        let host =
            self.before.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
        if entra_host(host).is_none() {
            return true;
        }
        match version {
            "1.0" => !self.after.starts_with("/v2.0"),
            "2.0" => self.after.starts_with("/v2.0"),
            _ => false,
        }
    }
}

/// The well-known issuers of a cloud, v2.0 and v1.0, each with the address of its metadata ("OpenID Connect on the
/// Microsoft identity platform", find your app's OpenID configuration document URI).
pub fn entra_issuers(cloud: Cloud) -> [(Issuer, String); 2] {
    let login = cloud.login_host();
    let sts = match cloud {
        Cloud::Commercial | Cloud::UsGovernment => "sts.windows.net",
        Cloud::China => "sts.chinacloudapi.cn",
    };
    let issuer = |host: &str, after: &str| Issuer {
        template: IssuerTemplate {
            before: format!("https://{host}/").into(),
            after: after.into(),
            only: None,
        },
        cloud,
    };
    [
        (issuer(login, "/v2.0"), format!("https://{login}/common/v2.0/.well-known/openid-configuration")),
        (issuer(sts, "/"), format!("https://{login}/common/.well-known/openid-configuration")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTOSO: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
    const FABRIKAM: &str = "f2d1d1d1-0000-4000-8000-00000000fab1";

    #[test]
    fn a_template_tells_the_tenant_of_exactly_its_own_uris() {
        let template = IssuerTemplate::parse("https://login.microsoftonline.com/{tenantid}/v2.0").unwrap();
        let tenant = CONTOSO.parse().unwrap();
        assert_eq!(template.tenant(&template.uri(tenant)), Some(tenant));
        for uri in
            ["http", "HTTPS"].map(|scheme| format!("{scheme}://login.microsoftonline.com/{CONTOSO}/v2.0"))
        {
            assert_eq!(template.tenant(&uri), None);
        }
        assert_eq!(template.tenant(&format!("https://login.microsoftonline.com/{CONTOSO}/v2.0/")), None);
        assert_eq!(template.tenant(&format!("https://login.microsoftonline.com/{CONTOSO}")), None);
        assert_eq!(template.tenant("https://login.microsoftonline.com/common/v2.0"), None);
    }

    #[test]
    fn an_issuer_of_one_tenant_is_no_other_tenants_issuer() {
        let template = IssuerTemplate::parse(&format!("https://sts.example/{CONTOSO}/")).unwrap();
        assert_eq!(template.tenant(&format!("https://sts.example/{CONTOSO}/")), CONTOSO.parse().ok());
        assert_eq!(template.tenant(&format!("https://sts.example/{FABRIKAM}/")), None);
        assert_eq!(IssuerTemplate::parse("https://accounts.example/"), Err(BadIssuer));
    }

    #[test]
    fn versions_agree_with_the_form_of_entra_issuers_only() {
        let [(v2, _), (v1, _)] = entra_issuers(Cloud::Commercial);
        assert!(v2.template.agrees_with("2.0") && !v2.template.agrees_with("1.0"));
        assert!(v1.template.agrees_with("1.0") && !v1.template.agrees_with("2.0"));
        assert!(!v1.template.agrees_with("3.0"));
        assert!(IssuerTemplate::parse("https://dev.example/{tenantid}/").unwrap().agrees_with("2.0"));
    }
}
