//! Names of the keys, as `deploy/etcd/README.md` has them.

use crate::id::{ObjectId, TenantId};

/// The keys under one prefix.
#[derive(Debug, Clone)]
pub(in crate::source) struct Keys {
    prefix: String,
}

/// What a key of a tenant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Key {
    /// `…/settings`
    Settings,
    /// `…/active`
    Active,
    /// None that we know.
    Foreign,
}

/// Keys from the first one to before the second.
pub(in crate::source) type Range = (String, String);

impl Keys {
    pub(in crate::source) fn under(prefix: &str) -> Self {
        Self { prefix: prefix.trim_end_matches('/').to_owned() }
    }

    /// Of every tenant.
    pub(in crate::source) fn tenants(&self) -> Range {
        (format!("{}/v1/tenants/", self.prefix), format!("{}/v1/tenants0", self.prefix))
    }

    /// Everything else under the prefix: what is of another version, or of a name that nobody knows.
    pub(in crate::source) fn elsewhere(&self) -> [Range; 4] {
        let (changes, principals, tenants) = (self.changes(), self.principals(), self.tenants());
        [
            (format!("{}/", self.prefix), changes.0),
            (changes.1, principals.0),
            (principals.1, tenants.0),
            (tenants.1, format!("{}0", self.prefix)),
        ]
    }

    pub(in crate::source) fn settings(&self, tenant: TenantId) -> String {
        self.of(tenant, "settings")
    }

    pub(in crate::source) fn active(&self, tenant: TenantId) -> String {
        self.of(tenant, "active")
    }

    /// Of every partner in a generation; the first of the range is no partner's, but may be touched by who changes
    /// settings.
    pub(in crate::source) fn partners(&self, tenant: TenantId, generation: u64) -> Range {
        let stem = self.of(tenant, &format!("gen/{generation}/partners"));
        (format!("{stem}/"), format!("{stem}0"))
    }

    pub(in crate::source) fn partner(&self, tenant: TenantId, generation: u64, other: TenantId) -> String {
        self.of(tenant, &format!("gen/{generation}/partners/{other}"))
    }

    /// All generations of a tenant.
    pub(in crate::source) fn generations(&self, tenant: TenantId) -> Range {
        (self.of(tenant, "gen/"), self.of(tenant, "gen0"))
    }

    /// What tells that no partner in a generation changed until it was written, and whose the generation is.
    pub(in crate::source) fn marker(&self, tenant: TenantId, generation: u64) -> String {
        self.partners(tenant, generation).0
    }

    /// The number of the generation that a key belongs to.
    pub(in crate::source) fn generation_of(&self, tenant: TenantId, key: &[u8]) -> Option<u64> {
        let rest = key.strip_prefix(self.generations(tenant).0.as_bytes())?;
        generation(rest.split(|byte| *byte == b'/').next()?)
    }

    /// Of every principal.
    pub(in crate::source) fn principals(&self) -> Range {
        (format!("{}/v1/principals/", self.prefix), format!("{}/v1/principals0", self.prefix))
    }

    /// Which object of which tenant's directory a key is about.
    pub(in crate::source) fn principal_of(&self, key: &[u8]) -> Option<(TenantId, ObjectId)> {
        let name = key.strip_prefix(self.principals().0.as_bytes())?;
        let slash = name.iter().position(|byte| *byte == b'/')?;
        let (tenant, object) = name.split_at_checked(slash)?;
        let object = object.get(1..)?;
        let parsed = ObjectId::parse(object).ok().filter(|parsed| parsed.text().as_bytes() == object);
        Some((canonical(tenant)?, parsed?))
    }

    /// Of every change that was made.
    pub(in crate::source) fn changes(&self) -> Range {
        (format!("{}/v1/changes/", self.prefix), format!("{}/v1/changes0", self.prefix))
    }

    /// Of the change of this number. In the order of keys the latest one is the last.
    pub(in crate::source) fn change(&self, number: u64) -> String {
        format!("{}/v1/changes/{number:020}", self.prefix)
    }

    /// Which change a key is of.
    pub(in crate::source) fn change_of(&self, key: &[u8]) -> Option<u64> {
        let number = str::from_utf8(key.strip_prefix(self.changes().0.as_bytes())?).ok()?.parse().ok()?;
        (self.change(number).as_bytes() == key).then_some(number)
    }

