//! A conformance case, prepared so that it can be tried under hundreds of twins.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use serde_json::{Map, Value, json};
use tenantgate::check::{Gate, Judge, Request, Tokens};
use tenantgate::config::{Composed, Config, Environment};
use tenantgate::engine::Explanation;
use tenantgate::pb::envoy::service::auth::v3::CheckResponse;
use tenantgate::policy::{Compiled, Revision, compile};
use tenantgate::store::{Publisher, Status, cell};
use tenantgate::telemetry::Metrics;
use tenantgate::token::{KeyRing, KeySet};
use tenantgate::twin::Entry;
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::harness::world::base_config;
use crate::harness::{Case, Merge as _, check_request, members, signer};

/// What is compiled into a policy or a list of hosts and what is remembered of a token depends on the code that did it.
const BEFORE_DECISIONS: [&str; 6] =
    ["policy/", "token/", "id/", "config/", "check/tokens.rs", "engine/hosts.rs"];

pub(crate) struct Bench {
    case: Case,
    pub(crate) now: i64,
    pub(crate) frame: Bytes,
    config: Config,
    bundle: String,
    pub(crate) keys: KeyRing,
    metrics: Arc<Metrics>,
    /// The original's.
    gate: OnceCell<Gate>,
}

impl Bench {
    pub(crate) fn new(case: Case) -> Self {
        let mut document = base_config();
        document.merge(&case.config);
        // Few tokens come by here, and every case has a cache of its own.
        document.merge(&json!({"tokens": {"cache_capacity": 16}}));
        let config = Config::read(&document.to_string(), PathBuf::new(), &Environment::default()).unwrap();
        let sources = config.compose().unwrap().keys;
        let jwks = signer().jwks.as_bytes();
        let known = |source: &tenantgate::source::KeySource| {
            KeySet::unknown(source.issuer.clone()).replaced(&source.issuer, jwks, i64::MAX).unwrap()
        };
        Self {
            now: case.now(),
            frame: check_request(&case.asked()).encode_to_vec().into(),
            bundle: case.bundle.to_string(),
            metrics: Arc::new(Metrics::new(sources.iter().map(|source| &*source.name))),
            keys: KeyRing { sets: sources.iter().map(known).collect() },
            config,
            case,
            gate: OnceCell::new(),
        }
    }

    /// A case that no file has.
    pub(crate) fn of(config: &Value, bundle: &Value, data: &Value) -> Self {
        let mut named = json!({"name": "here"});
        named.merge(data);
        Self::new(Case::of(Path::new("here"), &json!({"config": config, "bundle": bundle}), &named, 0))
    }

    pub(crate) fn gate(&self) -> Gate {
        self.gate_but(|_| ()).0
    }

    /// A gate that one thing is different of, and the keys in its hands.
    pub(crate) fn gate_but(&self, change: impl FnOnce(&mut Composed)) -> (Gate, Publisher<KeyRing>) {
        let mut composed = self.config.compose().unwrap();
        change(&mut composed);
        let Composed { gate, judge, expected, policy_options, token_limits, .. } = composed;
        let Compiled { snapshot, .. } =
            compile([self.bundle.as_bytes()], Revision("1".into()), &policy_options);
        let (policies, policy) = cell();
        if let Some(snapshot) = snapshot {
            policies.publish(snapshot);
        }
        let (maps, principals) = cell();
        if let Some(map) = self.case.principals() {
            maps.publish(serde_json::from_value(map).unwrap());
        }
        let status = Arc::new(Status::default());
        status.reached(self.now);
        let (rings, keys) = cell();
        rings.publish(self.keys.clone());
        let judge = Judge::new(judge, policy, principals, status);
        let tokens = Tokens::new(expected, keys, Arc::new([]), token_limits, Arc::clone(&self.metrics));
        (Gate::new(gate, judge, tokens, Arc::clone(&self.metrics)), rings)
    }

    /// Whether the frame is let by, as Envoy sees it.
    pub(crate) fn answer(&self, gate: &Gate, runtime: &Runtime) -> CheckResponse {
        let frame = runtime.block_on(gate.check(self.frame.clone()));
        CheckResponse::decode(frame).unwrap()
    }

    pub(crate) fn allows(&self, runtime: &Runtime) -> bool {
        self.allows_at(&self.gate(), self.now, runtime)
    }

    pub(crate) fn allows_at(&self, gate: &Gate, now: i64, runtime: &Runtime) -> bool {
        self.decided(gate, now, runtime)["effect"] == "allow"
    }

    fn decided(&self, gate: &Gate, now: i64, runtime: &Runtime) -> Map<String, Value> {
        let request = Request::read(&self.frame).unwrap();
        let mut explanation = Explanation::default();
        runtime.block_on(gate.decide(&request, now, &mut explanation, members))
    }

    pub(crate) fn name(&self) -> &str {
        &self.case.name
    }

    pub(crate) fn run(&self, twin: Option<&Entry>, runtime: &Runtime) -> Outcome {
        let early = |file: &&str| BEFORE_DECISIONS.iter().any(|before| file.starts_with(before));
        let decided = if twin.is_some_and(|twin| twin.files.iter().any(early)) {
            self.decided(&self.gate(), self.now, runtime)
        } else {
            self.decided(self.gate.get_or_init(|| self.gate()), self.now, runtime)
        };
        if self.case.differs(&decided).is_none() {
            return Outcome::AsExpected;
        }
        let milder = mildness(&decided) > mildness(self.case.data["expect"].as_object().unwrap());
        if milder { Outcome::Milder } else { Outcome::Otherwise }
    }
}

/// A challenge can be answered, an allow need not be; of guests some may see more than others; and a prompt asks the
/// user at least.
fn mildness(decision: &Map<String, Value>) -> (u8, u8, u8) {
    let place = |member: &str, words: [&str; 2]| {
        let word = decision.get(member).and_then(Value::as_str);
        match word {
            Some(word) if word == words[1] => 2,
            Some(word) if word == words[0] => 1,
            _ => 0,
        }
    };
    (
        place("effect", ["challenge", "allow"]),
        place("guest_access", ["limited", "member"]),
        place("consent", ["required", "suppressed"]),
    )
}
