//! Names of the keys, as `deploy/etcd/README.md` has them.

use crate::id::TenantId;

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

    /// What an unknown version of these keys would be among.
    pub(in crate::source) fn other_versions(&self) -> [Range; 2] {
        let Self { prefix } = self;
        [(format!("{prefix}/"), format!("{prefix}/v1/")), (format!("{prefix}/v10"), format!("{prefix}0"))]
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

    /// The first key after all of a tenant's.
    pub(in crate::source) fn after(&self, tenant: TenantId) -> String {
        format!("{}/v1/tenants/{tenant}0", self.prefix)
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
            assert!(*small < *keys.after(tenant));
        }
        let [before, after] = keys.other_versions();
        assert!(within(&after, "/t/v2/tenants/") && within(&before, "/t/schema"));
        assert!(!within(&before, &keys.tenants().0) && !within(&after, &keys.tenants().0));
    }
}
