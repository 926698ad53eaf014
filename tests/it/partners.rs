//! Partners that are not part of the snapshot: every case of conformance once more, its partners on shelves. What is
//! decided is the same when they are fetched, and nothing is when they are not.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Map, Value};
use tenantgate::app::App;
use tenantgate::check::{Gate, Http, Judge, Request, Tokens};
use tenantgate::config::Composed;
use tenantgate::engine::{Explanation, Outcome};
use tenantgate::id::TenantId;
use tenantgate::policy::{Compiled, Fetch, Found, Revision, Shelf, Snapshot, compile};
use tenantgate::store::{Status, cell};
use tenantgate::telemetry::Metrics;

use crate::harness::{Case, cases, members};

/// What becomes of a record that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Fetched,
    NeverFetched,
    Unreadable,
}

/// The records of one tenant, each of which has to be fetched first.
#[derive(Debug)]
struct Slow {
    all: Arc<Snapshot>,
    tenant: TenantId,
    fate: Fate,
    asked: Arc<Mutex<HashSet<(TenantId, TenantId)>>>,
    fetched: Mutex<HashSet<TenantId>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl Shelf for Slow {
    fn find(&self, other: TenantId, revision: u64) -> Found {
        assert_eq!(revision, 7);
        locked(&self.asked).insert((self.tenant, other));
        if self.fate == Fate::Unreadable {
            return Found::Unreadable;
        }
        if !locked(&self.fetched).contains(&other) {
            return Found::Away;
        }
        let record = self.all.tenant(self.tenant).unwrap().partners.get(other);
        record.map_or(Found::Absent, |record| Found::Partner(Arc::new(record.clone())))
    }

    fn fetch(self: Arc<Self>, other: TenantId, _revision: u64) -> Fetch {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.fate == Fate::Fetched && locked(&self.fetched).insert(other)
        })
    }
}

struct Decided {
    members: Map<String, Value>,
    asked: usize,
    explanation: Explanation,
}

async fn decide(case: &Case, fate: Fate) -> Decided {
    let world = case.world();
    let config = world.config();
    let (alone, _keys) = App::gate_alone(&config).await.unwrap();
    let Composed { gate, judge, expected, policy_options, token_limits, .. } = config.compose().unwrap();
    let bundle = std::fs::read(world.path("policy.json")).unwrap();
    let compiled = || {
        let Compiled { snapshot, .. } = compile([&*bundle], Revision("1".into()), &policy_options);
        snapshot.unwrap()
    };
    let (all, asked) = (Arc::new(compiled()), Arc::new(Mutex::default()));
    let (policies, policy) = cell();
    policies.publish(compiled().on_shelves(7, |tenant| {
        let (all, asked) = (Arc::clone(&all), Arc::clone(&asked));
        Some(Arc::new(Slow { all, tenant, fate, asked, fetched: Mutex::default() }))
    }));
    let (maps, principals) = cell();
    if let Some(map) = case.principals() {
        maps.publish(serde_json::from_value(map).unwrap());
    }
    let status = Arc::new(Status::default());
    status.reached(case.now());
    let metrics = Arc::new(Metrics::new([]));
    let keys = alone.tokens().keys().clone();
    let tokens = Tokens::new(expected, keys, Arc::new([]), token_limits, Arc::clone(&metrics));
    let gate = Gate::new(gate, Judge::new(judge, policy, principals, status), tokens, metrics);

    let about = case.asked();
    let mut http = Http {
        method: about.method.as_bytes(),
        host: about.host.as_bytes(),
        path: about.path.as_bytes(),
        ..Http::default()
    };
    for (name, value) in &about.headers {
        http.add_header(name.as_bytes(), value.as_bytes());
    }
    http.body.text = about.body.as_bytes();
    let route = about.route.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes())).collect();
    let request = Request { http: Some(http), route, ..Request::default() };
    let mut explanation = Explanation::default();
    let members = gate.decide(&request, case.now(), &mut explanation, members).await;
    let asked = locked(&asked).len();
    Decided { members, asked, explanation }
}

fn all() -> Vec<Case> {
    cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance"))
}

/// v1 lists partners, which a shelf cannot: refused by the configuration.
fn lists_partners(case: &Case) -> bool {
    case.data["config"]["restrictions"]["version"] == "v1"
}

#[tokio::test]
async fn what_is_fetched_is_decided_by_as_if_it_had_been_there() {
    let (mut wrong, mut most) = (Vec::new(), 0);
    for case in all().into_iter().filter(|case| !lists_partners(case)) {
        let decided = decide(&case, Fate::Fetched).await;
        wrong.extend(case.differs(&decided.members));
        most = most.max(decided.asked);
        // No attempt but the last is told of.
        let stops = decided.explanation.steps.iter().filter(|step| step.outcome == Outcome::Stop).count();
        assert!(stops <= 1, "{}: {:?}", case.name, decided.explanation.steps);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!((2..=8).contains(&most), "a decision takes up to {most} records");
}

#[tokio::test]
async fn what_cannot_be_fetched_or_read_decides_nothing() {
    let mut refused = 0;
    for case in all().into_iter().filter(|case| !lists_partners(case)) {
        for fate in [Fate::NeverFetched, Fate::Unreadable] {
            let Decided { members, asked, .. } = decide(&case, fate).await;
            if asked == 0 {
                assert_eq!(case.differs(&members), None, "{}: no partner was asked for", case.name);
                continue;
            }
            refused += 1;
            let told = (&members["effect"], &members["reason"], &members["http_status"]);
            let expected = (&"deny".into(), &"partner_unavailable".into(), &503.into());
            assert_eq!(told, expected, "{}: {fate:?}", case.name);
        }
    }
    assert!(refused > 500, "only {refused} cases ask for partners");
}
