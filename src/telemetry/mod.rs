//! What the program tells of itself: every metric on one page, and the log.

mod clock;
mod log;
mod metrics;
mod sharded;
mod tally;

pub use self::clock::unix_now;
pub use self::log::{Level, start};
pub use self::metrics::{Metrics, Port, RejectedBecause};
pub use self::sharded::Sharded;
