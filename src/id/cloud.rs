//! Microsoft's clouds, by the names that `allowedCloudEndpoints` uses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// A Microsoft cloud that Graph's `allowedCloudEndpoints` can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cloud {
    /// `microsoftonline.com`
    Commercial,
    /// `microsoftonline.us`: `GCC High` and `DoD`.
    UsGovernment,
    /// `partner.microsoftonline.cn`: operated by 21Vianet.
    China,
}

/// A cloud's name that Graph does not document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown cloud, expected `microsoftonline.com`, `microsoftonline.us` or `partner.microsoftonline.cn`"
)]
pub struct UnknownCloud;

impl Cloud {
    /// Every cloud.
    pub const ALL: [Self; 3] = [Self::Commercial, Self::UsGovernment, Self::China];

    /// Graph's name of the cloud.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Commercial => "microsoftonline.com",
            Self::UsGovernment => "microsoftonline.us",
            Self::China => "partner.microsoftonline.cn",
        }
    }

    /// The host where this cloud's users sign in ("National clouds").
    pub const fn login_host(self) -> &'static str {
        match self {
            Self::Commercial => "login.microsoftonline.com",
            Self::UsGovernment => "login.microsoftonline.us",
            Self::China => "login.partner.microsoftonline.cn",
        }
    }

    /// Whether Microsoft supports collaboration between the two: commercial with each of the others
    /// ("Configure Microsoft cloud settings for B2B collaboration").
    pub const fn pairs_with(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Commercial, Self::UsGovernment | Self::China)
                | (Self::UsGovernment | Self::China, Self::Commercial)
        )
    }
}

impl FromStr for Cloud {
    type Err = UnknownCloud;

    fn from_str(name: &str) -> Result<Self, UnknownCloud> {
        Self::ALL.into_iter().find(|cloud| cloud.name() == name).ok_or(UnknownCloud)
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Cloud {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