    /// All of a tenant's.
    pub(in crate::source) fn tenant(&self, tenant: TenantId) -> Range {
        (self.of(tenant, ""), format!("{}/v1/tenants/{tenant}0", self.prefix))
    }

    /// Whose key this is, if it is a hosted tenant's.
    pub(in crate::source) fn tenant_of(&self, key: &[u8]) -> Option<(TenantId, Key)> {
        let rest = key.strip_prefix(self.tenants().0.as_bytes())?;
        let slash = rest.iter().position(|byte| *byte == b'/')?;
        let (tenant, name) = rest.split_at_checked(slash)?;
        let tenant = canonical(tenant)?;
        let key = match name {
            b"/settings" => Key::Settings,
            b"/active" => Key::Active,
            _ => Key::Foreign,
        };
        Some((tenant, key))
    }

    fn of(&self, tenant: TenantId, name: &str) -> String {
        format!("{}/v1/tenants/{tenant}/{name}", self.prefix)
    }
}

/// A generation, in decimal digits.
pub(in crate::source) fn generation(text: &[u8]) -> Option<u64> {
    let text = str::from_utf8(text).ok()?.trim_end_matches('\n');
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// A tenant in the one spelling that keys have.
pub(in crate::source) fn canonical(id: &[u8]) -> Option<TenantId> {
    let tenant = TenantId::parse(id).ok()?;
    (tenant.text().as_bytes() == id).then_some(tenant)
}

#[cfg(test)]
mod tests {
    use super::*;

    const L: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";

    #[test]
    fn a_key_is_some_tenants_in_one_spelling_alone() {
        let keys = Keys::under("/tenantgate/");
        let tenant = L.parse().unwrap();
        let of = |rest: &str| keys.tenant_of(format!("/tenantgate/v1/tenants/{rest}").as_bytes());
        assert_eq!(of(&format!("{L}/settings")), Some((tenant, Key::Settings)));
        assert_eq!(of(&format!("{L}/active")), Some((tenant, Key::Active)));
        assert_eq!(of(&format!("{L}/gen/1")), Some((tenant, Key::Foreign)));
        for odd in ["", L, &L.to_uppercase(), "common/settings"] {
            assert_eq!(of(odd), None, "{odd}");
        }
        assert_eq!(of(&format!("{}/settings", L.to_uppercase())), None);
        assert_eq!(keys.tenant_of(format!("/other/v1/tenants/{L}/settings").as_bytes()), None);
    }

    #[test]
    fn ranges_hold_what_they_are_of() {
        let keys = Keys::under("/t");
        let (tenant, other) = (L.parse().unwrap(), "0a1b2c3d-0000-4000-8000-00000000000a".parse().unwrap());
        let within = |(from, to): &Range, key: &str| **from <= *key && *key < **to;
        let partners = keys.partners(tenant, 7);
        assert!(within(&partners, &keys.partner(tenant, 7, other)));
        assert!(!within(&partners, &keys.partner(tenant, 70, other)));
        assert!(within(&keys.generations(tenant), &partners.0));
        for small in [keys.settings(tenant), keys.active(tenant)] {
            assert!(within(&keys.tenants(), &small) && !within(&keys.generations(tenant), &small));
            assert!(within(&keys.tenant(tenant), &small));
        }
        let key = format!("{}{L}/{other}", keys.principals().0);
        assert!(keys.principal_of(key.as_bytes()).is_some() && within(&keys.principals(), &key));
        assert_eq!(keys.principal_of(key.to_uppercase().as_bytes()), None);
        let elsewhere = |key: &str| keys.elsewhere().iter().any(|range| within(range, key));
        for known in [keys.changes().0, keys.change(1), keys.principals().0, keys.tenants().0, key] {
            assert!(!elsewhere(&known), "{known}");
        }
        for unknown in
            ["schema", "v1", "v1/change/1", "v1/principal/", "v1/tenant/", "v1/zones", "v10/", "v2/tenants/"]
        {
            assert!(elsewhere(&format!("/t/{unknown}")), "{unknown}");
        }
        assert!(!elsewhere("/t") && !elsewhere("/ta") && !elsewhere("/u"));
        assert!(within(&keys.changes(), &keys.change(u64::MAX)) && keys.change(9) < keys.change(10));
        assert_eq!(keys.change_of(keys.change(7).as_bytes()), Some(7));
        assert_eq!(keys.change_of(b"/t/v1/changes/7"), None);
        assert_eq!(keys.generation_of(tenant, keys.marker(tenant, 70).as_bytes()), Some(70));
    }
}
