//! A generation's keys in parts of a bounded number.
//!
//! A part with too many is divided by the next character of the partners' names. A page that begins after the last key of
//! the one before would do as well, were it not that etcd counts all keys from there to the end for each of them.

use crate::source::etcd::keys::Range;

/// Keys from the first one to before the second.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
    /// What the names of its keys begin with, where they can be divided further.
    stem: Option<String>,
}

/// What a partner's name is written with, in the order of keys.
const CHARACTERS: &str = "-0123456789abcdef";
/// As many as it has.
const NAME: usize = 36;

impl Part {
    /// All partners of a generation, as [`Keys::partners`](crate::source::etcd::keys::Keys::partners) gives them.
    pub(super) fn whole((from, to): Range) -> Self {
        Self { from: from.clone().into(), to: to.into(), stem: Some(from) }
    }

    /// Those after this key, which cannot be told apart any more.
    pub(super) fn after(self, key: &[u8]) -> Self {
        Self { from: [key, b"\0"].concat(), to: self.to, stem: None }
    }

    /// The same keys in parts, the last one first; nothing where they cannot be told apart. `start` is the length of
    /// what all keys of the generation begin with.
    pub(super) fn divided(&self, start: usize) -> Option<Vec<Self>> {
        let stem = self.stem.as_ref()?;
        if stem.len() >= start.saturating_add(NAME) {
            return None;
        }
        let (mut parts, mut end) = (Vec::new(), self.to.clone());
        for character in CHARACTERS.chars().rev() {
            let stem = format!("{stem}{character}");
            let from = stem.clone().into_bytes();
            parts.push(Self { from: from.clone(), to: end, stem: Some(stem) });
            end = from;
        }
        parts.push(Self { from: self.from.clone(), to: end, stem: None });
        Some(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_all_keys_once_and_in_order() {
        let whole = Part::whole(("/p/".to_owned(), "/p0".to_owned()));
        let names = ["", "!", "-", "0", "00", "0b1c", "9", ":", "a", "ab", "f", "ff", "g", "~"];
        for part in [whole.clone(), whole.divided(3).unwrap().remove(3)] {
            let mut parts = part.divided(3).unwrap();
            parts.reverse();
            assert_eq!((&parts[0].from, &parts.last().unwrap().to), (&part.from, &part.to));
            assert!(parts.windows(2).all(|two| two[0].to == two[1].from));
            for key in names.map(|name| format!("/p/{name}").into_bytes()) {
                let within = |part: &Part| part.from <= key && key < part.to;
                let holding = parts.iter().filter(|part| within(part)).count();
                assert_eq!(holding, usize::from(within(&part)), "{key:?}");
            }
        }
    }

    #[test]
    fn what_has_one_name_is_not_divided() {
        let name = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
        let part = |length: usize| {
            let stem = name.get(..length).map(|name| format!("/p/{name}"));
            Part { from: b"/p/".to_vec(), to: b"/p0".to_vec(), stem }
        };
        assert!(part(35).divided(3).is_some() && part(36).divided(3).is_none());
        assert!(part(0).after(b"/p/x").divided(3).is_none());
    }
}
