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
