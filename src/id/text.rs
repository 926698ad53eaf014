//! Ids as text that lives on the stack: answers have several each.

use std::fmt;
use std::ops::Deref;

/// A GUID's 36 characters, or 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IdText {
    characters: [u8; 36],
    length: usize,
}

/// The groups of a GUID: where they stand, and which digits they are.
const GROUPS: [(std::ops::Range<usize>, std::ops::Range<usize>); 5] =
    [(0..8, 0..8), (9..13, 8..12), (14..18, 12..16), (19..23, 16..20), (24..36, 20..32)];

impl IdText {
    /// With hyphens.
    pub fn guid(value: u128) -> Self {
        let (mut characters, digits) = ([b'-'; 36], digits(value));
        for (place, group) in GROUPS {
            if let (Some(place), Some(group)) = (characters.get_mut(place), digits.get(group)) {
                place.copy_from_slice(group);
            }
        }
        Self { characters, length: 36 }
    }

    /// Digits alone.
    pub fn hex(value: u128) -> Self {
        let mut characters = [0; 36];
        for (place, digit) in characters.iter_mut().zip(digits(value)) {
            *place = digit;
        }
        Self { characters, length: 32 }
    }
}

fn digits(value: u128) -> [u8; 32] {
    let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(value.to_be_bytes()) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    digits
}

impl Deref for IdText {
    type Target = str;

    fn deref(&self) -> &str {
        let text = self.characters.get(..self.length).map(str::from_utf8);
        text.and_then(Result::ok).unwrap_or_default()
    }
}

impl fmt::Display for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_stands_in_its_place() {
        let value = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;
        assert_eq!(&*IdText::hex(value), "0123456789abcdeffedcba9876543210");
        assert_eq!(&*IdText::guid(value), "01234567-89ab-cdef-fedc-ba9876543210");
        assert_eq!(IdText::guid(0).to_string(), "00000000-0000-0000-0000-000000000000");
    }
}
