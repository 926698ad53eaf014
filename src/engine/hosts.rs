//! Hosts that tenant restrictions know ("Set up tenant restrictions v2").

use crate::engine::reason::Reason;
use crate::engine::sign_in::SignIn;
use crate::engine::verdict::{Basis, Marking, Permit, Ruling, Verdict};
use crate::id::AppId;

/// Every host, by what tenant restrictions ask of it.
#[derive(Debug, Clone)]
pub struct Hosts {
    /// Where accounts sign in.
    pub sign_in: Patterns<()>,
    /// Where foreign accounts are judged, and the application that is reached there.
    pub resources: Patterns<AppId>,
}

/// What is asked of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostClass {
    /// Accounts sign in there: it is told of the policy.
    SignIn(SignIn),
    /// A resource: whose account it is decides.
    Resource(AppId),
    /// Nothing.
    Unrestricted(Unrestricted),
}

/// The proof that a host is on no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unrestricted(());

impl HostClass {
    /// The word in an explanation.
    pub const fn word(self) -> &'static str {
        match self {
            Self::SignIn(_) => "sign_in",
            Self::Resource(_) => "resource",
            Self::Unrestricted(_) => "unrestricted",
        }
    }

    /// The verdict on a tunnel to such a host: what is inside is judged again.
    pub fn tunnel(self, basis: Basis) -> Verdict<'static> {
        match self {
            Self::SignIn(_) => untouched(Reason::SignInHost, basis),
            Self::Resource(_) | Self::Unrestricted(_) => untouched(Reason::UnrestrictedHost, basis),
        }
    }
}

impl Unrestricted {
    /// The verdict on a request to such a host.
    pub fn verdict(self, basis: Basis) -> Verdict<'static> {
        untouched(Reason::UnrestrictedHost, basis)
    }
}

fn untouched(reason: Reason, basis: Basis) -> Verdict<'static> {
    Verdict { ruling: Ruling::Allow(Permit::granted(reason)), basis, marking: Marking::Untouched }
}

/// Where the accounts of every cloud sign in.
const WELL_KNOWN: [&str; 7] = [
    "login.microsoftonline.com",
    "login.microsoft.com",
    "login.windows.net",
    "login.live.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
];
/// Where devices sign in and register: never sign-in hosts, whatever is configured.
const OF_DEVICES: [&str; 2] = ["device.login.microsoftonline.com", "enterpriseregistration.windows.net"];

impl Hosts {
    /// The configured hosts; no sign-in host means the well-known ones.
    pub fn new(sign_in: Patterns<()>, resources: Patterns<AppId>) -> Self {
        let sign_in = if sign_in.0.is_empty() { Patterns::well_known() } else { sign_in };
        Self { sign_in, resources }
    }

    /// The class of a host as the client wrote it: in any case, with a port, with the root's dot.
    pub fn class(&self, host: &[u8]) -> HostClass {
        let host = name(host);
        let of_devices = OF_DEVICES.iter().any(|device| device.as_bytes().eq_ignore_ascii_case(host));
        if !of_devices && self.sign_in.find(host).is_some() {
            return HostClass::SignIn(SignIn::at(host));
        }
        self.resources.find(host).map_or(HostClass::Unrestricted(Unrestricted(())), HostClass::Resource)
    }
}

/// Whether `host` is a name or an address, perhaps with a port, and nothing else: what others may take for a listed
/// host, such as `x@graph.microsoft.com`, must not pass as one that is not listed.
pub fn is_plain(host: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(byte);
    host.iter().all(plain) && !matches!(host, [] | [b'.' | b':', ..]) && !name(host).ends_with(b".")
}

/// A host without port and without one trailing dot. No name has a colon, so that whatever follows one is no part.
fn name(host: &[u8]) -> &[u8] {
    let end = host.iter().position(|&byte| byte == b':').unwrap_or(host.len());
    let host = host.get(..end).unwrap_or_default();
    host.strip_suffix(b".").unwrap_or(host)
}

/// What no host can match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// Not a name.
    #[error("`{0}` is no host: write its name alone, such as `graph.microsoft.com`, or `*.sharepoint.com`")]
    NoHost(String),
    /// Twice, which leaves open which counts.
    #[error("`{0}` is there twice")]
    Twice(String),
    /// A host whose sign-ins must not be hindered.
    #[error("`{0}` is where devices sign in or register: Microsoft forbids restrictions there")]
    OfDevices(String),
}

/// Host patterns, exact or `*.suffix`, and what each stands for. The longest that matches wins.
#[derive(Debug, Clone)]
pub struct Patterns<T>(Box<[(Pattern, T)]>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// One host.
    Exact(Box<str>),
    /// Every host that ends so; begins with a dot.
    Below(Box<str>),
}

