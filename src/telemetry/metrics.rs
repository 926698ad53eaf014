//! Every metric of the program. Handles are made at start; labels are closed lists, never a tenant, user or key.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{Counter, Gauge, Key, KeyName, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::engine::{Class, Effect, Reason};
use crate::telemetry::tally::Tally;

/// How long checks took; made by [`Tally`], for an exporter's histogram would keep each of them.
const CHECK_SECONDS: &str = "tenantgate_check_seconds";

/// Why an update of the policy was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectedBecause {
    /// The source could not be read.
    Unreadable,
    /// The policy has errors.
    Invalid,
}

/// One of the program's ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Where checks are answered.
    Check,
    /// Where health and metrics are told.
    Admin,
}

impl Port {
    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Admin => "admin",
        }
    }
}

/// The handles.
pub struct Metrics {
    handle: PrometheusHandle,
    tally: Tally,
    checks: Box<[(Effect, Reason, Counter)]>,
    rejected_unreadable: Counter,
    rejected_invalid: Counter,
    token_cache_hits: Counter,
    token_cache_misses: Counter,
    token_cache_entries: Gauge,
    partner_cache_hits: Counter,
    partner_cache_misses: Counter,
    partner_cache_entries: Gauge,
    tokens_verified: Counter,
    tokens_refused: Counter,
    verifications_shed: Counter,
    policy_age: Gauge,
    in_flight: Gauge,
    keys: HashMap<Box<str>, KeyMetrics>,
    check_certificates: Loads,
    admin_certificates: Loads,
}

/// Of one port's certificates.
struct Loads {
    good: Counter,
    failed: Counter,
}

/// Of one configured issuer.
struct KeyMetrics {
    age: Gauge,
    fetched: Counter,
    failed: Counter,
}

impl Metrics {
    /// Registers everything; `issuers` are the configured issuers, the one label that is not a closed list.
    pub fn new<'i>(issuers: impl IntoIterator<Item = &'i str>) -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let register = Register(&recorder);
        let checks = Reason::ALL.iter().flat_map(|reason| {
            [Effect::Allow, Effect::Deny, Effect::Challenge]
                .map(|effect| (effect, *reason, register.check(effect, *reason)))
        });
        let keys = issuers.into_iter().map(|issuer| (issuer.into(), register.keys(issuer)));
        let rejected = |reason| register.counter("tenantgate_policy_rejected_total", &[("reason", reason)]);
        let verifications =
            |result| register.counter("tenantgate_token_verifications_total", &[("result", result)]);
        register.describe();
        // Known by their names from the first day, of features that cannot be switched on yet.
        drop(register.counter("tenantgate_decisions_lost_total", &[]));
        Self {
            checks: checks.collect(),
            keys: keys.collect(),
            check_certificates: register.certificates(Port::Check),
            admin_certificates: register.certificates(Port::Admin),
            tally: Tally::default(),
            rejected_unreadable: rejected("unreadable"),
            rejected_invalid: rejected("invalid"),
            token_cache_hits: register.counter("tenantgate_token_cache_hits", &[]),
            token_cache_misses: register.counter("tenantgate_token_cache_misses", &[]),
            token_cache_entries: register.gauge("tenantgate_token_cache_entries", &[]),
            partner_cache_hits: register.counter("tenantgate_partner_cache_hits", &[]),
            partner_cache_misses: register.counter("tenantgate_partner_cache_misses", &[]),
            partner_cache_entries: register.gauge("tenantgate_partner_cache_entries", &[]),
            tokens_verified: verifications("verified"),
            tokens_refused: verifications("refused"),
            verifications_shed: verifications("shed"),
            policy_age: register.gauge("tenantgate_policy_age_seconds", &[]),
            in_flight: register.gauge("tenantgate_in_flight", &[]),
            handle: recorder.handle(),
        }
    }

    /// A check was answered.
    pub fn checked(&self, effect: Effect, reason: Reason, took: Duration) {
        self.tally.checked(effect, reason, took);
    }

    /// A token was looked up in the cache of verified ones.
    pub fn token_looked_up(&self, hit: bool) {
        self.tally.token_looked_up(hit);
    }

    /// A partner was looked up among those at hand.
    pub fn partner_looked_up(&self, hit: bool) {
        if hit { self.partner_cache_hits.increment(1) } else { self.partner_cache_misses.increment(1) }
    }

    /// So many partners, and absences of partners, are at hand.
    pub fn partners_held(&self, count: f64) {
        self.partner_cache_entries.set(count);
    }

    /// A signature was checked.
    pub fn token_verified(&self, good: bool) {
        if good { self.tokens_verified.increment(1) } else { self.tokens_refused.increment(1) }
    }

    /// A signature was not checked, because too many waited.
    pub fn verification_shed(&self) {
        self.verifications_shed.increment(1);
    }

    /// An update of the policy was not applied.
    pub fn policy_rejected(&self, because: RejectedBecause) {
        match because {
            RejectedBecause::Unreadable => self.rejected_unreadable.increment(1),
            RejectedBecause::Invalid => self.rejected_invalid.increment(1),
        }
    }

    /// An issuer's keys were asked for.
    pub fn keys_fetched(&self, issuer: &str, success: bool) {
        if let Some(keys) = self.keys.get(issuer) {
            if success { keys.fetched.increment(1) } else { keys.failed.increment(1) }
        }
    }

    /// A port's certificates were loaded, or not, so that the last good ones stay.
    pub fn certificate_loaded(&self, port: Port, success: bool) {
        let loads = match port {
            Port::Check => &self.check_certificates,
            Port::Admin => &self.admin_certificates,
        };
        if success { loads.good.increment(1) } else { loads.failed.increment(1) }
    }

    /// Seconds since an issuer's keys were last fetched.
    pub fn keys_age(&self, issuer: &str, seconds: f64) {
        if let Some(keys) = self.keys.get(issuer) {
            keys.age.set(seconds);
        }
    }

    /// What is measured when somebody asks.
    pub fn sample(&self, policy_age: f64, token_cache_entries: f64, in_flight: f64) {
        self.policy_age.set(policy_age);
        self.token_cache_entries.set(token_cache_entries);
        self.in_flight.set(in_flight);
    }

    /// Everything, in Prometheus' text format. The revision is no series of its own, for old ones would stay.
    pub fn render(&self, revision: Option<&str>) -> String {
        for (effect, reason, counter) in &self.checks {
            counter.absolute(self.tally.checks(*effect, *reason));
        }
        let [hits, misses] = self.tally.tokens();
        self.token_cache_hits.absolute(hits);
        self.token_cache_misses.absolute(misses);
        let mut text = self.handle.render();
        text.push_str("# HELP tenantgate_check_seconds Time to answer a check.\n");
        text.push_str("# TYPE tenantgate_check_seconds histogram\n");
        self.tally.render(CHECK_SECONDS, &mut text);
        if let Some(revision) = revision {
            text.push_str("# HELP tenantgate_policy_revision_info The policy that decisions are made on.\n");
            text.push_str(
                "# TYPE tenantgate_policy_revision_info gauge\ntenantgate_policy_revision_info{revision=\"",
            );
            text.extend(revision.chars().filter(char::is_ascii_alphanumeric));
            text.push_str("\"} 1\n");
        }
        text
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

struct Register<'r>(&'r PrometheusRecorder);

