//! Hosts that tenant restrictions know ("Set up tenant restrictions v2").

use crate::engine::reason::Reason;
use crate::engine::verdict::{Basis, Permit, Ruling, Verdict};

/// The hosts where accounts sign in.
#[derive(Debug, Clone)]
pub struct SignInHosts(Box<[Box<str>]>);

/// Those of every cloud; never the hosts where devices sign in and register.
const WELL_KNOWN: [&str; 7] = [
    "login.microsoftonline.com",
    "login.microsoft.com",
    "login.windows.net",
    "login.live.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
];

impl SignInHosts {
    /// The configured hosts; none means the well-known ones.
    pub fn new(configured: &[String]) -> Self {
        if configured.is_empty() {
            return Self(WELL_KNOWN.map(Into::into).into());
        }
        Self(configured.iter().map(|host| host.to_ascii_lowercase().into()).collect())
    }

    /// Whether this is one, as the client wrote it: any case, a port, one trailing dot.
    pub fn has(&self, host: &[u8]) -> bool {
        let end = host.iter().rposition(|&byte| byte == b':').unwrap_or(host.len());
        let host = host.get(..end).unwrap_or_default();
        let host = host.strip_suffix(b".").unwrap_or(host);
        self.0.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(host))
    }
}

/// The answer to `CONNECT` under tenant restrictions: untouched, since what is inside is judged again.
pub fn tunnel(host: &[u8], hosts: &SignInHosts, basis: Basis) -> Verdict<'static> {
    let reason = if hosts.has(host) { Reason::SignInHost } else { Reason::UnrestrictedHost };
    Verdict { ruling: Ruling::Allow(Permit::granted(reason)), basis }
}
