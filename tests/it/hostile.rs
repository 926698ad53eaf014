//! Hostile clients: memory stays bounded and somebody else's checks are answered.

use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;

use crate::attack::{ATTACKS, Outcome};
use crate::harness::{Asked, L, World, signer};
use crate::process::{Process, listener};
use crate::raw::{Raw, reason};

/// More than any of them may cost: 64 MiB of halves of messages, and what connections and streams take.
const MEMORY: u64 = 160 << 20;

/// What no connection survives; of the others, some are only slowed down.
const FATAL: [&str; 6] = [
    "rapid reset",
    "made-you-reset",
    "CONTINUATION flood",
    "empty DATA flood",
    "preface, a byte at a time",
    "1,000 half-open connections",
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

    for attack in &ATTACKS {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let attacking = tokio::task::spawn_blocking(move || {
            let outcome = attack.run(address);
            told.store(true, Ordering::Relaxed);
            outcome
        });
        let mut answered = 0;
        while !over.load(Ordering::Relaxed) || answered == 0 {
            assert_eq!(reason(&good.check(&asked).await.unwrap()), "allow", "{}", attack.name);
            answered += 1;
        }
        let outcome = attacking.await.unwrap();
        let more = process.peak_memory().saturating_sub(before);
        assert!(more < MEMORY, "{}: {} MiB", attack.name, more >> 20);
        assert!(!FATAL.contains(&attack.name) || outcome == Outcome::CutOff, "{} goes on", attack.name);
        // Somebody new comes in too.
        let mut new = Raw::over(TcpStream::connect(address).await.unwrap()).await.unwrap();
        assert_eq!(reason(&new.check(&asked).await.unwrap()), "allow", "{}", attack.name);
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
