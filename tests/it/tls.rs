//! TLS on the ports: who is let in, and certificates that change while it runs.

use std::io;
use std::sync::Arc;

use serde_json::{Value, json};
use tenantgate::app::{App, StartError};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::authority::{Authority, Pair};
use crate::harness::{Asked, L, Merge as _, World, signer};
use crate::patience::until;
use crate::raw::{Raw, reason, tcp};

pub(crate) type Versions = &'static [&'static SupportedProtocolVersion];
pub(crate) const ONE_THREE: Versions = &[&TLS13];
pub(crate) const ONE_TWO: Versions = &[&TLS12];
const SPIFFE: &str = "spiffe://contoso.example/ns/edge/sa/envoy";

fn bundle() -> Value {
    json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]})
}

pub(crate) fn internal() -> Asked {
    Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders"})))
}

/// A world whose check port has a certificate of `authority`, and more settings of its TLS.
pub(crate) fn world(authority: &Authority, more: &Value) -> World {
    let mut tls = json!({"certificate": "tls.pem", "key": "tls.key"});
    tls.merge(more);
    of(authority, &json!({"listen": {"tls": {"check": tls}}}))
}

/// The same with limits.
pub(crate) fn within_limits(authority: &Authority, limits: &Value) -> World {
    let tls = json!({"certificate": "tls.pem", "key": "tls.key"});
    of(authority, &json!({"listen": {"tls": {"check": tls}}, "limits": limits}))
}

fn of(authority: &Authority, config: &Value) -> World {
    let world = World::new(config, &bundle());
    put(&world, &authority.server());
    world.write("clients.pem", &authority.pem);
    world
}

fn put(world: &World, pair: &Pair) {
    world.replace("tls.pem", &pair.certificate);
    world.replace("tls.key", &pair.key);
}

/// Somebody who believes `authority`.
pub(crate) struct Connector<'a> {
    authority: &'a Authority,
    client: Option<Pair>,
    versions: Versions,
    alpn: &'a [u8],
}

impl<'a> Connector<'a> {
    pub(crate) fn of(authority: &'a Authority) -> Self {
        Self { authority, client: None, versions: ONE_THREE, alpn: b"h2" }
    }

    fn with(self, client: Pair) -> Self {
        Self { client: Some(client), ..self }
    }

    pub(crate) fn speaking(self, versions: Versions) -> Self {
        Self { versions, ..self }
    }

    async fn connect(self, app: &App) -> io::Result<TlsStream<TcpStream>> {
        connected(&Arc::new(self.config()), app).await
    }

    pub(crate) fn config(self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem.as_bytes()).unwrap()).unwrap();
        let config =
            ClientConfig::builder_with_protocol_versions(self.versions).with_root_certificates(roots);
        let mut config = match self.client {
            None => config.with_no_client_auth(),
            Some(pair) => {
                let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
                config.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![self.alpn.to_vec()];
        config
    }

    /// In TLS 1.3 a client learns only afterwards that it is not wanted.
    pub(crate) async fn served(self, app: &App) -> bool {
        let Ok(stream) = self.connect(app).await else { return false };
        let Ok(mut raw) = Raw::over(stream).await else { return false };
        match raw.check(&internal()).await {
            Ok(answer) => {
                assert_eq!(reason(&answer), "allow");
                true
            }
            Err(_) => false,
        }
    }
}

pub(crate) async fn connected(config: &Arc<ClientConfig>, app: &App) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(tcp(&app.check)).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await
}

#[tokio::test]
async fn checks_are_answered_over_tls_and_in_no_other_way() {
    let authority = Authority::new();
    let app = world(&authority, &json!({})).ready().await;
    for versions in [ONE_THREE, ONE_TWO] {
        assert!(Connector::of(&authority).speaking(versions).served(&app).await, "{versions:?}");
    }
    assert!(!Connector::of(&Authority::new()).served(&app).await, "by a stranger's word");
    let other = Connector { alpn: b"http/1.1", ..Connector::of(&authority) };
    assert!(other.connect(&app).await.is_err(), "HTTP/1.1 is not spoken here");
    let plain = TcpStream::connect(tcp(&app.check)).await.unwrap();
    assert!(match Raw::over(plain).await {
        Ok(mut raw) => raw.check(&internal()).await.is_err(),
        Err(_) => true,
    });
}

#[tokio::test]
async fn of_the_clients_whom_the_authority_vouches_for_those_with_a_name_come_in() {
    let authority = Authority::new();
    let names = json!({"client_ca": "clients.pem", "client_san": [SPIFFE, "Envoy.contoso.example"]});
    let app = world(&authority, &names).ready().await;
    let stranger = Authority::new();
    for (client, served) in [
        (None, false),
        (Some(authority.client(&[SPIFFE])), true),
        (Some(authority.client(&["other.example", "envoy.CONTOSO.example"])), true),
        (Some(stranger.client(&[SPIFFE])), false),
        // The common name is that of Envoy.
        (Some(authority.client(&["other.example"])), false),
        (Some(authority.client(&["*.contoso.example"])), false),
        (Some(authority.client(&["spiffe://contoso.example/ns/edge/sa/envoy/"])), false),
        (Some(authority.client(&["spiffe://Contoso.example/ns/edge/sa/envoy"])), false),
        // A SPIFFE certificate has one URI.
        (Some(authority.client(&[SPIFFE, "spiffe://contoso.example/ns/edge/sa/other"])), false),
        (Some(authority.client(&["spiffe://contoso.example/ns/edge/sa/other", SPIFFE])), false),
        // A server's certificate is no client's, though it has no name either.
        (Some(authority.server()), false),
    ] {
        for versions in [ONE_THREE, ONE_TWO] {
            let client = client
                .as_ref()
                .map(|pair| Pair { certificate: pair.certificate.clone(), key: pair.key.clone() });
            let connector = Connector { client, versions, ..Connector::of(&authority) };
            assert_eq!(connector.served(&app).await, served, "{versions:?}");
        }
    }
}

