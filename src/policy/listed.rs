//! Who is listed by id.

use crate::id::ObjectId;

/// Users and groups, each in order. A few are kept in place, so that to find them takes no other look at memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Listed(Lists);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Lists {
    /// So many users, so many groups after them, and nobody.
    Few {
        users: u8,
        groups: u8,
        ids: [ObjectId; FEW],
    },
    Many(Box<Apart>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Apart {
    users: Box<[ObjectId]>,
    groups: Box<[ObjectId]>,
}

/// With more than these a partner's record would not be two lines of memory.
const FEW: usize = 3;
const NOBODY: ObjectId = ObjectId::from_u128(0);

impl Listed {
    /// Both lists are sorted.
    pub fn new(users: Box<[ObjectId]>, groups: Box<[ObjectId]>) -> Self {
        Self(few(&users, &groups).unwrap_or_else(|| Lists::Many(Box::new(Apart { users, groups }))))
    }

    /// In order.
    pub fn users(&self) -> &[ObjectId] {
        match &self.0 {
            Lists::Few { users, ids, .. } => ids.get(..usize::from(*users)).unwrap_or_default(),
            Lists::Many(lists) => &lists.users,
        }
    }

    /// In order.
    pub fn groups(&self) -> &[ObjectId] {
        match &self.0 {
            Lists::Few { users, groups, ids } => {
                let after = ids.get(usize::from(*users)..).unwrap_or_default();
                after.get(..usize::from(*groups)).unwrap_or_default()
            }
            Lists::Many(lists) => &lists.groups,
        }
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.users().is_empty() && self.groups().is_empty()
    }
}

fn few(users: &[ObjectId], groups: &[ObjectId]) -> Option<Lists> {
    let mut ids = [NOBODY; FEW];
    let (first, after) = ids.split_at_mut_checked(users.len())?;
    first.copy_from_slice(users);
    after.get_mut(..groups.len())?.copy_from_slice(groups);
    Some(Lists::Few { users: users.len().try_into().ok()?, groups: groups.len().try_into().ok()?, ids })
}

impl Default for Listed {
    fn default() -> Self {
        Self(Lists::Few { users: 0, groups: 0, ids: [NOBODY; FEW] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_who_they_were_however_many() {
        let all: Box<[_]> = (1..=5).map(ObjectId::from_u128).collect();
        for users in 0..=5 {
            for groups in 0..=5 {
                let (users, groups) = (&all[..users], &all[..groups]);
                let listed = Listed::new(users.into(), groups.into());
                assert_eq!((listed.users(), listed.groups()), (users, groups));
                assert_eq!(listed.is_empty(), users.is_empty() && groups.is_empty());
                assert_eq!(listed == Listed::default(), listed.is_empty());
            }
        }
    }

    #[test]
    fn the_same_ids_as_users_are_not_those_as_groups() {
        let one = || Box::from([ObjectId::from_u128(1)]);
        assert_ne!(Listed::new(one(), Box::default()), Listed::new(Box::default(), one()));
    }
}
