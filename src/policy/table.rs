//! A table that finds a partner with one look at memory.
//!
//! In a table of a million each look is a line of memory that nobody has read lately, in a page of its own. `std`'s
//! looks twice, at tags and at what they stand for, and the second look waits for the first. Here an id lies with its
//! record, at the place that its hash names or right behind it; and whoever asked before knows which, so that nothing
//! has to be foretold.

use std::hash::BuildHasher as _;
use std::mem;

use foldhash::fast::RandomState;

use crate::id::{Hint, TenantId};
use crate::policy::partner::Partner;

/// Partners by id.
#[derive(Debug, Clone, Default)]
pub(in crate::policy) struct Table {
    places: Box<[Place]>,
    taken: usize,
    seed: RandomState,
}

/// Two lines of memory, and not parts of three.
#[derive(Debug, Clone, Default)]
#[repr(align(64))]
struct Place(Option<(TenantId, Partner)>);

const _: () = assert!(size_of::<Place>() == 128, "a million partners are 220 MiB at most");

/// Of so many places so many are taken at most.
const FULL: (usize, usize) = (2, 3);
/// Partners that there is room for, once there are any.
const FEWEST: usize = 8;

impl Table {
    /// The record of this partner, which may be where it was found last.
    pub(in crate::policy) fn get(&self, id: TenantId, hint: &Hint) -> Option<&Partner> {
        match self.places.get(hint.get()) {
            Some(Place(Some((taker, partner)))) if *taker == id => Some(partner),
            _ => self.look_for(id, hint),
        }
    }

    #[inline(never)]
    fn look_for(&self, id: TenantId, hint: &Hint) -> Option<&Partner> {
        let at = self.place(id)?;
        let (_, partner) = self.places.get(at)?.0.as_ref()?;
        hint.set(at);
        Some(partner)
    }

    /// How many there are.
    pub(in crate::policy) fn len(&self) -> usize {
        self.taken
    }

    /// Every record, in no order.
    pub(in crate::policy) fn iter(&self) -> impl Iterator<Item = (TenantId, &Partner)> {
        self.places.iter().filter_map(|Place(place)| place.as_ref().map(|(id, partner)| (*id, partner)))
    }

    /// Adds one; gives the record that was there under this id.
    pub(in crate::policy) fn insert(&mut self, id: TenantId, partner: Partner) -> Option<Partner> {
        if !self.has_room(1) {
            self.reserve(self.taken.max(FEWEST));
        }
        let at = self.place(id)?;
        let Place(place) = self.places.get_mut(at)?;
        if let Some((_, there)) = place {
            return Some(mem::replace(there, partner));
        }
        *place = Some((id, partner));
        self.taken = self.taken.saturating_add(1);
        None
    }

    /// Makes room for so many more.
    pub(in crate::policy) fn reserve(&mut self, more: usize) {
        if self.has_room(more) {
            return;
        }
        let (taken, of) = FULL;
        let places = self.taken.saturating_add(more).saturating_mul(of).div_ceil(taken);
        let former = mem::replace(&mut self.places, vec![Place::default(); places].into());
        self.taken = 0;
        for (id, partner) in former.into_iter().filter_map(|Place(place)| place) {
            self.insert(id, partner);
        }
    }

    fn has_room(&self, more: usize) -> bool {
        let (taken, of) = FULL;
        self.taken.saturating_add(more).saturating_mul(of) <= self.places.len().saturating_mul(taken)
    }

    /// Where the id is, or would be: there is always a place that nobody has taken.
    fn place(&self, id: TenantId) -> Option<usize> {
        let places = self.places.len();
        let share = u128::from(self.seed.hash_one(id)) * u128::from(u64::try_from(places).ok()?);
        let first = usize::try_from(share >> 64).ok()?;
        let is_its = |Place(place): &Place| place.as_ref().is_none_or(|(taker, _)| *taker == id);
        (first..places).chain(0..first).find(|at| self.places.get(*at).is_some_and(is_its))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> TenantId {
        TenantId::from_u128(number.into())
    }

    /// One that can be told from the next.
    fn partner(number: u32) -> Partner {
        Partner {
            is_service_provider: number.is_multiple_of(2),
            user_sync_allowed: number.is_multiple_of(3),
            ..Partner::default()
        }
    }

    fn table(size: u32) -> Table {
        let mut table = Table::default();
        for number in 0..size {
            assert_eq!(table.insert(id(number), partner(number)), None);
        }
        table
    }

    #[test]
    fn whoever_is_there_is_found_and_nobody_else_at_any_size() {
        // Each with a seed of its own: in some of so many who comes last goes on at the beginning.
        for size in (0..200).chain([5000]) {
            let table = table(size);
            for number in 0..size + 20 {
                let expected = (number < size).then(|| partner(number));
                assert_eq!(table.get(id(number), &Hint::default()), expected.as_ref(), "{number} of {size}");
            }
            let mut all: Vec<_> = table.iter().map(|(id, _)| id).collect();
            all.sort_unstable();
            assert!(all.into_iter().eq((0..size).map(id)));
        }
    }

    #[test]
    fn who_is_added_again_takes_the_place_of_the_former() {
        let mut table = Table::default();
        assert_eq!(table.insert(id(1), partner(1)), None);
        assert_eq!(table.insert(id(1), partner(2)), Some(partner(1)));
        assert_eq!((table.get(id(1), &Hint::default()), table.iter().count()), (Some(&partner(2)), 1));
    }

    #[test]
    fn no_hint_leads_to_somebody_elses_record() {
        const SIZE: u32 = 50;
        let tables = [table(SIZE), table(SIZE)];
        for number in 0..SIZE + 10 {
            let expected = (number < SIZE).then(|| partner(number));
            for place in (0..100).chain([usize::MAX]) {
                let hint = Hint::default();
                hint.set(place);
                // What was found in one table says little of the other.
                for table in &tables {
                    assert_eq!(table.get(id(number), &hint), expected.as_ref(), "{number} at {place}");
                }
                assert!(
                    expected.is_some() || hint.get() == place,
                    "nothing was found, and nothing is remembered"
                );
            }
        }
    }

    #[test]
    fn what_was_found_is_looked_for_there() {
        let table = table(50);
        let hint = Hint::default();
        for number in 0..50 {
            table.get(id(number), &hint);
            let Place(found) = &table.places[hint.get()];
            assert_eq!(found.as_ref().map(|(id, _)| *id), Some(id(number)));
        }
    }
}
