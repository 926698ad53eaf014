//! What many partners say in the same words is kept once: a policy is smaller, and what a decision reads is more often
//! at hand.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use super::partner::Partner;
use super::setting::Setting;
use super::target::{AppTargets, Half};

/// What was said so far, as long as it is not too much of one kind: whatever says something of its own, like a list of
/// users, says it once.
#[derive(Debug, Default)]
pub(in crate::policy) struct Common {
    settings: Said<Setting>,
    applications: Said<Half<AppTargets>>,
}

type Said<T> = HashSet<Arc<T>, foldhash::fast::RandomState>;

/// Of a kind.
const MOST: usize = 1024;

impl Common {
    /// The same partner, of what was said before as far as possible.
    pub(in crate::policy) fn partner(&mut self, mut partner: Partner) -> Partner {
        for setting in partner.settings.each_mut() {
            if let Some(applications) =
                Arc::get_mut(setting).and_then(|setting| setting.applications.as_mut())
            {
                once(&mut self.applications, applications);
            }
            once(&mut self.settings, setting);
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
    use super::*;
    use crate::policy::{SettingKind, compile_partner};

    fn partner(number: u8, users: &str, application: &str) -> Partner {
        let record = format!(
            r#"{{"tenantId":"3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c{number:02}","b2bCollaborationInbound":{{
                "usersAndGroups":{{"accessType":"allowed","targets":[{{"target":"{users}","targetType":"user"}}]}},
                "applications":{{"accessType":"allowed","targets":[{{"target":"{application}","targetType":"application"}}]}}}}}}"#
        );
        compile_partner(record.as_bytes()).unwrap().1
    }

    fn inbound(partner: &Partner) -> &Setting {
        partner.settings.get(SettingKind::CollaborationInbound).unwrap()
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
        let [first, same, of_others, elsewhere] = kept.each_ref().map(inbound);
        let applications = |setting: &Setting| setting.applications.clone().unwrap();
        assert!(std::ptr::eq(first, same));
        assert!(Arc::ptr_eq(&applications(first), &applications(of_others)));
        assert!(!Arc::ptr_eq(&applications(first), &applications(elsewhere)));
    }
}
