//! Hostile clients: memory stays bounded and somebody else's checks are answered.

use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::attack::Outcome::{CutOff, Endured};
use crate::attack::{ATTACKS, Outcome};
use crate::harness::{Asked, L, World, signer};
use crate::patience::within;
use crate::process::{Process, listener};
use crate::raw::{Raw, reason};

/// What comes of each, and MiB above the idle service that it may cost, with what the allocator kept of those before:
/// about twice what was measured (`benches/README.md`).
const FAST: [(&str, Outcome, u64); 14] = [
    // Envoy resets many where its clients go: what comes in one turn is not too many.
    ("rapid reset", Endured, 6),
    ("made-you-reset", CutOff, 6),
    ("CONTINUATION flood", CutOff, 6),
    // The socket alone slows them down.
    ("PING flood", Endured, 6),
    ("SETTINGS flood", Endured, 6),
    ("empty DATA flood", CutOff, 6),
    ("10,000 streams", CutOff, 16),
    ("huge header list", CutOff, 16),
    ("header bomb", CutOff, 16),
    // Each is denied by itself.
    ("huge message", Endured, 16),
    ("calls without time", Endured, 32),
    ("answers nobody takes", Endured, 32),
    ("1,000 half-open connections", CutOff, 32),
    // 64 MiB of them have room.
    ("halves of messages", Endured, 160),
];

/// What takes its time goes on beside the others, and costs what they cost.
const SLOW: [(&str, Outcome); 2] = [
    // Until it leaves a ping unanswered for too long: `keepalive.rs`.
    ("slow headers", Endured),
    ("preface, a byte at a time", CutOff),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_client_does_memory_is_bounded_and_others_are_answered() {
    let ((check, address), (admin, admin_address)) = (listener(), listener());
    let listen = json!({"check": address.to_string(), "admin": admin_address.to_string()});
    let limits = json!({"handshake_timeout": "1s"});
    let bundle = json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]});
    let world = World::new(&json!({"listen": listen, "limits": limits}), &bundle);
    let process = Process::start(&world.path(""), &[check.as_fd(), admin.as_fd()]);
    let asked = Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders"})));
    let mut good = Raw::over(TcpStream::connect(address).await.unwrap()).await.unwrap();
    assert_eq!(reason(&good.check(&asked).await.unwrap()), "allow");
    let before = process.peak_memory();

    assert_eq!(FAST.len() + SLOW.len(), ATTACKS.len(), "an attack of which nothing is expected");
    let slow = SLOW.map(|(name, outcome)| (Attacking::begin(name, address), name, outcome));
    for (name, outcome, memory) in FAST {
        let attacking = Attacking::begin(name, address);
        let mut answered = 0;
        while !attacking.is_over() || answered == 0 {
            let answer = within("an answer to somebody else", good.check(&asked)).await;
            assert_eq!(reason(&answer.unwrap()), "allow", "{name}");
            answered += 1;
        }
        assert_eq!(attacking.outcome().await, outcome, "{name}");
        let more = process.peak_memory().saturating_sub(before);
        assert!(more < memory << 20, "{name}: {} MiB", more >> 20);
        // Somebody new comes in too.
        let mut new = Raw::over(TcpStream::connect(address).await.unwrap()).await.unwrap();
        assert_eq!(reason(&new.check(&asked).await.unwrap()), "allow", "{name}");
    }
    for (attacking, name, outcome) in slow {
        assert_eq!(attacking.outcome().await, outcome, "{name}");
    }
}

/// An attack that goes on.
struct Attacking {
    over: Arc<AtomicBool>,
    outcome: JoinHandle<Outcome>,
}

impl Attacking {
    fn begin(name: &str, address: SocketAddr) -> Self {
        let attack = ATTACKS.iter().find(|attack| attack.name == name).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let outcome = spawn_blocking(move || {
            let outcome = attack.run(address);
            told.store(true, Ordering::Relaxed);
            outcome
        });
        Self { over, outcome }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    async fn outcome(self) -> Outcome {
        self.outcome.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_descriptors_the_oldest_that_has_not_begun_makes_room() {
    let ((check, address), (admin, admin_address)) = (listener(), listener());
    let listen = json!({"check": address.to_string(), "admin": admin_address.to_string()});
    let bundle = json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]});
    let world = World::new(&json!({"listen": listen, "limits": {"handshake_timeout": "1h"}}), &bundle);
    let process = Process::start_after("ulimit -n 64", &world.path(""), &[check.as_fd(), admin.as_fd()]);
    assert_eq!(process.descriptors(), (64, 64));
    let asked = Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders"})));
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let answer = async {
        let mut good = Raw::over(TcpStream::connect(address).await.unwrap()).await.unwrap();
        reason(&good.check(&asked).await.unwrap())
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), answer).await;
    assert_eq!(answer.expect("an answer"), "allow");
}

#[test]
fn a_process_takes_as_many_descriptors_as_it_may() {
    let ((check, address), (admin, admin_address)) = (listener(), listener());
    let listen = json!({"check": address.to_string(), "admin": admin_address.to_string()});
    let bundle = json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]});
    let world = World::new(&json!({"listen": listen}), &bundle);
    let process = Process::start_after("ulimit -Sn 64", &world.path(""), &[check.as_fd(), admin.as_fd()]);
    let (soft, hard) = process.descriptors();
    assert!(soft == hard && hard > 64, "{soft} of {hard}");
}
