//! What one connection may have us do at once.
//!
//! Whatever clients have sent and nobody has read yet is a queue, and nobody sees how old it is. While all that a client
//! is allowed is little beside what can be done, that does not matter. Where it is not, what waits longest is answered
//! when nobody waits for it any more, and then everything is. So a connection that has to wait for its turn is allowed
//! less, in bytes: to send ahead (RFC 9113, section 6.9), and to be read in one turn, which is what others wait for. Calls
//! may be begun all the same, which nothing in HTTP/2 makes wait: how many, is for Envoy to say (`max_requests`).

use std::time::Duration;

/// About thirty checks: the window that every connection begins with (RFC 9113, section 6.9.2).
pub(in crate::check) const MOST: u32 = 65_535;
/// About two checks. A longer one comes in pieces.
const LEAST: u32 = 4 * 1024;

/// Waiting that nobody notices; Envoy waits for an answer for 200 ms by default.
const LATE: Duration = Duration::from_millis(4);

/// In bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) struct Share(u32);

impl Share {
    /// As much as can be.
    pub(in crate::check) const fn whole() -> Self {
        Self(MOST)
    }

    pub(in crate::check) const fn bytes(self) -> u32 {
        self.0
    }

    /// After waiting for a turn for so long. A step is small, since one long wait may be somebody else's fault.
    pub(in crate::check) fn after(self, waited: Duration) -> Self {
        let Self(bytes) = self;
        let step = bytes / 4;
        if waited > LATE {
            Self(bytes.saturating_sub(step).max(LEAST))
        } else if waited < LATE / 2 {
            Self(bytes.saturating_add(step).min(MOST))
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(waits: impl IntoIterator<Item = Duration>) -> u32 {
        waits.into_iter().fold(Share::whole(), Share::after).bytes()
    }

    #[test]
    fn waiting_makes_it_smaller_down_to_something_and_prompt_turns_make_it_whole_again() {
        let (late, prompt) = (LATE * 2, Duration::ZERO);
        assert_eq!(after([prompt; 3]), MOST);
        assert!(after([late]) < MOST && after([late; 2]) < after([late]));
        assert_eq!(after([late; 1000]), LEAST);
        assert_eq!(after([late; 1000].into_iter().chain([prompt; 20])), MOST);
    }

    #[test]
    fn between_early_and_late_it_stays() {
        assert_eq!(after([LATE * 2, LATE * 3 / 4, LATE * 3 / 4]), after([LATE * 2]));
    }

    /// A hundred clients that always have more to say, at ten microseconds a check of two kilobytes.
    #[test]
    fn where_all_ask_for_as_much_as_they_may_a_turn_is_not_far() {
        let mut share = Share::whole();
        let mut waited = Duration::ZERO;
        for _ in 0..50 {
            share = share.after(waited);
            waited = 100 * Duration::from_micros(10) * (share.bytes() / 2048);
        }
        assert!(waited <= LATE, "{waited:?}");
    }
}
