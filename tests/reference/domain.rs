//! The allow and block lists of mail domains (§9): exact, in any case and spelling, no sub-domains.

use serde_json::Value;

use super::policy;

/// Of a caller from no Entra tenant, by `email`.
pub(crate) fn caller(local: &Value, email: Option<&str>) -> Result<(), &'static str> {
    let (allowed, blocked) = lists(local);
    if allowed.is_empty() && blocked.is_empty() {
        return Ok(());
    }
    judge(local, &email.and_then(of).ok_or("domain_unresolved")?)
}

/// An empty list is none, for Graph writes both and fills one. A block beats an allowance.
pub(crate) fn judge(local: &Value, domain: &str) -> Result<(), &'static str> {
    let (allowed, blocked) = lists(local);
    let has = |list: &[&str]| list.iter().any(|each| are_same(each, domain));
    if has(&blocked) {
        Err("domain_blocked")
    } else if !allowed.is_empty() && !has(&allowed) {
        Err("domain_not_allowed")
    } else {
        Ok(())
    }
}

/// The domain of the one plain address in `email`, without the dot that stands for the root;
/// nothing else is a plain host name, nor one that IDNA 2003 and IDNA 2008 take for two.
pub(crate) fn of(email: &str) -> Option<String> {
    let (local, domain) = email.split_once('@')?;
    let strange = |char: char| !char.is_alphanumeric() && !"!#$%&'*+-/=?^_`{|}~.".contains(char);
    if domain.contains('@') || local.is_empty() || local.contains(strange) {
        return None;
    }
    if domain.to_lowercase().contains(['ß', 'ς']) || domain.contains('Σ') {
        return None;
    }
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let plain = domain.split('.').all(|label| {
        let inner = label.trim_matches('-');
        !label.is_empty() && inner == label && inner.replace('-', "").chars().all(char::is_alphanumeric)
    });
    (plain && idna::domain_to_ascii(domain).is_ok()).then(|| domain.to_owned())
}

/// Whether mail to either goes to the same.
pub(crate) fn are_same(one: &str, other: &str) -> bool {
    idna::domain_to_ascii(one).unwrap() == idna::domain_to_ascii(other).unwrap()
}

fn lists(local: &Value) -> (Vec<&str>, Vec<&str>) {
    let lists = &local["b2bManagementPolicy"]["InvitationsAllowedAndBlockedDomainsPolicy"];
    (policy::texts(&lists["AllowedDomains"]).collect(), policy::texts(&lists["BlockedDomains"]).collect())
}
