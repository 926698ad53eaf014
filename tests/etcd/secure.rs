//! A cluster that knows its clients by certificate and password, and is known by its own.

use std::time::{Duration, Instant};

use etcd_client::{Certificate, Client, ConnectOptions, Identity, Permission, TlsOptions};
use serde_json::json;
use tenantgate::app::App;

use crate::authority::Authority;
use crate::cluster::{Cluster, Writer};
use crate::harness::{Client as Envoy, L};
use crate::operator::{apply, bundle, policy};
use crate::scene::{P, guest_of, named, partner, told, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_read_by_tls_certificate_and_password() {
    let (authority, files) = (Authority::new(), tempfile::tempdir().unwrap());
    let (server, client) = (authority.server(), authority.client(&["tenantgate.example"]));
    let file = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (ca, certificate) = (file("ca.pem", &authority.pem), file("client.pem", &client.certificate));
    let key = file("client.key", &client.key);
    let arguments = [
        "--client-cert-auth".to_owned(),
        format!("--trusted-ca-file={ca}"),
        format!("--cert-file={}", file("server.pem", &server.certificate)),
        format!("--key-file={}", file("server.key", &server.key)),
    ];
    let cluster = Cluster::with(1, "https", &arguments);
    let endpoints: Vec<_> =
        cluster.endpoints().iter().map(|endpoint| endpoint.replace("127.0.0.1", "localhost")).collect();
    let known = TlsOptions::new()
        .ca_certificate(Certificate::from_pem(&authority.pem))
        .identity(Identity::from_pem(&client.certificate, &client.key));
    let options = ConnectOptions::new().with_tls(known).with_timeout(Duration::from_secs(5));
    let mut admin = Client::connect(&endpoints, Some(options.clone())).await.unwrap();
    let begun = Instant::now();
    while let Err(error) = admin.get("up", None).await {
        assert!(begun.elapsed() < Duration::from_secs(30), "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    admin.user_add("root", "a secret", None).await.unwrap();
    admin.role_add("root").await.unwrap();
    admin.user_grant_role("root", "root").await.unwrap();
    admin.user_add("tenantgate", "correct horse", None).await.unwrap();
    admin.role_add("reader").await.unwrap();
    let reads = Permission::read("/tenantgate/").with_prefix();
    admin.role_grant_permission("reader", reads).await.unwrap();
    admin.user_grant_role("tenantgate", "reader").await.unwrap();
    admin.auth_enable().await.unwrap();
    let options = options.with_user("root", "a secret");
    let mut writer = Writer(Client::connect(&endpoints, Some(options)).await.unwrap());
    writer.policy(&partner(P, "allowed")).await;

    let password = file("password", "correct horse\n");
    let etcd = |password: &str| {
        json!({"policy": {"etcd": {
            "username": "tenantgate", "password_file": password,
            "tls": {"ca": ca, "certificate": certificate, "key": key},
        }}})
    };
    let with_password = world(&endpoints, &etcd(&password));
    let app = with_password.ready().await;
    let mut envoy = Envoy::connect(&app.check);
    assert_eq!(told(&envoy.decide(&guest_of(P)).await), "allow permitted by partner");
    let at = writer.partner(L, 1, &partner(P, "blocked")).await;
    let begun = Instant::now();
    loop {
        let decision = envoy.decide(&guest_of(P)).await;
        if named(&decision) >= at {
            assert_eq!(decision["effect"], "deny");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{decision:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Who may read and no more writes nothing, and who may write does.
    let wanted = bundle("blocked", &[partner(P, "allowed")]);
    assert_eq!(policy(&with_password, &["get"]).code, 0);
    let refused = apply(&with_password, &wanted, &[]);
    assert_eq!(refused.code, 2, "{}", refused.out);
    assert!(refused.err.contains("refuses this user: etcdserver: permission denied"), "{}", refused.err);
    let both = Permission::read_write("/tenantgate/").with_prefix();
    writer.0.role_grant_permission("reader", both).await.unwrap();
    let written = apply(&with_password, &wanted, &["--acknowledge"]);
    assert_eq!(written.code, 0, "{}", written.err);
    // Who has another password has no policy, and is told why without it.
    let with_another = world(&endpoints, &etcd(&file("another", "wrong horse")));
    let refused = policy(&with_another, &["get"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("refuses this user: etcdserver: authentication failed"), "{}", refused.err);
    assert!(!refused.err.contains("horse"));
    let app = App::start(&with_another.config(), None).await.unwrap();
    let begun = Instant::now();
    loop {
        let answer =
            reqwest::get(format!("http://{}/readyz", app.admin)).await.unwrap().text().await.unwrap();
        if answer.contains("authentication failed") {
            assert!(answer.contains(r#""ready":false"#) && !answer.contains("horse"), "{answer}");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
