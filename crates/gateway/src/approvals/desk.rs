//! The questions that wait, and what may be done since somebody said yes. In memory only: a permit does not outlive the
//! Gateway that was asked. Pure but for the lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use store::ApprovalEnd;
use tokio::sync::watch;
use wire::ErrorShape;

use super::permit::{Permit, Refused};
use super::question::{Question, Requester};

/// Questions that may wait at once; nobody answers more.
const WAITING_MAX: usize = 256;
/// Permits that are remembered; then the one that ends first is forgotten.
const PERMITS_MAX: usize = 1024;

type Ended = watch::Receiver<Option<ApprovalEnd>>;
type Tell = watch::Sender<Option<ApprovalEnd>>;

/// Questions and permits.
#[derive(Default)]
pub(super) struct Desk(Mutex<Book>);

#[derive(Default)]
struct Book {
    waiting: HashMap<String, (Arc<Question>, Tell)>,
    permits: HashMap<String, Permit>,
    closed: bool,
}

/// What the beginning of an id leads to.
pub(crate) enum Found {
    /// This question.
    One(Arc<Question>),
    /// Several.
    Many(usize),
    /// None that waits.
    None,
}

impl Desk {
    /// Takes a question in.
    ///
    /// # Errors
    /// When its id waits already, when too many wait, or when the Gateway is going down.
    pub(super) fn open(&self, question: &Arc<Question>) -> Result<Ended, ErrorShape> {
        let mut book = self.lock();
        if book.closed {
            return Err(ErrorShape::unavailable("the Gateway is going down").retryable(true));
        }
        if book.waiting.contains_key(&question.id) {
            return Err(taken());
        }
        if book.waiting.len() >= WAITING_MAX {
            let message = format!("{WAITING_MAX} questions wait already; decide some: openclaw approvals pending");
            return Err(ErrorShape::unavailable(message).retryable(true));
        }
        let (tell, ended) = watch::channel(None);
        book.waiting.insert(question.id.clone(), (question.clone(), tell));
        Ok(ended)
    }

    /// Ends a question: a yes becomes a permit, and then whoever waits goes on.
    pub(super) fn end(&self, id: &str, end: &ApprovalEnd) -> Option<Arc<Question>> {
        let mut book = self.lock();
        let (question, tell) = book.waiting.remove(id)?;
        if let Some(decision) = end.decision.filter(|decision| decision.allows()) {
            book.allow(
                id,
                end.at_ms,
                Permit {
                    requester: question.requester.clone(),
                    bound: question.bound.clone(),
                    decision,
                    expires_at_ms: question.expires_at_ms,
                    used: false,
                },
            );
        }
        tell.send_replace(Some(end.clone()));
        Some(question)
    }

    /// Forgets a question that was never asked.
    pub(super) fn forget(&self, id: &str) {
        self.lock().waiting.remove(id);
    }

    /// No more questions; those that wait, and their waiters, which are gone when the sender is closed.
    pub(super) fn close(&self) -> Vec<(String, Tell)> {
        let mut book = self.lock();
        book.closed = true;
        book.waiting.iter().map(|(id, (_, tell))| (id.clone(), tell.clone())).collect()
    }

    /// The questions that wait, oldest first.
    pub(super) fn waiting(&self) -> Vec<Arc<Question>> {
        let mut waiting: Vec<_> = self.lock().waiting.values().map(|(question, _)| question.clone()).collect();
        waiting.sort_by(|a, b| (a.created_at_ms, &a.id).cmp(&(b.created_at_ms, &b.id)));
        waiting
    }

    /// A question that waits.
    pub(super) fn get(&self, id: &str) -> Option<(Arc<Question>, Ended)> {
        self.lock().waiting.get(id).map(|(question, tell)| (question.clone(), tell.subscribe()))
    }

    /// The question that waits whose id is, or alone begins with, `start`.
    pub(super) fn find(&self, start: &str) -> Found {
        let book = self.lock();
        if let Some((question, _)) = book.waiting.get(start) {
            return Found::One(question.clone());
        }
        let mut fitting = book.waiting.values().map(|(question, _)| question).filter(|q| q.id.starts_with(start));
        match (fitting.next(), fitting.count()) {
            (Some(question), 0) => Found::One(question.clone()),
            (Some(_), more) => Found::Many(more + 1),
            (None, _) => Found::None,
        }
    }

    /// Uses a permit; `None` when there is none under this id.
    pub(super) fn admit(
        &self,
        id: &str,
        node_id: &str,
        by: &Requester,
        asked: &Map<String, Value>,
    ) -> Option<Result<Map<String, Value>, Refused>> {
        let mut book = self.lock();
        Some(book.permits.get_mut(id)?.admit(base::now_ms(), node_id, by, asked))
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn allow(&mut self, id: &str, now_ms: i64, permit: Permit) {
        self.permits.retain(|_, permit| permit.expires_at_ms > now_ms);
        if self.permits.len() >= PERMITS_MAX
            && let Some(first) = self.permits.iter().min_by_key(|(_, permit)| permit.expires_at_ms)
        {
            let first = first.0.clone();
            self.permits.remove(&first);
        }
        self.permits.insert(id.to_owned(), permit);
    }
}

/// The answer when an id was used before.
pub(super) fn taken() -> ErrorShape {
    ErrorShape::invalid("this approval id was used before")
        .with(serde_json::json!({"code": "APPROVAL_ID_TAKEN", "reason": "APPROVAL_ID_TAKEN"}))
}
