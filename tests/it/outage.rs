//! The issuer's key server in trouble, while load runs: no token that is good and known is ever refused, none that
//! is bad is ever let by, the server is not stormed, and all is well again without anybody's help.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tenantgate::app::App;

use crate::harness::{Asked, Client, KeyServer, L, Reply, Sign, now, signer};

/// What clients ask all the time.
struct Load {
    stop: Arc<AtomicBool>,
    decided: Arc<AtomicU32>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    /// Two clients with one known token each, one that makes up tokens and keys.
    async fn start(app: &App) -> Self {
        let (stop, decided) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let mut clients = Vec::new();
        for marker in ["one", "two"] {
            let token = signer().mint(&json!({"tid": L, "aud": "api://orders", "sub": marker}));
            let mut client = Client::connect(&app.check);
            assert_eq!(client.decide(&Asked::with_token(&token)).await["effect"], "allow");
            let (stop, decided) = (Arc::clone(&stop), Arc::clone(&decided));
            clients.push(tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let decision = client.decide(&Asked::with_token(&token)).await;
                    assert_eq!(decision["reason"], "internal", "a known token was refused");
                    decided.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }));
        }
        let mut client = Client::connect(&app.check);
        let (stopped, bad) = (Arc::clone(&stop), Arc::clone(&decided));
        clients.push(tokio::spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                let made = bad.fetch_add(1, Ordering::Relaxed);
                let mut header = Map::new();
                if made.is_multiple_of(2) {
                    header.insert("kid".to_owned(), format!("made-up-{made}").into());
                }
                let claims = json!({"tid": L, "aud": "api://orders", "sub": made.to_string()});
                let token = signer().sign(&claims, &header, Sign::OtherKey, now());
                let decision = client.decide(&Asked::with_token(&token)).await;
                assert_eq!(decision["effect"], "deny", "a token that nobody signed was let by");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }));
        Self { stop, decided, clients }
    }

    async fn until_decided(&self, more: u32) {
        let wanted = self.decided.load(Ordering::Relaxed) + more;
        while self.decided.load(Ordering::Relaxed) < wanted {
            assert!(self.clients.iter().all(|client| !client.is_finished()), "a client gave up");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_goes_on_through_every_kind_of_trouble_with_the_key_server() {
    let server = KeyServer::start().await;
    let keys = json!({"refresh": "200ms", "unknown_kid_interval": "1s"});
    let app = server.world("/keys", &keys).ready().await;
    let load = Load::start(&app).await;
    let troubles = [
        ("down", Reply::status(503, "")),
        ("slow", Reply::ok(&signer().jwks).after(Duration::from_mins(1))),
        ("wrong", Reply::ok(&"<html>")),
        ("huge", Reply::ok(&"x".repeat(2 << 20))),
        ("emptied", Reply::ok(&json!({"keys": []}))),
    ];
    for (name, trouble) in troubles {
        let before = server.asked("/keys").len();
        server.say("/keys", trouble);
        server.until_asked("/keys", 1).await;
        load.until_decided(100).await;
        let asked = server.asked("/keys").len() - before;
        assert!(asked <= 10, "{name}: {asked} requests for keys");
        server.say("/keys", Reply::ok(&signer().jwks));
        // A slow answer is waited for no longer than its time; then it is asked again.
        server.until_asked("/keys", 1).await;
    }

    // The next key is published beside the present one, then used, then alone.
    let mut both: Value = serde_json::from_str(&signer().jwks).unwrap();
    let (next, next_keys) = crate::harness::another_signer();
    both["keys"].as_array_mut().unwrap().push(next_keys["keys"][0].clone());
    server.say("/keys", Reply::ok(&both));
    server.until_asked("/keys", 2).await;
    let rolled = Asked::with_token(&next.mint(&json!({"tid": L, "aud": "api://orders"})));
    let mut client = Client::connect(&app.check);
    assert_eq!(client.decide(&rolled).await["effect"], "allow");
    load.until_decided(100).await;
    load.end().await;
    server.say("/keys", Reply::ok(&next_keys));
    server.until_asked("/keys", 2).await;
    assert_eq!(client.decide(&rolled).await["effect"], "allow");
    let old = signer().mint(&json!({"tid": L, "aud": "api://orders", "sub": "one"}));
    assert_eq!(client.decide(&Asked::with_token(&old)).await["reason"], "token_key_unknown");
}
