//! A mail domain, as domain lists and mail addresses name it.

use std::fmt;
use std::str::FromStr;

/// A host name, of labels of letters (of any script), digits and inner hyphens, in the one spelling that all others of it
/// have in common (UTS 46): who blocks `münchen.example` blocks `xn--mnchen-3ya.example`, which mail goes to alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Domain(Box<str>);

/// What no mail domain looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no domain: write it alone, such as `fabrikam.com`, without `@`, `*`, spaces or a dot at either end")]
pub struct NotADomain;

/// What names one domain by IDNA 2003 and another by IDNA 2008 (UTS 46, section 7), in either case. Whoever delivers the
/// mail may read it the other way; written as `xn--…`, the domain is one and the same to all.
const DEVIATING: [char; 4] = ['ß', 'ẞ', 'ς', 'Σ'];

impl Domain {
    /// Of a mail address, if it is exactly one and a plain one: in `a@one.example, b@two.example` or
    /// `"a@one.example"@two.example` others may see another domain than we do, and who writes `kim@fabrikam.com>` must
    /// not slip past a list that has `fabrikam.com`. The root's dot is another spelling of the same domain.
    pub fn of_address(address: &str) -> Option<Self> {
        // An atom of RFC 5322 with dots, in any script (RFC 6531).
        let is_plain = |char: char| char.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(char);
        let (local, domain) = address.rsplit_once('@')?;
        if local.is_empty() || !local.chars().all(is_plain) || domain.contains(DEVIATING) {
            return None;
        }
        domain.strip_suffix('.').unwrap_or(domain).parse().ok()
    }
}

impl FromStr for Domain {
    type Err = NotADomain;

    fn from_str(text: &str) -> Result<Self, NotADomain> {
        let is_label = |label: &str| {
            let edges = label.starts_with('-') || label.ends_with('-');
            !label.is_empty() && !edges && label.chars().all(|char| char.is_alphanumeric() || char == '-')
        };
        if !text.split('.').all(is_label) {
            return Err(NotADomain);
        }
        idna::domain_to_ascii(text).map(|ascii| Self(ascii.into())).map_err(|_| NotADomain)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_the_same_in_any_case_of_any_script() {
        for (one, other) in [("Fabrikam.COM", "fabrikam.com"), ("MÜNCHEN.example", "münchen.example")] {
            assert_eq!(one.parse::<Domain>(), other.parse());
        }
        assert_ne!("mail.fabrikam.com".parse::<Domain>(), "fabrikam.com".parse());
    }

    #[test]
    fn domains_are_the_same_in_every_spelling() {
        let spellings =
            ["münchen.example", "xn--mnchen-3ya.example", "XN--MNCHEN-3YA.example", "ｍünchen.example"];
        for spelling in spellings {
            assert_eq!(
                spelling.parse::<Domain>().unwrap().to_string(),
                "xn--mnchen-3ya.example",
                "{spelling}"
            );
        }
        assert_eq!("xn--zzzzzz99999.example".parse::<Domain>(), Err(NotADomain));
    }

    #[test]
    fn what_could_never_match_is_no_domain() {
        for text in [
            "",
            ".",
            "@evil.com",
            "*.evil.com",
            " evil.com",
            "evil.com ",
            ".evil.com",
            "evil.com.",
            "evil..com",
            "evil_com",
            "-evil.com",
            "https://evil.com",
            "kim@evil.com",
            "e\u{301}vil.com",
        ] {
            assert_eq!(text.parse::<Domain>(), Err(NotADomain), "{text:?}");
        }
    }

    #[test]
    fn an_address_that_hides_its_domain_has_none() {
        let domain = |address: &str| Domain::of_address(address).map(|domain| domain.to_string());
        assert_eq!(domain("kim@Fabrikam.com").as_deref(), Some("fabrikam.com"));
        assert_eq!(domain("kim@fabrikam.com.").as_deref(), Some("fabrikam.com"));
        for address in [
            "kim",
            "kim@",
            "kim@.",
            "@fabrikam.com",
            "kim@fabrikam.com..",
            "Kim <kim@fabrikam.com>",
            "kim@fabrikam.com ",
            "kim@fabrikam.com,lee@northwind.example",
            "kim@fabrikam.com@northwind.example",
            "\"kim@fabrikam.com\"@northwind.example",
            "kim(fabrikam.com)@northwind.example",
        ] {
            assert_eq!(domain(address), None, "{address:?}");
        }
    }

    #[test]
    fn an_address_whose_domain_has_two_readings_has_none() {
        let domain = |address: &str| Domain::of_address(address).map(|domain| domain.to_string());
        for address in ["kim@straße.example", "kim@STRAẞE.example", "kim@οδος.example", "kim@ΟΔΟΣ.example"]
        {
            assert_eq!(domain(address), None, "{address}");
        }
        assert_eq!(domain("kim@xn--strae-oqa.example").as_deref(), Some("xn--strae-oqa.example"));
        assert_eq!(domain("strauß@münchen.example").as_deref(), Some("xn--mnchen-3ya.example"));
    }
}
