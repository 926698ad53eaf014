//! The partners of one tenant: a table that successive policies share, and what is different from it.

use std::sync::Arc;

use super::partner::Partner;
use super::shelf::Shelf;
use super::snapshot::Map;
use super::table::Table;
use crate::id::{Hint, TenantId};

/// So many differences are looked up beside the table; more are made one with it.
const BESIDE: usize = 1024;

/// Who is configured, and how.
#[derive(Debug, Clone, Default)]
pub struct Partners {
    table: Arc<Table>,
    /// What changed since the table was made; None is no partner any more.
    changed: Map<Option<Partner>>,
    shelf: Option<Arc<dyn Shelf>>,
}

impl Partners {
    /// Those that are on a shelf, and not here.
    pub(in crate::policy) fn on(shelf: Option<Arc<dyn Shelf>>) -> Self {
        Self { shelf, ..Self::default() }
    }

    /// Makes `edits`. It takes as long as what ever changed, not as long as there are partners.
    pub(in crate::policy) fn amend(&mut self, edits: impl IntoIterator<Item = (TenantId, Option<Partner>)>) {
        self.changed.extend(edits);
        if self.changed.len() > BESIDE {
            let mut table = Table::default();
            table.reserve(self.table.len().saturating_add(self.changed.len()));
            for (id, partner) in self.iter() {
                table.insert(id, partner.clone());
            }
            self.table = Arc::new(table);
            self.changed.clear();
        }
    }

    pub(in crate::policy) fn reserve(&mut self, more: usize) {
        Arc::make_mut(&mut self.table).reserve(more);
    }

    /// Adds one while nobody shares them; gives the one that was there under this id.
    pub(in crate::policy) fn insert(&mut self, id: TenantId, partner: Partner) -> Option<Partner> {
        Arc::make_mut(&mut self.table).insert(id, partner)
    }

    /// The record for this tenant, where the records are here at all: see [`Partners::shelf`].
    pub fn get(&self, id: TenantId) -> Option<&Partner> {
        self.find(id, &Hint::default())
    }

    /// The same for one who asks again and again.
    pub fn find(&self, id: TenantId, hint: &Hint) -> Option<&Partner> {
        if !self.changed.is_empty()
            && let Some(now) = self.changed.get(&id)
        {
            return now.as_ref();
        }
        self.table.get(id, hint)
    }

    /// Every record that is here, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (TenantId, &Partner)> {
        let same = self.table.iter().filter(|(id, _)| !self.changed.contains_key(id));
        let now = self.changed.iter().filter_map(|(id, now)| Some((*id, now.as_ref()?)));
        same.chain(now)
    }

    /// Whether no record is here.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Where the records are if they are not here.
    pub fn shelf(&self) -> Option<&Arc<dyn Shelf>> {
        self.shelf.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn partner(is_service_provider: bool) -> Partner {
        Partner { is_service_provider, ..Partner::default() }
    }

    #[test]
    fn amended_often_they_are_what_a_table_of_the_same_edits_is() {
        let mut partners = Partners::default();
        let mut expected = BTreeMap::new();
        for id in 0..3000_u128 {
            let id = TenantId::from_u128(id);
            partners.insert(id, partner(false));
            expected.insert(id, partner(false));
        }
        let first = partners.clone();
        for round in 0..2500_u128 {
            let edits = [
                (TenantId::from_u128(round * 7 % 4000), Some(partner(round % 2 == 0))),
                (TenantId::from_u128(round * 11 % 4000), None),
            ];
            partners.amend(edits.clone());
            for (id, now) in edits {
                match now {
                    Some(partner) => expected.insert(id, partner),
                    None => expected.remove(&id),
                };
            }
        }
        for id in (0..4100).map(TenantId::from_u128) {
            assert_eq!(partners.get(id), expected.get(&id), "{id}");
        }
        let all: BTreeMap<_, _> = partners.iter().collect();
        assert!(all.into_iter().eq(expected.iter().map(|(id, partner)| (*id, partner))));
        assert_eq!(first.iter().count(), 3000, "whoever had them before has them still");
        assert!(!Arc::ptr_eq(&first.table, &partners.table), "many changes become a table of their own");
    }

    #[test]
    fn one_edit_shares_everything_else() {
        let mut partners = Partners::default();
        let (one, other) = (TenantId::from_u128(1), TenantId::from_u128(2));
        partners.insert(one, partner(false));
        let mut amended = partners.clone();
        amended.amend([(other, Some(partner(true)))]);
        assert!(Arc::ptr_eq(&partners.table, &amended.table));
        assert_eq!((partners.get(other), amended.get(other)), (None, Some(&partner(true))));
        let mut none = amended.clone();
        none.amend([(one, None), (other, None)]);
        assert!(none.is_empty() && !amended.is_empty() && none.get(one).is_none());
    }
}
