//! A policy that changes while it is enforced.

use std::collections::HashMap;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use serde_json::{Value, json};
use tenantgate::source::Document;

use crate::harness::{Asked, Client, L, World, signer};
use crate::patience::until;

const HOME: &str = "3d2f5b0e-5f0c-4a44-9f0b-8f9a3f1e7c21";

fn bundle(access: &str, name: &str) -> String {
    json!({"tenants": [{"tenantId": L, "displayName": name, "crossTenantAccessPolicy": {"partners": [{
        "tenantId": HOME,
        "b2bCollaborationInbound": {
            "usersAndGroups": {"accessType": access, "targets": [{"target": "AllUsers", "targetType": "user"}]},
            "applications": {"accessType": access, "targets": [{"target": "AllApplications", "targetType": "application"}]},
        },
    }]}}]})
    .to_string()
}

fn revision(bundle: &str) -> String {
    Document::new(vec![bundle.as_bytes().to_vec()]).revision.to_string()
}

fn guest() -> Asked {
    let claims = json!({"tid": L, "idp": format!("https://sts.windows.net/{HOME}/"), "aud": "api://orders"});
    Asked::with_token(&signer().mint(&claims))
}

/// Asks until the policy of this text decides.
async fn until_applied(client: &mut Client, bundle: &str) -> Value {
    let asked = guest();
    let wanted = revision(bundle);
    for _ in 0..1000 {
        let decision = client.decide(&asked).await;
        if decision["policy_revision"] == wanted.as_str() {
            return decision["effect"].clone();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the policy {wanted} was not applied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_every_answer_is_right_for_the_revision_that_it_names() {
    const SWAPS: usize = 200;
    let texts: Vec<String> = (0..=SWAPS)
        .map(|swap| bundle(if swap % 2 == 0 { "allowed" } else { "blocked" }, &format!("version {swap}")))
        .collect();
    let expected: HashMap<String, &str> = texts
        .iter()
        .enumerate()
        .map(|(swap, text)| (revision(text), if swap % 2 == 0 { "allow" } else { "deny" }))
        .collect();
    let expected = Arc::new(expected);
    let world = World::new(&json!({}), &serde_json::from_str(&texts[0]).unwrap());
    world.replace("policy.json", &texts[0]);
    let app = world.ready().await;
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..2)
        .map(|_| {
            let (mut client, done, expected) =
                (Client::connect(&app.check), Arc::clone(&done), Arc::clone(&expected));
            tokio::spawn(async move {
                let asked = guest();
                let mut seen = HashMap::<String, u32>::new();
                while !done.load(Ordering::Relaxed) {
                    let decision = client.decide(&asked).await;
                    let revision = decision["policy_revision"].as_str().unwrap().to_owned();
                    assert_eq!(decision["effect"], expected[&revision], "wrong for {revision}");
                    *seen.entry(revision).or_default() += 1;
                }
                seen
            })
        })
        .collect();
    let mut client = Client::connect(&app.check);
    for text in texts.iter().skip(1) {
        world.replace("policy.json", text);
        until_applied(&mut client, text).await;
    }
    done.store(true, Ordering::Relaxed);
    for checking in clients {
        let seen = checking.await.unwrap();
        assert!(seen.len() > SWAPS / 4, "a client saw only {} policies", seen.len());
    }
}

#[tokio::test]
async fn a_policy_is_applied_when_kubernetes_swaps_its_link() {
    let world = World::new(&json!({"policy": {"path": "mounted/policy.json"}}), &json!({}));
    let version = |name: &str, text: &str| {
        std::fs::create_dir_all(world.path(&format!("mounted/{name}"))).unwrap();
        world.write(&format!("mounted/{name}/policy.json"), text);
    };
    let (one, two) = (bundle("allowed", "one"), bundle("blocked", "two"));
    version("..one", &one);
    version("..two", &two);
    symlink("..one", world.path("mounted/..data")).unwrap();
    symlink("..data/policy.json", world.path("mounted/policy.json")).unwrap();
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    assert_eq!(until_applied(&mut client, &one).await, "allow");
    symlink("..two", world.path("mounted/..data_tmp")).unwrap();
    std::fs::rename(world.path("mounted/..data_tmp"), world.path("mounted/..data")).unwrap();
    assert_eq!(until_applied(&mut client, &two).await, "deny");
}

#[tokio::test]
async fn a_bad_policy_is_reported_with_its_place_and_the_last_good_one_stays() {
    let good = bundle("allowed", "good");
    let world = World::new(&json!({}), &serde_json::from_str(&good).unwrap());
    world.replace("policy.json", &good);
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    assert_eq!(until_applied(&mut client, &good).await, "allow");
    for (bad, told) in [
        (
            good.replace("b2bCollaborationInbound", "b2bcollaborationInbound"),
            "/partners/0/b2bcollaborationInbound",
        ),
        (good.replace(HOME, "not-a-guid"), "/partners/0/tenantId"),
        (format!("{good}}}"), "json_malformed"),
        (r#"{"tenants": []}"#.to_owned(), "tenant_missing"),
    ] {
        world.replace("policy.json", &bad);
        let report = until(&format!("{told} to be told"), async || {
            let report = ready(&app).await;
            let rejected = report["policy"]["rejected"].as_str()?.contains(told);
            rejected.then_some(report)
        })
        .await;
        assert_eq!(report["ready"], true);
        assert_eq!(report["policy"]["revision"], revision(&good).as_str());
        assert_eq!(client.decide(&guest()).await["policy_revision"], revision(&good).as_str());
    }
    let better = bundle("blocked", "better");
    world.replace("policy.json", &better);
    assert_eq!(until_applied(&mut client, &better).await, "deny");
    assert_eq!(ready(&app).await["policy"]["rejected"], Value::Null);
}

#[tokio::test]
async fn a_directory_of_bundles_is_one_policy() {
    let world = World::new(&json!({"policy": {"path": "bundles"}}), &json!({}));
    std::fs::create_dir(world.path("bundles")).unwrap();
    world.write("bundles/contoso.json", &bundle("allowed", "Contoso"));
    world.write("bundles/notes.txt", "no bundle");
    world.write("bundles/.hidden.json", "no bundle");
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    assert_eq!(client.decide(&guest()).await["effect"], "allow");
    let blocks = bundle("blocked", "Fabrikam").replace("b2bCollaborationInbound", "b2bCollaborationOutbound");
    let swapped = blocks.replace(HOME, "swap").replace(L, HOME).replace("swap", L);
    world.write("bundles/fabrikam.json", &swapped);
    for _ in 0..1000 {
        if client.decide(&guest()).await["reason"] == "home_outbound_blocked" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the second bundle was not read");
}

async fn ready(app: &tenantgate::app::App) -> Value {
    let answer = reqwest::get(format!("http://{}/readyz", app.admin)).await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_policy_whose_source_is_gone_for_too_long_decides_nothing_until_it_is_back() {
    let config = json!({"policy": {"max_staleness": "1s"}});
    let world = World::new(&config, &json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]}));
    let policy = std::fs::read_to_string(world.path("policy.json")).unwrap();
    let app = world.ready().await;
    let mut client = Client::connect(&app.check);
    let asked = Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders"})));
    // A source that can be read never gets old.
    for _ in 0..20 {
        assert_eq!(client.decide(&asked).await["reason"], "internal");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    std::fs::remove_file(world.path("policy.json")).unwrap();
    until("the policy to be too old", async || {
        (client.decide(&asked).await["reason"] != "internal").then_some(())
    })
    .await;
    let decision = client.decide(&asked).await;
    assert_eq!((&decision["reason"], &decision["http_status"]), (&json!("policy_unavailable"), &json!(503)));
    let readyz = async || reqwest::get(format!("http://{}/readyz", app.admin)).await.unwrap();
    let report = readyz().await;
    assert_eq!(report.status(), 200, "silence is worse than a denial");
    assert!(report.text().await.unwrap().contains("cannot read"));
    world.replace("policy.json", &policy);
    until("the policy to be back", async || {
        (client.decide(&asked).await["reason"] == "internal").then_some(())
    })
    .await;
    let report: Value = serde_json::from_str(&readyz().await.text().await.unwrap()).unwrap();
    assert_eq!(report["store"]["problem"], json!(null));
}

#[tokio::test]
async fn reading_the_policy_is_no_hint_that_it_changed() {
    let world = World::new(&json!({}), &serde_json::from_str(&bundle("allowed", "quiet")).unwrap());
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let mut watcher = notify::recommended_watcher(move |event: Result<notify::Event, notify::Error>| {
        if event.is_ok_and(|event| event.kind.is_access() && event.paths[0].ends_with("policy.json")) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    })
    .unwrap();
    let _app = world.ready().await;
    watcher.watch(&world.path("policy.json"), RecursiveMode::NonRecursive).unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    // Compared every two seconds, and no more.
    let reads = reads.load(Ordering::Relaxed);
    assert!((1..=2).contains(&reads), "{reads} reads");
}
