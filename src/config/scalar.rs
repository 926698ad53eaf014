//! Durations and sizes as people write them.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// A duration such as `60s`, `5m`, `24h`; `0` is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(Duration);

impl Seconds {
    /// So many.
    pub const fn new(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// So many thousandths.
    pub const fn milliseconds(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// As the standard library has it.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// Whole seconds, rounded down.
    pub fn whole(self) -> i64 {
        i64::try_from(self.0.as_secs()).unwrap_or(i64::MAX)
    }

    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Number(0) => Ok(Self(Duration::ZERO)),
            Scalar::Number(number) => {
                Err(de::Error::custom(format_args!("`{number}` has no unit, expected such as `{number}s`")))
            }
            Scalar::Text(text) => humantime::parse_duration(&text).map(Self).map_err(|_| {
                de::Error::custom(format_args!("`{text}` is no duration, expected such as `60s` or `24h`"))
            }),
        }
    }
}

/// A size such as `64KiB`, or a number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(u64);

impl Bytes {
    /// So many times 1024 bytes.
    pub const fn kibibytes(count: u64) -> Self {
        Self(count << 10)
    }

    /// So many times 1024 kibibytes.
    pub const fn mebibytes(count: u64) -> Self {
        Self(count << 20)
    }

    /// As a number.
    pub const fn count(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Number(number) => Ok(Self(number)),
            Scalar::Text(text) => {
                text.parse::<bytesize::ByteSize>().map(|size| Self(size.as_u64())).map_err(|_| {
                    de::Error::custom(format_args!("`{text}` is no size, expected such as `64KiB`"))
                })
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a number or a text with a unit")]
enum Scalar {
    Number(u64),
    Text(String),
}
