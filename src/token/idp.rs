//! The `idp` claim: where the user is at home.

use crate::id::{Cloud, MSA, TenantId};
use crate::token::TokenError;
use crate::token::issuer::{Issuer, entra_host, tenant_of_path};

/// What `idp` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::token) enum Idp {
    /// An Entra tenant, and its cloud where the host tells it.
    Entra(TenantId, Option<Cloud>),
    /// A personal account, a social or SAML provider, a one-time passcode.
    Other,
    /// What may be a tenant of a cloud that we do not know.
    UnlistedHost,
}

const MALFORMED: TokenError = TokenError::Malformed("idp");

impl Idp {
    /// Only an Entra URI names a tenant; what merely resembles one is refused, because to take it for a social
    /// provider would lift it out of cross-tenant access altogether.
    pub(in crate::token) fn read<'i>(
        idp: &str,
        issuers: impl IntoIterator<Item = &'i Issuer, IntoIter: Clone>,
    ) -> Result<Self, TokenError> {
        if !is_a_name(idp) {
            return Err(MALFORMED);
        }
        let issuers = issuers.into_iter();
        if let Some(tenant) = issuers.clone().find_map(|issuer| issuer.template.tenant_loosely(idp)) {
            let cloud = authority(idp).and_then(|(_, host, _)| entra_host(host)?.cloud());
            return Ok(Self::of_tenant(tenant, cloud));
        }
        let known = |authority: &str| {
            let host = bare_host(authority);
            let configured = |issuer: &Issuer| {
                let authority = self::authority(issuer.template.origin()).map(|(_, authority, _)| authority);
                authority.is_some_and(|authority| bare_host(authority).eq_ignore_ascii_case(host))
            };
            entra_host(host).is_some() || issuers.clone().any(configured)
        };
        let Some((scheme, authority, path)) = authority(idp) else {
            let (_, rest) = idp.split_once("://").unwrap_or(("", idp));
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            return if known(authority) { Err(MALFORMED) } else { Ok(Self::Other) };
        };
        if let Some(host) = entra_host(authority) {
            let tenant = tenant_of_path(path).filter(|_| scheme.eq_ignore_ascii_case("https"));
            return tenant.map(|tenant| Self::of_tenant(tenant, host.cloud())).ok_or(MALFORMED);
        }
        let path = path.split(['?', '#']).next().unwrap_or_default();
        match tenant_of_path(path) {
            Some(_) => Ok(Self::UnlistedHost),
            None if authority.contains(['@', '%']) || known(authority) => Err(MALFORMED),
            None => Ok(Self::Other),
        }
    }

    fn of_tenant(tenant: TenantId, cloud: Option<Cloud>) -> Self {
        if tenant == MSA { Self::Other } else { Self::Entra(tenant, cloud) }
    }
}

/// Whether somebody could be called so: no identity provider is named by a tenant's id or a path alone, by half a
/// URI, or with characters that readers of URIs drop or turn into slashes.
fn is_a_name(idp: &str) -> bool {
    let dropped = |char: char| char.is_whitespace() || char.is_control() || char == '\\';
    let half = ["http:", "https:"].iter().any(|scheme| {
        let head = idp.get(..scheme.len()).filter(|head| head.eq_ignore_ascii_case(scheme));
        head.is_some() && authority(idp).is_none_or(|(_, authority, _)| authority.is_empty())
    });
    let tenant = idp.split(['/', '?', '#']).next().is_some_and(|first| first.parse::<TenantId>().is_ok());
    !idp.is_empty() && !idp.starts_with('/') && !idp.contains(dropped) && !half && !tenant
}

