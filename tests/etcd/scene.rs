//! A sidecar on a cluster, and what is asked of it.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tenantgate::app::App;

use crate::cluster::{Cluster, Writer};
use crate::harness::{Asked, Client, L, Merge as _, World, signer};

pub(crate) const P: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";
/// What [`told`] says of those whom P's record allows.
pub(crate) const LET_IN: &str = "allow permitted by partner";
/// And of those whom it blocks.
pub(crate) const SHUT_OUT: &str = "deny users_and_applications_blocked by partner";

/// Collaboration inbound for everyone, allowed or blocked.
pub(crate) fn inbound(access: &str) -> Value {
    json!({
        "usersAndGroups": {"accessType": access, "targets": [{"target": "AllUsers", "targetType": "user"}]},
        "applications": {"accessType": access, "targets": [{"target": "AllApplications", "targetType": "application"}]},
    })
}

pub(crate) fn partner(id: &str, access: &str) -> Value {
    json!({"tenantId": id, "b2bCollaborationInbound": inbound(access)})
}

/// Contoso's, whose default is this.
pub(crate) fn settings(default: &str) -> Value {
    json!({"tenantId": L, "crossTenantAccessPolicy": {"default": {"b2bCollaborationInbound": inbound(default)}}})
}

/// Somebody of this tenant.
pub(crate) fn guest_of(home: &str) -> Asked {
    let claims = json!({"tid": L, "idp": format!("https://sts.windows.net/{home}/"), "aud": "api://orders"});
    Asked::with_token(&signer().mint(&claims))
}

impl Writer {
    /// Everybody is blocked but for this partner's own setting; gives the revision.
    pub(crate) async fn policy(&mut self, partner: &Value) -> i64 {
        self.partner(L, 1, partner).await;
        self.active(L, 1).await;
        self.settings(L, &settings("blocked")).await
    }
}

/// The configuration of a sidecar on these members.
pub(crate) fn world(endpoints: &[String], more: &Value) -> World {
    let mut config = json!({
        "policy": {"source": "etcd", "etcd": {"endpoints": endpoints}},
        // A busy machine is no reason to fail here.
        "partners": {"load_timeout": "2s"},
    });
    config.merge(more);
    World::new(&config, &json!({}))
}

/// A cluster with a policy, and a sidecar that has it.
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) writer: Writer,
    pub(crate) app: App,
    pub(crate) client: Client,
    pub(crate) world: World,
}

impl Scene {
    /// Everybody is blocked but those of P.
    pub(crate) async fn begin(members: usize, more: &Value) -> Self {
        if std::env::var_os("LOG").is_some() {
            tenantgate::telemetry::start(tenantgate::telemetry::Level::Debug, false);
        }
        let cluster = Cluster::start(members).await;
        let mut writer = Writer(cluster.client().await);
        writer.policy(&partner(P, "allowed")).await;
        let world = world(&cluster.endpoints(), more);
        let app = world.ready().await;
        let client = Client::connect(&app.check);
        Self { cluster, writer, app, client, world }
    }

    pub(crate) async fn ask(&mut self, home: &str) -> Map<String, Value> {
        self.client.decide(&guest_of(home)).await
    }

    /// Asks until it is decided on this revision or a later one.
    pub(crate) async fn ask_at(&mut self, home: &str, revision: i64) -> Map<String, Value> {
        self.until(home, |decision| named(decision) >= revision).await
    }

    pub(crate) async fn until(
        &mut self,
        home: &str,
        good: impl Fn(&Map<String, Value>) -> bool,
    ) -> Map<String, Value> {
        let (begun, asked) = (Instant::now(), guest_of(home));
        loop {
            let decision = self.client.decide(&asked).await;
            if good(&decision) {
                return decision;
            }
            let late = begun.elapsed() > Duration::from_mins(1);
            assert!(!late, "still {decision:?} with {}", self.readyz().await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Whether people of this tenant are let in, and by which setting.
    pub(crate) async fn told(&mut self, home: &str) -> String {
        told(&self.ask(home).await)
    }

    /// The store is back, and so is the sidecar by itself, with what it missed.
    pub(crate) async fn comes_back(&mut self) {
        self.cluster.run(0);
        self.cluster.settled().await;
        let at = self.writer.partner(L, 1, &partner(P, "blocked")).await;
        assert_eq!(told(&self.ask_at(P, at).await), SHUT_OUT);
        assert_eq!(self.readyz().await["store"]["problem"], json!(null));
    }

    pub(crate) async fn readyz(&self) -> Value {
        let answer = reqwest::get(format!("http://{}/readyz", self.app.admin)).await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Waits until it is told that something is wrong with the policy.
    pub(crate) async fn rejects(&self, problem: &str) {
        while !self.readyz().await["policy"]["rejected"].to_string().contains(problem) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let answer = reqwest::get(format!("http://{}/metrics", self.app.admin)).await.unwrap();
        let text = answer.text().await.unwrap();
        let line =
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
        line.unwrap_or_else(|| panic!("{name} is none of\n{text}")).parse().unwrap()
    }
}

/// The revision that a decision names.
pub(crate) fn named(decision: &Map<String, Value>) -> i64 {
    decision.get("policy_revision").and_then(Value::as_str).map_or(0, |revision| revision.parse().unwrap())
}

pub(crate) fn told(decision: &Map<String, Value>) -> String {
    let text = |name: &str| decision.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    format!("{} {} by {}", text("effect"), text("reason"), text("origin"))
}
