//! A barrier in a stream: chunks wait here until the test lets them through.

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

/// Holds a reply's chunks back. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate {
    permits: Arc<Semaphore>,
    waiting: watch::Sender<bool>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::closed()
    }
}

impl Gate {
    /// A gate that lets nothing through yet.
    pub fn closed() -> Self {
        Self { permits: Arc::new(Semaphore::new(0)), waiting: watch::Sender::new(false) }
    }

    /// Lets `count` more chunks through.
    pub fn release(&self, count: usize) {
        self.permits.add_permits(count);
    }

    /// Lets everything through, now and later.
    pub fn open(&self) {
        self.permits.close();
    }

    /// Resolves as soon as a chunk waits here: everything before it has been sent.
    pub async fn reached(&self) {
        let mut waiting = self.waiting.subscribe();
        let held = waiting.wait_for(|held| *held).await;
        held.expect("this gate owns the sender");
    }

    /// What a stream awaits before each chunk.
    pub(super) async fn pass(&self) {
        if let Ok(permit) = self.permits.try_acquire() {
            return permit.forget();
        }
        if self.permits.is_closed() {
            return;
        }
        self.waiting.send_replace(true);
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
        self.waiting.send_replace(false);
    }
}
