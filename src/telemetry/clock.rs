//! The one place that reads the wall clock; everything below takes `now` as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix seconds.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