#[tokio::test]
async fn without_names_any_certificate_of_the_authority_will_do_and_none_will_not() {
    let authority = Authority::new();
    let app = world(&authority, &json!({"client_ca": "clients.pem"})).ready().await;
    assert!(Connector::of(&authority).with(authority.client(&["anybody.example"])).served(&app).await);
    assert!(!Connector::of(&authority).served(&app).await);
}

async fn get(app: &App, path: &str) -> String {
    reqwest::get(format!("http://{}{path}", app.admin)).await.unwrap().text().await.unwrap()
}

/// What is wrong with the check port's certificates.
async fn problem(app: &App) -> Value {
    let report: Value = serde_json::from_str(&get(app, "/readyz").await).unwrap();
    report["certificates"][0]["problem"].clone()
}

#[tokio::test]
async fn certificates_are_replaced_while_it_runs_and_half_a_pair_leaves_the_old_one() {
    let (old, new) = (Authority::new(), Authority::new());
    let world = world(&old, &json!({"client_ca": "clients.pem"}));
    let app = world.ready().await;
    let mut lasting =
        Raw::over(Connector::of(&old).with(old.client(&[])).connect(&app).await.unwrap()).await.unwrap();
    assert_eq!(problem(&app).await, Value::Null);

    // The certificate comes before its key, and then the key's first half.
    let pair = new.server();
    world.replace("tls.pem", &pair.certificate);
    let told =
        until("the pair to be refused", async || problem(&app).await.as_str().map(ToOwned::to_owned)).await;
    assert!(told.contains("tls.pem") && told.contains("cannot be used together"), "{told}");
    assert!(Connector::of(&old).with(old.client(&[])).served(&app).await);
    let (half, _) = pair.key.split_at(pair.key.len() / 2);
    world.replace("tls.key", half);
    let told = until("the key to be refused", async || {
        let told = problem(&app).await.as_str().unwrap().to_owned();
        told.contains("no whole one").then_some(told)
    })
    .await;
    assert!(told.contains("tls.key"), "{told}");
    assert!(Connector::of(&old).with(old.client(&[])).served(&app).await);

    // Whole, and with another authority for clients.
    world.replace("clients.pem", &new.pem);
    world.replace("tls.key", &pair.key);
    until("the pair to be used", async || problem(&app).await.is_null().then_some(())).await;
    assert!(Connector::of(&new).with(new.client(&[])).served(&app).await);
    assert!(!Connector::of(&new).with(old.client(&[])).served(&app).await, "a former client");
    assert!(!Connector::of(&old).with(new.client(&[])).served(&app).await, "the former certificate");
    assert_eq!(reason(&lasting.check(&internal()).await.unwrap()), "allow", "a connection that was there");

    let metrics = get(&app, "/metrics").await;
    for line in [
        r#"tenantgate_certificate_loads_total{port="check",result="success"} 2"#,
        r#"tenantgate_certificate_loads_total{port="check",result="failure"} "#,
    ] {
        assert!(metrics.contains(line), "no `{line}` in\n{metrics}");
    }
    assert!(!metrics.contains(r#"{port="check",result="failure"} 0"#));
}

#[tokio::test]
async fn the_admin_port_has_its_own() {
    let authority = Authority::new();
    let tls = json!({"certificate": "tls.pem", "key": "tls.key", "client_ca": "clients.pem"});
    let world = World::new(&json!({"listen": {"tls": {"admin": tls}}}), &bundle());
    put(&world, &authority.server());
    world.write("clients.pem", &authority.pem);
    let app = world.ready().await;
    let client = authority.client(&[]);
    let identity = reqwest::Identity::from_pem((client.certificate + &client.key).as_bytes()).unwrap();
    let root = reqwest::Certificate::from_pem(authority.pem.as_bytes()).unwrap();
    let url = format!("https://localhost:{}/healthz", tcp(&app.admin).port());
    let known = reqwest::Client::builder().tls_certs_only([root.clone()]).identity(identity).build().unwrap();
    assert_eq!(known.get(&url).send().await.unwrap().status(), 200);
    let unknown = reqwest::Client::builder().tls_certs_only([root]).build().unwrap();
    assert!(unknown.get(&url).send().await.is_err());
}

#[tokio::test]
async fn a_pair_that_is_none_at_the_start_is_an_error() {
    let authority = Authority::new();
    let world = world(&authority, &json!({}));
    world.write("tls.key", &authority.server().key);
    let error = App::start(&world.config(), None).await.unwrap_err();
    assert!(matches!(error, StartError::Tls(..)), "{error:?}");
    let told = format!("{:#}", anyhow::Error::from(error));
    assert!(told.contains("the check port has no TLS") && told.contains("tls.pem"), "{told}");
    assert!(!told.contains("PRIVATE"), "{told}");
}

#[test]
fn names_of_clients_without_an_authority_or_without_sense_are_refused() {
    let authority = Authority::new();
    for (more, key) in [
        (json!({"client_san": [SPIFFE]}), "listen.tls.check.client_san"),
        (json!({"client_ca": "c", "client_san": [SPIFFE, "*.contoso.example"]}), "client_san[1]"),
        (json!({"client_ca": "c", "client_san": [""]}), "client_san[0]"),
    ] {
        let told = world(&authority, &more).config().compose().unwrap_err().to_string();
        assert!(told.contains(key), "{told}");
    }
}
