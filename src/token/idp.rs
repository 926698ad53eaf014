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

impl Idp {
    /// Only the exact form of an Entra URI names a tenant; what merely resembles one is refused, because to take
    /// it for a social provider would lift it out of cross-tenant access altogether.
    pub(in crate::token) fn read<'i>(
        idp: &str,
        issuers: impl IntoIterator<Item = &'i Issuer>,
    ) -> Result<Self, TokenError> {
        const MALFORMED: TokenError = TokenError::Malformed("idp");
        if idp.is_empty() {
            return Err(MALFORMED);
        }
        if let Some(tenant) = issuers.into_iter().find_map(|issuer| issuer.template.tenant(idp)) {
            let cloud = authority(idp).and_then(|(_, host, _)| entra_host(host)?.cloud());
            return Ok(Self::of_tenant(tenant, cloud));
        }
        let Some((scheme, host, path)) = authority(idp) else {
            let host = idp.split(['/', ':', '?', '#']).next().unwrap_or_default();
            return if entra_host(host).is_some() { Err(MALFORMED) } else { Ok(Self::Other) };
        };
        match (entra_host(host), tenant_of_path(path)) {
            (Some(host), Some(tenant)) if scheme.eq_ignore_ascii_case("https") => {
                Ok(Self::of_tenant(tenant, host.cloud()))
            }
            (Some(_), _) => Err(MALFORMED),
            (None, Some(_)) => Ok(Self::UnlistedHost),
            (None, None) => Ok(Self::Other),
        }
    }

    fn of_tenant(tenant: TenantId, cloud: Option<Cloud>) -> Self {
        if tenant == MSA { Self::Other } else { Self::Entra(tenant, cloud) }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const T: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";

    fn read(idp: &str) -> Result<Idp, TokenError> {
        Idp::read(idp, [])
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
        ] {
            assert_eq!(read(&uri), Err(TokenError::Malformed("idp")), "{uri}");
        }
        for uri in [
            format!("https://sts.windows.net.evil.example/{T}/"),
            format!("https://sts.windows.net:443/{T}/"),
            format!("https://sts.windows.net@evil.example/{T}/v2.0"),
            format!("https://login.partner.example/{T}"),
        ] {
            assert_eq!(read(&uri), Ok(Idp::UnlistedHost), "{uri}");
        }
    }

    #[test]
    fn everybody_else_is_at_home_outside_of_entra() {
        let msa = "https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/";
        for idp in ["live.com", "google.com", "mail", "https://idp.example/saml", "urn:x", msa] {
            assert_eq!(read(idp), Ok(Idp::Other), "{idp}");
        }
    }
}
