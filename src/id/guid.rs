//! GUIDs in their one accepted spelling: 36 characters with hyphens, in either case.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::id::text::IdText;

/// What does not look like `6babcaad-604b-40ac-a9d7-9fd97c0b779f`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a GUID of 36 characters")]
pub struct NotAGuid;

macro_rules! guids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name {
            // A number of 128 bits would have to lie at a sixteenth byte, and others would lie around it.
            high: u64,
            low: u64,
        }

        impl $name {
            /// The id whose 32 hexadecimal digits are those of `value`.
            #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "it is cut in two")]
            pub const fn from_u128(value: u128) -> Self {
                Self { high: (value >> 64) as u64, low: value as u64 }
            }

            /// The 128 bits, most significant digit first.
            pub fn as_u128(self) -> u128 {
                u128::from(self.high) << 64 | u128::from(self.low)
            }

            /// The 36 characters, in lower case.
            pub fn text(self) -> IdText {
                IdText::guid(self.as_u128())
            }

            /// Reads exactly 36 ASCII characters; braces, URNs and bare hex are refused.
            pub fn parse(text: &[u8]) -> Result<Self, NotAGuid> {
                parse(text).map(Self::from_u128).ok_or(NotAGuid)
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.as_u128().cmp(&other.as_u128())
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.as_u128().hash(state);
            }
        }

        impl FromStr for $name {
            type Err = NotAGuid;

            fn from_str(text: &str) -> Result<Self, NotAGuid> {
                Self::parse(text.as_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(|_| de::Error::custom(format_args!("`{text}` is no GUID of 36 characters")))
            }
        }
    )*};
}

guids! {
    /// An Entra tenant.
    TenantId;
    /// A user or a group of a tenant's directory.
    ObjectId;
    /// An application: a client's or a resource's app id.
    AppId;
    /// A tenant restrictions policy.
    PolicyId;
}

fn parse(text: &[u8]) -> Option<u128> {
    let text: &[u8; 36] = text.try_into().ok()?;
    let (mut value, mut seen) = (0, 0);
    for (position, &byte) in text.iter().enumerate() {
        if matches!(position, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return None;
            }
        } else {
            let nibble = nibble(byte);
            seen |= nibble;
            value = value << 4 | u128::from(nibble & 15);
        }
    }
    (seen < 16).then_some(value)
}

/// Of a digit what it counts, of anything else more than any digit does. Without branches: what comes next is random,
/// and to guess it wrong costs more than all the rest.
const fn nibble(byte: u8) -> u8 {
    let (digit, letter) = (byte.wrapping_sub(b'0'), (byte | 0x20).wrapping_sub(b'a'));
    if digit < 10 {
        digit
    } else if letter < 6 {
        letter + 10
    } else {
        u8::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_case_is_the_same_tenant_and_prints_in_lower_case() {
        let lower: TenantId = "6babcaad-604b-40ac-a9d7-9fd97c0b779f".parse().unwrap();
        let upper: TenantId = "6BABCAAD-604B-40AC-A9D7-9FD97C0B779F".parse().unwrap();
        assert_eq!(lower, upper);
        assert_eq!(upper.to_string(), "6babcaad-604b-40ac-a9d7-9fd97c0b779f");
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "6babcaad604b40aca9d79fd97c0b779f",
            "{6babcaad-604b-40ac-a9d7-9fd97c0b779f}",
            "urn:uuid:6babcaad-604b-40ac-a9d7-9fd97c0b779f",
            "6babcaad-604b-40ac-a9d7-9fd97c0b779f ",
            "6babcaad-604b-40ac-a9d7-9fd97c0b779g",
            "6babcaad-604b-40ac-a9d79-fd97c0b779f",
        ] {
            assert_eq!(text.parse::<TenantId>(), Err(NotAGuid), "{text}");
        }
    }
}
