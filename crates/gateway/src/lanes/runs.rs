//! Every run that was accepted and has not ended: who waits for it, what it has said, how to stop it.
//!
//! Owned by the lanes; rows, histories and `agent.wait` read it. What has ended is in the store.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent::run::Control;
use store::Answer;
use tokio::sync::{mpsc, watch};
use wire::SessionKey;

use super::report::Seq;

/// One run that has not ended.
pub(crate) struct Run {
    /// Its id; the sender's idempotency key.
    pub(crate) id: String,
    /// Where.
    pub(crate) session: SessionKey,
    /// Stops it.
    pub(super) control: Control,
    /// Numbers its events.
    pub(super) seq: Seq,
    /// Rises with every accepted run, so that runs can be told in order.
    order: u64,
    /// 0 until it starts.
    started_at: AtomicI64,
    text: Mutex<String>,
    /// The tool that is at work.
    tool: Mutex<Option<String>>,
    ended: watch::Sender<bool>,
}

/// A run whose answer goes to a chat, told to whoever shows there that it is under way.
pub(crate) struct Followed {
    /// The run.
    pub(crate) run: Arc<Run>,
    /// Where its answer goes.
    pub(crate) answer: Answer,
}

impl Run {
    /// When it started, in milliseconds; `None` while it waits for its turn.
    pub(crate) fn started_at(&self) -> Option<i64> {
        Some(self.started_at.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    /// What it has said so far.
    pub(crate) fn text(&self) -> String {
        lock(&self.text).clone()
    }

    /// The tool that is at work, if one is.
    pub(crate) fn tool(&self) -> Option<String> {
        lock(&self.tool).clone()
    }

    pub(super) fn works(&self, tool: Option<String>) {
        *lock(&self.tool) = tool;
    }

    /// Waits until it has ended and its outcome, if it has one, is in the store.
    pub(crate) async fn ended(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let mut ended = self.ended.subscribe();
        let _ended = ended.wait_for(|ended| *ended).await;
    }

    pub(super) fn start(&self, at: i64) {
        self.started_at.store(at, Ordering::Relaxed);
    }

    pub(super) fn says(&self, text: &str) {
        let mut said = lock(&self.text);
        if *said != text {
            text.clone_into(&mut said);
        }
    }
}

/// The runs that have not ended; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Runs {
    book: Arc<Mutex<Book>>,
    /// Unbounded: each is a message that is durable already.
    followers: Option<mpsc::UnboundedSender<Followed>>,
}

#[derive(Default)]
struct Book {
    accepted: u64,
    runs: HashMap<String, Arc<Run>>,
}

impl Runs {
    /// No runs yet. Those whose answer goes to a chat come out of the second.
    pub(crate) fn followed() -> (Self, mpsc::UnboundedReceiver<Followed>) {
        let (followers, followed) = mpsc::unbounded_channel();
        (Self { book: Arc::default(), followers: Some(followers) }, followed)
    }

    /// The answer of `run` goes to a chat.
    pub(super) fn follow(&self, run: &Arc<Run>, answer: &Answer) {
        if let Some(followers) = &self.followers {
            let _going_down = followers.send(Followed { run: run.clone(), answer: answer.clone() });
        }
    }

    /// The run, if it has not ended.
    pub(crate) fn get(&self, run_id: &str) -> Option<Arc<Run>> {
        lock(&self.book).runs.get(run_id).cloned()
    }

    /// Any of them.
    pub(crate) fn any(&self) -> Option<Arc<Run>> {
        lock(&self.book).runs.values().next().cloned()
    }

    /// The runs of a session: the active one, then those that wait, in order.
    pub(crate) fn of(&self, session: &SessionKey) -> Vec<Arc<Run>> {
        let mut runs: Vec<_> = lock(&self.book).runs.values().filter(|run| run.session == *session).cloned().collect();
        runs.sort_by_key(|run| run.order);
        runs
    }

    /// Enters a run; `None` when it is here already.
    pub(super) fn enter(&self, run_id: &str, session: &SessionKey) -> Option<Arc<Run>> {
        let mut book = lock(&self.book);
        if book.runs.contains_key(run_id) {
            return None;
        }
        book.accepted += 1;
        let run = Arc::new(Run {
            id: run_id.into(),
            session: session.clone(),
            control: Control::new(),
            seq: Seq::default(),
            order: book.accepted,
            started_at: AtomicI64::new(0),
            text: Mutex::default(),
            tool: Mutex::default(),
            ended: watch::Sender::new(false),
        });
        book.runs.insert(run_id.into(), run.clone());
        Some(run)
    }

    /// The run is over; whoever waits for it goes on.
    pub(super) fn leave(&self, run: &Run) {
        lock(&self.book).runs.remove(&run.id);
        run.ended.send_replace(true);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::AgentId;

    ///
    #[tokio::test]
    async fn a_run_is_entered_once_and_those_who_wait_go_on_when_it_leaves() {
        let (runs, session) = (Runs::default(), SessionKey::main(&AgentId::main(), "main"));
        let run = runs.enter("a", &session).unwrap();
        assert!(runs.enter("a", &session).is_none());
        runs.enter("b", &session).unwrap();
        let ids: Vec<_> = runs.of(&session).iter().map(|run| run.id.clone()).collect();
        assert_eq!(ids, ["a", "b"]);
        runs.leave(&run);
        run.ended().await;
        assert!(runs.get("a").is_none());
        assert!(runs.enter("a", &session).is_some());
    }
}
