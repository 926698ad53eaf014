//! What a store in etcd must not take, or give: on a member of its own, each time under another prefix.

use std::sync::atomic::{AtomicUsize, Ordering};

use etcd_client::Client;
use serde_json::json;
use tenantgate::source::{EtcdSettings, EtcdStore, Plan, Store as _, StoreError, records_as_of, records_of};
use tokio::runtime::Runtime;

use crate::Rule;
use crate::cluster::Cluster;
use crate::harness::L;
use crate::harness::bundles::P;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "etcd: a change after another",
        holds: |runtime| {
            let place = Place::new(runtime);
            // Of nothing that the first one touches.
            place.is_refused(|place| _ = place.apply(0, &[L, P]).unwrap())
        },
    },
    Rule {
        name: "etcd: a partner that changed meanwhile",
        holds: |runtime| {
            let place = Place::new(runtime);
            let key = format!("gen/1/partners/{P}");
            place.is_refused(|place| place.put(runtime, &key, &json!({"tenantId": P, "new": 1}).to_string()))
        },
    },
    Rule {
        name: "etcd: settings that changed meanwhile",
        holds: |runtime| {
            let settings = json!({"tenantId": L, "crossTenantAccessPolicy": {"default": {}}, "new": 1});
            let place = Place::new(runtime);
            place.is_refused(|place| place.put(runtime, "settings", &settings.to_string()))
        },
    },
    Rule {
        name: "etcd: another generation meanwhile",
        holds: |runtime| {
            let place = Place::new(runtime);
            place.is_refused(|place| place.put(runtime, "active", "2"))
        },
    },
    Rule {
        name: "etcd: a revision that never was",
        holds: |runtime| {
            let place = Place::new(runtime);
            matches!(records_as_of(&mut place.store(), 0), Err(StoreError::NotKept(0)))
        },
    },
];

thread_local! {
    /// It ends with the test's thread.
    static CLUSTER: Cluster = Cluster::with(1, "http", &[]);
}

/// A policy of one tenant and one partner, by itself.
struct Place {
    settings: EtcdSettings,
}

impl Place {
    fn new(runtime: &Runtime) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        CLUSTER.with(|cluster| runtime.block_on(cluster.settled()));
        let place = Self {
            settings: EtcdSettings {
                cache: None,
                endpoints: CLUSTER.with(Cluster::endpoints),
                prefix: format!("/{}", COUNT.fetch_add(1, Ordering::Relaxed)),
                user: None,
                tls: None,
            },
        };
        place.apply(0, &[L]).unwrap();
        place
    }

    fn store(&self) -> EtcdStore {
        EtcdStore::new(self.settings.clone()).unwrap()
    }

    fn apply(&self, version: usize, tenants: &[&str]) -> Result<u64, StoreError> {
        let mut store = self.store();
        let plan = plan(&mut store, version, tenants);
        store.apply(&plan.change, plan.on, &mut |_| {})
    }

    /// Whether a change of the partner is refused that was worked out before something happened.
    fn is_refused(&self, meanwhile: impl FnOnce(&Self)) -> bool {
        let mut store = self.store();
        let plan = plan(&mut store, 1, &[L]);
        meanwhile(self);
        store.apply(&plan.change, plan.on, &mut |_| {}).is_err()
    }

    /// As somebody does by hand.
    fn put(&self, runtime: &Runtime, key: &str, value: &str) {
        let EtcdSettings { endpoints, prefix, .. } = &self.settings;
        runtime.block_on(async {
            let mut client = Client::connect(endpoints, None).await.unwrap();
            client.put(format!("{prefix}/v1/tenants/{L}/{key}"), value, None).await.unwrap();
        });
    }
}

fn plan(store: &mut EtcdStore, version: usize, tenants: &[&str]) -> Plan {
    let tenant = |id: &&str| {
        let partners = json!([{"tenantId": P, "version": version}]);
        json!({"tenantId": id, "crossTenantAccessPolicy": {"partners": partners}})
    };
    let bundle = json!({"tenants": tenants.iter().map(tenant).collect::<Vec<_>>()});
    Plan::of(store, records_of(&[bundle.to_string().into_bytes()]).unwrap(), "test").unwrap()
}
