//! Clients that ask again and again until they are told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::client::Request;
use crate::patience::until;
use crate::scene::Scene;

const CLIENTS: usize = 8;

pub(crate) struct Load {
    clients: JoinSet<Vec<(u16, String)>>,
    answered: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    began: Instant,
}

/// What came of it.
pub(crate) struct Answers {
    pub(crate) count: usize,
    pub(crate) took: Duration,
    /// Status and body of each answer that was not 200.
    pub(crate) others: Vec<(u16, String)>,
}

impl Load {
    /// Of requests that the policy allows.
    pub(crate) fn on(scene: &Scene) -> Self {
        let (answered, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let request = scene.get("/orders").bearer(&scene.gate.internal());
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(ask(request.clone(), Arc::clone(&answered), Arc::clone(&over)));
        }
        Self { clients, answered, over, began: Instant::now() }
    }

    /// Waits for so many more answers.
    pub(crate) async fn more(&self, count: usize) {
        let enough = self.answered.load(Ordering::Relaxed) + count;
        let answered = async || (self.answered.load(Ordering::Relaxed) >= enough).then_some(());
        until("clients to be answered", answered).await;
    }

    pub(crate) async fn end(self) -> Answers {
        self.over.store(true, Ordering::Relaxed);
        let others = self.clients.join_all().await.into_iter().flatten().collect();
        let count = self.answered.load(Ordering::Relaxed);
        Answers { count, took: self.began.elapsed(), others }
    }
}

async fn ask(request: Request, answered: Arc<AtomicUsize>, over: Arc<AtomicBool>) -> Vec<(u16, String)> {
    let mut others = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let answer = request.clone().send().await;
        if answer.status != 200 {
            others.push((answer.status, answer.body));
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
    others
}
