//! A policy that is replaced again and again while clients go on asking.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tenantgate::source::Document;
use tokio::task::JoinSet;

use crate::gate::{BLOCKED, PARTNER, TENANT, write_policy};
use crate::patience::until;
use crate::scene::Scene;

const SWAPS: usize = 30;
/// Answers between two swaps: more than there are clients, or all might be on the policy before.
const ANSWERS: usize = 24;

/// One version of the policy: of two partners it lets one in, by turns.
struct Bundle {
    policy: String,
    revision: String,
    welcome: &'static str,
}

/// What a client was told.
struct Told {
    home: &'static str,
    status: u16,
    decision: String,
    /// An upstream learns the revision; the denied do not.
    revision: Option<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_right_for_the_revision_that_it_names() {
    let scene = Scene::new().await;
    let bundles: Vec<_> = (0..=SWAPS).map(bundle).collect();
    let answered = Arc::new(AtomicUsize::new(0));
    let over = Arc::new(AtomicBool::new(false));
    apply(&scene, &bundles[0]).await;

    let mut clients = JoinSet::new();
    for home in [PARTNER, BLOCKED, PARTNER, BLOCKED] {
        let (edge, token) = (scene.envoy.edge, scene.gate.guest(home));
        let (answered, over) = (Arc::clone(&answered), Arc::clone(&over));
        clients.spawn(async move {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut told = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let asked = client.get(format!("http://{edge}/orders")).bearer_auth(&token);
                let answer = asked.send().await.unwrap();
                let status = answer.status().as_u16();
                told.push(tell(home, status, &answer.text().await.unwrap()));
                answered.fetch_add(1, Ordering::Relaxed);
            }
            told
        });
    }
    for bundle in &bundles[1..] {
        some_answers(&answered).await;
        apply(&scene, bundle).await;
    }
    some_answers(&answered).await;
    over.store(true, Ordering::Relaxed);
    let told: Vec<_> = clients.join_all().await.into_iter().flatten().collect();

    let log = decisions(&scene, told.len()).await;
    let welcome: HashMap<_, _> =
        bundles.iter().map(|bundle| (bundle.revision.as_str(), bundle.welcome)).collect();
    let mut named = HashSet::new();
    for told in &told {
        let line = &log[&told.decision];
        let revision = line["policy_revision"].as_str().unwrap();
        if let Some(upstream_heard) = &told.revision {
            assert_eq!(upstream_heard, revision);
        }
        let (status, reason) = if welcome[revision] == told.home {
            (200, "permitted")
        } else {
            (403, "users_and_applications_blocked")
        };
        assert_eq!(
            (told.status, line["reason"].as_str().unwrap()),
            (status, reason),
            "on {revision}: {line}"
        );
        named.insert(revision);
    }
    let missed = bundles.iter().filter(|bundle| !named.contains(bundle.revision.as_str())).count();
    assert_eq!(missed, 0, "revisions on which nobody was answered");
}

fn bundle(number: usize) -> Bundle {
    let (welcome, refused) = if number.is_multiple_of(2) { (PARTNER, BLOCKED) } else { (BLOCKED, PARTNER) };
    let partners = json!([partner(welcome, "allowed"), partner(refused, "blocked")]);
    let policy = json!({"tenants": [{
        "tenantId": TENANT,
        "displayName": format!("Contoso, version {number}"),
        "crossTenantAccessPolicy": {"partners": partners},
    }]})
    .to_string();
    let revision = Document::new(vec![policy.clone().into_bytes()]).revision.to_string();
    Bundle { policy, revision, welcome }
}

fn partner(id: &str, access: &str) -> Value {
    let half = |target: &str, kind: &str| {
        let targets = json!([{"target": target, "targetType": kind}]);
        json!({"accessType": access, "targets": targets})
    };
    let setting = json!({
        "usersAndGroups": half("AllUsers", "user"),
        "applications": half("AllApplications", "application"),
    });
    json!({"tenantId": id, "b2bCollaborationInbound": setting})
}

async fn apply(scene: &Scene, bundle: &Bundle) {
    write_policy(scene.directory.path(), &bundle.policy);
    let applied = async || (scene.gate.revision().await == bundle.revision).then_some(());
    until("the policy to be applied", applied).await;
}

/// Waits until clients were answered on the policy that was just applied.
async fn some_answers(answered: &AtomicUsize) {
    let enough = answered.load(Ordering::Relaxed) + ANSWERS;
    until("clients to be answered", async || (answered.load(Ordering::Relaxed) >= enough).then_some(()))
        .await;
}

fn tell(home: &'static str, status: u16, body: &str) -> Told {
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{status}: {body}"));
    match status {
        200 => {
            let header = |name: &str| body["headers"][name][0].as_str().unwrap().to_owned();
            let said = header("x-tenantgate-decision");
            let (_, revision) = said.split_once("policy=").unwrap();
            let revision = Some(revision.to_owned());
            Told { home, status, decision: header("x-tenantgate-decision-id"), revision }
        }
        403 => {
            let decision = body["decision_id"].as_str().unwrap().to_owned();
            Told { home, status, decision, revision: None }
        }
        other => panic!("{other}: {body}"),
    }
}

/// The access log by decision, once it is complete.
async fn decisions(scene: &Scene, count: usize) -> HashMap<String, Value> {
    until("the access log to be complete", async || {
        let lines = scene.envoy.access_log();
        (lines.len() >= count).then_some(lines)
    })
    .await
    .into_iter()
    .map(|line| (line["decision_id"].as_str().unwrap().to_owned(), line))
    .collect()
}
