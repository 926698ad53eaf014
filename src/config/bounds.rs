//! Numbers that make no service, or no protection: refused with the key and what it may be.

use crate::config::Config;
use crate::config::error::ConfigError;

/// Beyond this, expired tokens are not tolerated but accepted.
const MAX_SKEW: i64 = 300;
/// No duration is meant to be longer, in seconds: a hundred years.
const EVER: i64 = 100 * 365 * 86_400;

impl Config {
    pub(in crate::config) fn check_bounds(&self) -> Result<(), ConfigError> {
        self.check_counts()?;
        self.check_durations()?;
        let share = self.decision_log.sample_allow;
        if !(0.0..=1.0).contains(&share) {
            return Err(ConfigError::key("decision_log.sample_allow", "a share from 0.0 to 1.0"));
        }
        Ok(())
    }

    fn check_counts(&self) -> Result<(), ConfigError> {
        let (tokens, limits) = (&self.tokens, &self.limits);
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        for (key, value, least, most) in [
            ("tokens.max_bytes", count(tokens.max_bytes), 256, 1 << 20),
            ("tokens.cache_capacity", tokens.cache_capacity, 0, 1 << 30),
            ("tokens.verify_queue", count(tokens.verify_queue), 1, 1 << 20),
            ("partners.cache_capacity", self.partners.cache_capacity, 0, 1 << 30),
            ("limits.max_connections", count(limits.max_connections), 1, 1 << 20),
            ("limits.max_concurrent_streams", limits.max_concurrent_streams.into(), 1, 1 << 31),
            ("limits.max_header_list", limits.max_header_list.count(), 1 << 10, 1 << 24),
            ("limits.max_message", limits.max_message.count(), 1 << 10, 1 << 26),
            ("limits.in_flight", count(limits.in_flight), 0, 1 << 30),
        ] {
            if !(least..=most).contains(&value) {
                return Err(ConfigError::key(key, format!("`{value}`: from {least} to {most}")));
            }
        }
        Ok(())
    }

    fn check_durations(&self) -> Result<(), ConfigError> {
        let (tokens, limits, partners) = (&self.tokens, &self.limits, &self.partners);
        for (key, duration, least_milliseconds) in [
            ("tokens.clock_skew", tokens.clock_skew, 0),
            ("tokens.keys.refresh", tokens.keys.refresh, 100),
            ("tokens.keys.max_age", tokens.keys.max_age, 1000),
            ("tokens.keys.unknown_kid_interval", tokens.keys.unknown_kid_interval, 100),
            ("policy.max_staleness", self.policy.max_staleness, 0),
            ("partners.ttl", partners.ttl, 0),
            ("partners.negative_ttl", partners.negative_ttl, 0),
            ("partners.load_timeout", partners.load_timeout, 1),
            ("limits.handshake_timeout", limits.handshake_timeout, 100),
            ("limits.drain", limits.drain, 0),
        ] {
            if duration.duration().as_millis() < least_milliseconds {
                return Err(ConfigError::key(key, format!("no less than {least_milliseconds}ms")));
            }
            if duration.whole() > EVER {
                return Err(ConfigError::key(key, "no more than 100 years"));
            }
        }
        if tokens.clock_skew.whole() > MAX_SKEW {
            return Err(ConfigError::key(
                "tokens.clock_skew",
                "no more than 300s: correct the clocks instead",
            ));
        }
        Ok(())
    }
}
