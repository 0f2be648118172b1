//! Messages that a running turn takes in: its lane offers them, the turn takes them before it next calls the
//! model. What was not taken when the turn ends stays the lane's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What one turn is offered: run ids of accepted messages. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Mailbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    offered: Mutex<VecDeque<String>>,
    news: Notify,
}

impl Mailbox {
    /// Offers a message.
    pub fn offer(&self, run_id: &str) {
        self.lock().push_back(run_id.to_owned());
        self.0.news.notify_one();
    }

    /// Takes the offer back, unless it was taken.
    pub fn withdraw(&self, run_id: &str) {
        self.lock().retain(|offered| offered != run_id);
    }

    /// All that is offered now, in order; it is the turn's from here on.
    pub(super) fn take(&self) -> VecDeque<String> {
        std::mem::take(&mut *self.lock())
    }

    /// Resolves after something was offered; whether it still is.
    pub(super) async fn news(&self) -> bool {
        self.0.news.notified().await;
        !self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.offered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
