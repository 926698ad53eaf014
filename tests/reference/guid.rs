//! GUIDs: 36 characters, hyphenated, any case, held as 128 bits (§1).

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Guid(u128);

/// The tenant in which Microsoft accounts live (§1).
pub(crate) const MSA: Guid = Guid(0x9188_040d_6c67_4c5b_b112_36a3_04b6_6dad);

impl Guid {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() != 36 {
            return None;
        }
        let mut bits = 0;
        for (position, character) in text.chars().enumerate() {
            if [8, 13, 18, 23].contains(&position) {
                if character != '-' {
                    return None;
                }
            } else {
                bits = bits << 4 | u128::from(character.to_digit(16)?);
            }
        }
        Some(Self(bits))
    }

    /// Whether this text is this GUID, in whatever case.
    pub(crate) fn is(self, text: &str) -> bool {
        Self::parse(text) == Some(self)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        for (position, character) in hex.chars().enumerate() {
            if [8, 12, 16, 20].contains(&position) {
                f.write_str("-")?;
            }
            write!(f, "{character}")?;
        }
        Ok(())
    }
}