impl<T: Copy> Patterns<T> {
    /// Reads patterns in any order and case.
    pub fn new<'p>(patterns: impl IntoIterator<Item = (&'p str, T)>) -> Result<Self, BadPattern> {
        let mut read: Vec<(Pattern, T)> = Vec::new();
        for (text, value) in patterns {
            let pattern = Pattern::parse(text).ok_or_else(|| BadPattern::NoHost(text.to_owned()))?;
            if read.iter().any(|(known, _)| *known == pattern) {
                return Err(BadPattern::Twice(text.to_owned()));
            }
            if OF_DEVICES.iter().any(|device| pattern == Pattern::Exact((*device).into())) {
                return Err(BadPattern::OfDevices(text.to_owned()));
            }
            read.push((pattern, value));
        }
        read.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.weight()));
        Ok(Self(read.into()))
    }

    fn find(&self, host: &[u8]) -> Option<T> {
        self.0.iter().find(|(pattern, _)| pattern.matches(host)).map(|(_, value)| *value)
    }
}

impl Patterns<()> {
    fn well_known() -> Self {
        Self(WELL_KNOWN.map(|host| (Pattern::Exact(host.into()), ())).into())
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let is_label = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let (below, host) = text.strip_prefix('*').map_or((false, text), |suffix| (true, suffix));
        let labels = if below { host.strip_prefix('.')? } else { host };
        let known = host.to_ascii_lowercase().into();
        let pattern = if below { Self::Below(known) } else { Self::Exact(known) };
        labels.split('.').all(is_label).then_some(pattern)
    }

    fn matches(&self, host: &[u8]) -> bool {
        match self {
            Self::Exact(known) => known.as_bytes().eq_ignore_ascii_case(host),
            Self::Below(suffix) => {
                host.split_at_checked(host.len().saturating_sub(suffix.len())).is_some_and(|(before, end)| {
                    !before.is_empty() && suffix.as_bytes().eq_ignore_ascii_case(end)
                })
            }
        }
    }

    /// Its length; of two that match one host and have the same, the exact one says more.
    fn weight(&self) -> (usize, bool) {
        match self {
            Self::Exact(host) => (host.len(), true),
            Self::Below(suffix) => (suffix.len().saturating_add(1), false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAPH: AppId = AppId::from_u128(1);
    const FILES: AppId = AppId::from_u128(2);

    fn class(sign_in: &[&str], resources: &[(&str, AppId)], host: &str) -> (&'static str, Option<AppId>) {
        let sign_in = Patterns::new(sign_in.iter().map(|host| (*host, ()))).unwrap();
        let hosts = Hosts::new(sign_in, Patterns::new(resources.iter().copied()).unwrap());
        let class = hosts.class(host.as_bytes());
        let application = if let HostClass::Resource(application) = class { Some(application) } else { None };
        (class.word(), application)
    }

    #[test]
    fn a_host_is_the_same_in_every_spelling() {
        let spellings = [
            "login.live.com",
            "LOGIN.Live.com",
            "login.live.com.",
            "login.live.com:443",
            "Login.live.com.:8443",
        ];
        for host in spellings {
            assert_eq!(class(&[], &[], host), ("sign_in", None), "{host}");
        }
        for host in ["", ":", ".", "xlogin.live.com", "login.live.com.evil.example", "live.com", "[::1]:443"]
        {
            assert_eq!(class(&[], &[], host), ("unrestricted", None), "{host}");
        }
    }

    #[test]
    fn the_longest_pattern_wins_and_of_two_as_long_the_exact_one() {
        let resources =
            [("*.example", FILES), ("*.a.example", GRAPH), ("x.b.example", GRAPH), ("*.b.example", FILES)];
        for (host, application) in
            [("b.example", FILES), ("b.a.example", GRAPH), ("x.b.example", GRAPH), ("y.b.example", FILES)]
        {
            assert_eq!(class(&[], &resources, host), ("resource", Some(application)), "{host}");
        }
        assert_eq!(class(&[], &resources, "example"), ("unrestricted", None));
        assert_eq!(class(&[], &resources, ".example"), ("unrestricted", None));
    }

    #[test]
    fn sign_in_hosts_come_first_and_devices_never_count_as_such() {
        let everything = [("*.microsoftonline.com", FILES), ("*.windows.net", FILES)];
        let sign_in = ["*.microsoftonline.com", "*.windows.net"];
        assert_eq!(class(&sign_in, &everything, "login.microsoftonline.com"), ("sign_in", None));
        for host in OF_DEVICES {
            assert_eq!(class(&sign_in, &everything, host), ("resource", Some(FILES)), "{host}");
            assert!(matches!(Patterns::new([(host, ())]), Err(BadPattern::OfDevices(_))));
        }
        // Whoever configures some has named them all.
        assert_eq!(class(&["login.contoso.example"], &[], "login.live.com"), ("unrestricted", None));
    }

    #[test]
    fn what_no_host_can_match_is_refused() {
        let texts = [
            "",
            "*",
            "*.",
            "a.*",
            "*a.example",
            "a..example",
            "a.example.",
            "a.example:443",
            "https://a",
            "ä.example",
        ];
        for text in texts {
            assert!(matches!(Patterns::new([(text, ())]), Err(BadPattern::NoHost(_))), "{text}");
        }
        assert!(matches!(Patterns::new([("A.example", ()), ("a.EXAMPLE", ())]), Err(BadPattern::Twice(_))));
    }
}