/// Scheme, authority (port and user info included, which no Entra URI has) and path of an http(s) URI.
fn authority(uri: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = uri.split_once("://")?;
    if !["http", "https"].iter().any(|http| http.eq_ignore_ascii_case(scheme)) {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    Some((scheme, authority, path))
}

/// The host of an authority, without user info, port and the root's dot.
fn bare_host(authority: &str) -> &str {
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::issuer::IssuerTemplate;

    const T: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";

    fn read(idp: &str) -> Result<Idp, TokenError> {
        Idp::read(idp, [])
    }

    fn read_by(template: &str, idp: &str) -> Result<Idp, TokenError> {
        let template = IssuerTemplate::parse(template).unwrap();
        Idp::read(idp, &[Issuer { template, cloud: Cloud::Commercial }])
    }

    #[test]
    fn an_entra_uri_names_a_tenant_in_each_of_its_forms() {
        let tenant = T.parse().unwrap();
        for (uri, cloud) in [
            (format!("https://sts.windows.net/{T}/"), None),
            (format!("https://sts.windows.net/{T}"), None),
            (format!("https://STS.windows.NET/{}/", T.to_uppercase()), None),
            (format!("https://login.microsoftonline.com/{T}/v2.0"), Some(Cloud::Commercial)),
            (format!("https://login.microsoftonline.us/{T}/v2.0/"), Some(Cloud::UsGovernment)),
            (format!("https://sts.chinacloudapi.cn/{T}/"), Some(Cloud::China)),
        ] {
            assert_eq!(read(&uri), Ok(Idp::Entra(tenant, cloud)), "{uri}");
        }
    }

    #[test]
    fn what_resembles_an_entra_uri_is_never_a_social_provider() {
        for uri in [
            String::new(),
            "https://sts.windows.net/".to_owned(),
            "https://sts.windows.net/common/".to_owned(),
            format!("https://sts.windows.net/{T}/x"),
            format!("https://sts.windows.net/{T}/?x"),
            format!("http://sts.windows.net/{T}/"),
            format!("sts.windows.net/{T}/"),
            "sts.windows.net".to_owned(),
            "sts.windows.net:443".to_owned(),
            "https://sts.windows.net:443/common/".to_owned(),
            "https://sts.windows.net:443".to_owned(),
            "https://kim@sts.windows.net/common/".to_owned(),
            "https://kim@idp.example/saml".to_owned(),
            "https://sts%2Ewindows.net/common/".to_owned(),
            format!("https://sts.windows.net./{T}/x"),
            format!("https:/sts.windows.net/{T}/"),
            format!("https:sts.windows.net/{T}/"),
            format!("HTTPS:///sts.windows.net/{T}/"),
            format!("//sts.windows.net/{T}/"),
            format!("ftp://sts.windows.net/{T}/"),
            format!("https://sts.windows.net\\{T}"),
            format!(" https://sts.windows.net/{T}/"),
            format!("https://sts.windows.net/{T}/\n"),
            format!("https://sts.windows.net/{T}/\u{a0}"),
            format!("\0https://sts.windows.net/{T}/"),
            " live.com".to_owned(),
            "live.com ".to_owned(),
            T.to_owned(),
            T.to_uppercase(),
            format!("{T}/v2.0"),
            format!("{T}?x"),
            format!("/{T}/"),
        ] {
            assert_eq!(read(&uri), Err(MALFORMED), "{uri}");
        }
        for uri in [
            format!("https://sts.windows.net.evil.example/{T}/"),
            format!("https://sts.windows.net:443/{T}/"),
            format!("https://sts.windows.net@evil.example/{T}/v2.0"),
            format!("https://sts.windows.net./{T}/"),
            format!("https://kim@sts.windows.net/{T}/"),
            format!("https://login.partner.example/{T}"),
            format!("https://login.partner.example/{T}?x"),
            format!("https://login.partner.example/{T}#x"),
            format!("https://login.partner.example/{T}/?x"),
            format!("https://login.partner.example/{T}/v2.0?x#y"),
        ] {
            assert_eq!(read(&uri), Ok(Idp::UnlistedHost), "{uri}");
        }
    }

    #[test]
    fn everybody_else_is_at_home_outside_of_entra() {
        let msa = "https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/";
        for idp in [
            "live.com",
            "google.com",
            "mail",
            "https://idp.example/saml",
            "https://idp.example:8443/saml?entity=x",
            "http://idp.example",
            "urn:x",
            "urn:federation:MicrosoftOnline",
            "https-provider",
            msa,
        ] {
            assert_eq!(read(idp), Ok(Idp::Other), "{idp}");
        }
    }

    #[test]
    fn a_configured_issuer_is_recognised_in_any_case_of_its_host_and_resembled_by_nobody() {
        let template = "https://dev.example/tenants/{tenantid}/";
        let tenant = T.parse().unwrap();
        for uri in [
            format!("https://dev.example/tenants/{T}/"),
            format!("https://dev.example/tenants/{T}"),
            format!("HTTPS://DEV.example/tenants/{}/", T.to_uppercase()),
        ] {
            assert_eq!(read_by(template, &uri), Ok(Idp::Entra(tenant, None)), "{uri}");
        }
        for uri in [
            "https://dev.example/".to_owned(),
            "dev.example".to_owned(),
            "https://dev.example/tenants/common/".to_owned(),
            format!("https://dev.example/Tenants/{T}/"),
            format!("https://dev.example/tenants/{T}/v2.0"),
            format!("https://dev.example/tenants/{T}//"),
            format!("http://dev.example/tenants/{T}/"),
            format!("https://dev.example:443/tenants/{T}/"),
            format!("https://dev.example./tenants/{T}/"),
        ] {
            assert_eq!(read_by(template, &uri), Err(MALFORMED), "{uri}");
        }
        assert_eq!(read_by(template, &format!("https://dev.example/{T}")), Ok(Idp::UnlistedHost));
        assert_eq!(read_by(template, "https://idp.example/tenants/x"), Ok(Idp::Other));
        let one = format!("https://dev.example/tenants/{T}/");
        assert_eq!(
            read_by(&one, "https://dev.example/tenants/f2d1d1d1-0000-4000-8000-00000000fab1/"),
            Err(MALFORMED)
        );
        let short = "https://id.io/x/{tenantid}/";
        assert_eq!(read_by(short, &format!("https://ID.io/x/{T}/")), Ok(Idp::Entra(tenant, None)));
        assert_eq!(read_by(short, &format!("https://id.io/X/{T}/")), Err(MALFORMED));
    }
}
