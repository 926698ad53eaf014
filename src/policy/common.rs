//! What many partners say in the same words is kept once: a policy is smaller, and what a decision reads is more often
//! at hand.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use super::partner::{Others, Partner};
use super::setting::Setting;
use super::target::{AppTargets, Half};

/// What was said so far, as long as it is not too much of one kind: whatever says something of its own, like a list of
/// users, says it once.
#[derive(Debug, Default)]
pub(in crate::policy) struct Common {
    others: Said<Others>,
    applications: Said<Half<AppTargets>>,
}

type Said<T> = HashSet<Arc<T>, foldhash::fast::RandomState>;

/// Of a kind.
const MOST: usize = 1024;

impl Common {
    /// The same partner, of what was said before as far as possible.
    pub(in crate::policy) fn partner(&mut self, mut partner: Partner) -> Partner {
        let (inbound, others) = partner.settings.parts_mut();
        let mut applications = |setting: &mut Setting| {
            if let Some(applications) = &mut setting.applications {
                once(&mut self.applications, applications);
            }
        };
        inbound.map(&mut applications);
        if let Some(others) = others {
            Arc::get_mut(others).into_iter().flatten().flatten().for_each(applications);
            once(&mut self.others, others);
        }
        partner
    }
}

fn once<T: Eq + Hash>(said: &mut Said<T>, it: &mut Arc<T>) {
    match said.get(it) {
        Some(before) => *it = Arc::clone(before),
        None if said.len() < MOST => drop(said.insert(Arc::clone(it))),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::{SettingKind, compile_partner};

    /// With a setting in place and one apart.
    fn partner(number: u8, users: &str, application: &str) -> Partner {
        let setting = json!({
            "usersAndGroups": {"accessType": "allowed", "targets": [{"target": users, "targetType": "user"}]},
            "applications": {
                "accessType": "allowed",
                "targets": [{"target": application, "targetType": "application"}],
            },
        });
        let record = json!({
            "tenantId": format!("3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c{number:02}"),
            "b2bCollaborationInbound": setting,
            "b2bDirectConnectInbound": setting,
        });
        compile_partner(record.to_string().as_bytes()).unwrap().1
    }

    #[test]
    fn what_is_equal_is_kept_once_and_nothing_else() {
        let one = "11111111-2222-3333-4444-555555555555";
        let other = "21111111-2222-3333-4444-555555555555";
        let said = [(one, one), (one, one), (other, one), (one, other)];
        let mut common = Common::default();
        let kept = said.map(|(users, application)| common.partner(partner(1, users, application)));
        for ((users, application), kept) in said.into_iter().zip(&kept) {
            assert_eq!(*kept, partner(2, users, application));
        }
        let setting = |kind| kept.each_ref().map(|partner| partner.settings.get(kind).unwrap());
        for kind in [SettingKind::CollaborationInbound, SettingKind::DirectConnectInbound] {
            let applications = setting(kind).map(|setting| setting.applications.as_ref().unwrap());
            let [first, others @ ..] = applications;
            assert_eq!(others.map(|other| Arc::ptr_eq(first, other)), [true, true, false], "{kind:?}");
        }
        let [first, others @ ..] = setting(SettingKind::DirectConnectInbound);
        assert_eq!(others.map(|other| std::ptr::eq(first, other)), [true, false, false]);
    }
}
