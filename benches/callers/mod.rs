//! Who asks, by what is decided about them, and how many partners there are.

use std::hint::black_box;

use tenantgate::engine::{Reason, Resident, decide};
use tenantgate::token::Identity;

use crate::fixtures::{Caller, Stance};
use crate::world::{World, access};

/// Partners that callers come from, and callers of each kind.
pub(crate) const ACTIVE: usize = 1000;
/// Of the tables.
pub(crate) const SIZES: [u32; 4] = [10, 1000, 100_000, 1_000_000];

/// Callers by what is decided about them; None where that differs.
pub(crate) fn kinds(partners: u32) -> [(&'static str, Option<Reason>, Vec<Caller>); 6] {
    let members: Vec<_> = (0..).take(ACTIVE).map(Caller::Member).collect();
    let guests = |stance| guests(partners, stance);
    let mixed = guests(None).into_iter().zip(members.clone()).flat_map(|(guest, member)| [guest, member]);
    let mixed = mixed.collect();
    [
        ("internal", Some(Reason::Internal), members),
        ("guest_allowed", Some(Reason::Permitted), guests(Some(Stance::Welcome))),
        ("guest_denied", Some(Reason::UsersAndApplicationsBlocked), guests(Some(Stance::Refused))),
        ("inherited", Some(Reason::Permitted), guests(Some(Stance::Silent))),
        ("both_sides", Some(Reason::Permitted), guests(Some(Stance::Hosted))),
        ("mixed", None, mixed),
    ]
}

/// A thousand guests from up to a thousand partners of this stance, or of any in turn, spread evenly.
pub(crate) fn guests(partners: u32, stance: Option<Stance>) -> Vec<Caller> {
    let is_meant = |number: &u32| stance.is_none_or(|stance| stance == Stance::of(*number));
    let meant: Vec<_> = (0..partners).filter(is_meant).collect();
    // Every fourth is of the same stance: an odd step meets all of them.
    let step = (meant.len() / ACTIVE).saturating_sub(1) | 1;
    meant
        .iter()
        .step_by(step)
        .take(ACTIVE)
        .cycle()
        .take(ACTIVE)
        .map(|number| Caller::Guest(*number))
        .collect()
}

impl World {
    /// Decides and forgets everything but the reason, without the compiler's noticing.
    pub(crate) fn decide(&self, identity: &Identity) -> Reason {
        let access = access(black_box(identity));
        black_box(decide(&self.snapshot, &Resident, &self.rules, &access, &mut ())).reason()
    }
}