impl Register<'_> {
    /// Counters are made only for what can happen, so that a scrape stays readable.
    fn check(&self, effect: Effect, reason: Reason) -> Counter {
        let possible = match (effect, reason.class()) {
            (Effect::Allow, Class::Permit) => true,
            (Effect::Allow, _) => reason.may_be_report_only(),
            (_, Class::Permit) => false,
            (Effect::Deny, _) => true,
            (Effect::Challenge, class) => {
                matches!(class, Class::Requirement | Class::Revocation)
                    || reason == Reason::RestrictionsClaimMissing
            }
        };
        if !possible {
            return Counter::noop();
        }
        self.counter("tenantgate_checks_total", &[("effect", effect.word()), ("reason", reason.word())])
    }

    fn keys(&self, issuer: &str) -> KeyMetrics {
        let fetches =
            |result| self.counter("tenantgate_key_fetches_total", &[("issuer", issuer), ("result", result)]);
        KeyMetrics {
            age: self.gauge("tenantgate_keys_age_seconds", &[("issuer", issuer)]),
            fetched: fetches("success"),
            failed: fetches("failure"),
        }
    }

    fn certificates(&self, port: Port) -> Loads {
        let name = "tenantgate_certificate_loads_total";
        let loads = |result| self.counter(name, &[("port", port.word()), ("result", result)]);
        Loads { good: loads("success"), failed: loads("failure") }
    }

    fn counter(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        self.0.register_counter(&key(name, labels), &METADATA)
    }

    fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        self.0.register_gauge(&key(name, labels), &METADATA)
    }

    fn describe(&self) {
        let counters = [
            ("tenantgate_checks_total", "Checks answered, by effect and reason."),
            ("tenantgate_policy_rejected_total", "Updates of the policy that were not applied."),
            ("tenantgate_token_cache_hits", "Tokens that were verified before."),
            ("tenantgate_token_cache_misses", "Tokens seen for the first time."),
            ("tenantgate_partner_cache_hits", "Partners that were at hand when a decision asked."),
            ("tenantgate_partner_cache_misses", "Partners that had to be read, or read anew."),
            ("tenantgate_token_verifications_total", "Signatures checked, or not for want of a turn."),
            ("tenantgate_certificate_loads_total", "Times that a port's certificates were read anew."),
            ("tenantgate_key_fetches_total", "Attempts to fetch an issuer's keys."),
        ];
        for (name, help) in counters {
            self.0.describe_counter(KeyName::from(name), None, help.into());
        }
        let gauges = [
            ("tenantgate_token_cache_entries", None, "Verified tokens held."),
            ("tenantgate_partner_cache_entries", None, "Partners at hand, and known absences of partners."),
            (
                "tenantgate_policy_age_seconds",
                Some(Unit::Seconds),
                "Since the policy's source was last reached.",
            ),
            (
                "tenantgate_keys_age_seconds",
                Some(Unit::Seconds),
                "Since the issuer's keys were last fetched.",
            ),
            ("tenantgate_in_flight", None, "Checks being answered."),
        ];
        for (name, unit, help) in gauges {
            self.0.describe_gauge(KeyName::from(name), unit, help.into());
        }
    }
}

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    let labels: Vec<_> = labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(name, labels)
}
