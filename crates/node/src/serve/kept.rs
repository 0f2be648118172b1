//! Answers by their keys: who asks the same again gets the same answer, running or done (N-5.11). A connection may be
//! lost between an answer and its caller; what was done is not done twice.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use wire::methods::node::InvokeRequest;

use super::Outcome;
use crate::commands::Refusal;

/// How long an answer is kept.
const KEPT_FOR: Duration = Duration::from_secs(5 * 60);
/// How much is kept, in answers and in their bytes.
const KEPT_ANSWERS: usize = 256;
const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// What runs and what was done.
#[derive(Default)]
pub(super) struct Kept(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    calls: HashMap<String, Call>,
    /// Keys of what is done, oldest first, with the time and the bytes of the answer.
    done: VecDeque<(String, Instant, usize)>,
    bytes: usize,
}

struct Call {
    command: String,
    /// The digest of the params, which may be megabytes.
    params: [u8; 32],
    outcome: watch::Receiver<Option<Outcome>>,
}

/// Whose call it is.
pub(super) enum Joined<'a> {
    /// Nobody's yet: do it, and say what came of it.
    First(First<'a>),
    /// The same as one before.
    Same(Same),
    /// Another one's key.
    Other,
}

/// The duty to say what came of a call; dropped without a word, the key is free again.
pub(super) struct First<'a> {
    kept: &'a Kept,
    key: String,
    tell: watch::Sender<Option<Outcome>>,
}

/// A call that somebody else does, or did.
pub(super) struct Same(watch::Receiver<Option<Outcome>>);

impl Kept {
    /// Finds the call of this key.
    pub(super) fn join(&self, key: &str, request: &InvokeRequest) -> Joined<'_> {
        let mut inner = self.lock();
        inner.forget_old(Instant::now());
        let params = Sha256::digest(request.params_json.as_deref().unwrap_or_default()).into();
        if let Some(call) = inner.calls.get(key) {
            let is_same = call.command == request.command && call.params == params;
            return if is_same { Joined::Same(Same(call.outcome.clone())) } else { Joined::Other };
        }
        let (tell, outcome) = watch::channel(None);
        let call = Call { command: request.command.clone(), params, outcome };
        inner.calls.insert(key.to_owned(), call);
        Joined::First(First { kept: self, key: key.to_owned(), tell })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl First<'_> {
    /// Keeps the outcome for who asks again. What is not ready now may be later.
    pub(super) fn done(self, outcome: &Outcome) {
        self.tell.send_replace(Some(outcome.clone()));
        let bytes = outcome.as_ref().map_or(0, |text| text.len());
        let mut inner = self.kept.lock();
        inner.bytes += bytes;
        inner.done.push_back((self.key.clone(), Instant::now(), bytes));
        inner.forget_old(Instant::now());
    }
}

impl Drop for First<'_> {
    fn drop(&mut self) {
        if self.tell.borrow().is_none() {
            self.kept.lock().calls.remove(&self.key);
        }
    }
}

impl Same {
    /// Waits for what comes of it.
    pub(super) async fn outcome(mut self) -> Outcome {
        let done = self.0.wait_for(Option::is_some).await;
        let outcome = done.ok().and_then(|done| done.clone());
        outcome.unwrap_or_else(|| Err(Refusal { code: "ABORTED", message: "the same call was cancelled".into() }))
    }
}

impl Inner {
    fn forget_old(&mut self, now: Instant) {
        while let Some((key, at, bytes)) = self.done.front() {
            let fits = self.bytes <= KEPT_BYTES && self.done.len() <= KEPT_ANSWERS;
            if fits && now.duration_since(*at) < KEPT_FOR {
                return;
            }
            self.calls.remove(key);
            self.bytes -= bytes;
            self.done.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(command: &str, params: &str) -> InvokeRequest {
        let (command, params_json) = (command.into(), Some(params.into()));
        InvokeRequest {
            id: "i".into(),
            node_id: "n".into(),
            command,
            params_json,
            timeout_ms: None,
            idempotency_key: None,
        }
    }

    /// N-5.11
    #[tokio::test]
    async fn a_key_is_one_call_running_or_done_and_free_again_when_it_was_cancelled() {
        let kept = Kept::default();
        let Joined::First(first) = kept.join("k", &request("a", "1")) else { panic!("nobody had it") };
        let Joined::Same(waiting) = kept.join("k", &request("a", "1")) else { panic!("it runs") };
        assert!(matches!(kept.join("k", &request("a", "2")), Joined::Other));
        assert!(matches!(kept.join("k", &request("b", "1")), Joined::Other));
        first.done(&Ok("x".into()));
        assert_eq!(waiting.outcome().await, Ok("x".into()));
        let Joined::Same(again) = kept.join("k", &request("a", "1")) else { panic!("it is kept") };
        assert_eq!(again.outcome().await, Ok("x".into()));

        let Joined::First(first) = kept.join("c", &request("a", "1")) else { panic!("nobody had it") };
        let Joined::Same(waiting) = kept.join("c", &request("a", "1")) else { panic!("it runs") };
        drop(first);
        assert_eq!(waiting.outcome().await.unwrap_err().code, "ABORTED");
        assert!(matches!(kept.join("c", &request("a", "2")), Joined::First(_)), "free again");
    }

    /// N-5.11: what is kept is bounded.
    #[test]
    fn old_answers_make_room() {
        let kept = Kept::default();
        for number in 0..KEPT_ANSWERS + 20 {
            let Joined::First(first) = kept.join(&number.to_string(), &request("a", "1")) else { panic!("new") };
            first.done(&Ok("x".repeat(KEPT_BYTES / 100).into()));
        }
        let inner = kept.lock();
        assert!(inner.bytes <= KEPT_BYTES && inner.done.len() <= 100 && inner.calls.len() == inner.done.len());
    }
}
