//! What a connection may have sent ahead, by how busy the service is.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Asked, L, World, signer};
use crate::raw::{Raw, reason};

/// With one thread for everything, whose every second turn is somebody else's.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn keep() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        tokio::spawn(poll_fn(move |context| {
            if is_over.load(Ordering::Relaxed) {
                return Poll::Ready(());
            }
            std::thread::sleep(Duration::from_millis(6));
            context.waker().wake_by_ref();
            Poll::Pending
        }));
        Self(over)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn whoever_waits_for_a_turn_may_send_less_ahead_until_turns_come_soon_again() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().event_interval(1).build().unwrap();
    runtime.block_on(async {
        let world =
            World::new(&json!({}), &json!({"tenants": [{"tenantId": L, "crossTenantAccessPolicy": {}}]}));
        let app = world.ready().await;
        let asked = Asked::with_token(&signer().mint(&json!({"tid": L, "aud": "api://orders"})));
        let mut raw = Raw::to(&app.check).await;
        let mut room_after = async |checks| {
            for _ in 0..checks {
                assert_eq!(reason(&raw.check(&asked).await.unwrap()), "allow");
            }
            let mut next = raw.begin(&[]).await.unwrap();
            let room = next.room().await;
            next.reset();
            room
        };
        let whole = room_after(1).await;
        assert!(whole > 32 * 1024, "{whole}");
        let busy = Busy::keep();
        let less = room_after(100).await;
        assert!((1..=8 * 1024).contains(&less), "{less}");
        drop(busy);
        let whole = room_after(100).await;
        assert!(whole > 32 * 1024, "{whole}");
    });
}
