//! Calls by their callers' keys (N-5.11): a caller that repeats its key gets the same call, running or done.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use wire::ErrorShape;
use wire::methods::node::{InvokeParams, InvokeResult};

/// How long an answer is kept for a caller that repeats its key.
const KEPT_FOR: Duration = Duration::from_secs(5 * 60);
/// How much of the answers is kept.
const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// How a call ended.
pub(super) type Outcome = Result<InvokeResult, ErrorShape>;

/// The calls, by node and key.
#[derive(Default)]
pub(crate) struct Keys(Mutex<Known>);

#[derive(Default)]
struct Known {
    calls: HashMap<(String, String), Kept>,
    /// Done ones, oldest first.
    done: VecDeque<(Instant, (String, String), usize)>,
    bytes: usize,
}

struct Kept {
    command: String,
    params: Said,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// What the params were: the text itself, or the digest of one that is longer.
#[derive(PartialEq, Eq)]
enum Said {
    Text(String),
    Digest([u8; 32]),
}

impl Said {
    /// Longest text that is kept.
    const KEPT_BYTES: usize = 256;

    fn of(params: Option<&Value>) -> Self {
        let text = params.map_or_else(String::new, Value::to_string);
        if text.len() <= Self::KEPT_BYTES { Self::Text(text) } else { Self::Digest(Sha256::digest(text).into()) }
    }
}

pub(super) enum Joined<'a> {
    First(First<'a>),
    Again(watch::Receiver<Option<Outcome>>),
}

/// The one that makes a call; others of the same key wait for what it makes of it.
pub(super) struct First<'a> {
    keys: &'a Keys,
    key: (String, String),
    tell: watch::Sender<Option<Outcome>>,
    done: bool,
}

impl Keys {
    pub(super) fn join(&self, asked: &InvokeParams) -> Result<Joined<'_>, ErrorShape> {
        let key = (asked.node_id.clone(), asked.idempotency_key.clone());
        let params = Said::of(asked.params.as_ref());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.forget(Instant::now());
        if let Some(kept) = known.calls.get(&key) {
            if kept.command != asked.command || kept.params != params {
                return Err(ErrorShape::invalid("idempotencyKey was used for another call of this node"));
            }
            return Ok(Joined::Again(kept.outcome.clone()));
        }
        let (tell, outcome) = watch::channel(None);
        known.calls.insert(key.clone(), Kept { command: asked.command.clone(), params, outcome });
        Ok(Joined::First(First { keys: self, key, tell, done: false }))
    }
}

impl First<'_> {
    /// Keeps the outcome for who asks again. What never reached a node is not kept: asking again may help.
    pub(super) fn done(mut self, outcome: &Outcome) {
        let dispatched = |error: &ErrorShape| {
            error.details.as_ref().is_some_and(|details| details["nodeCommandDispatched"] == json!(true))
        };
        self.tell.send_replace(Some(outcome.clone()));
        if outcome.as_ref().map_or_else(dispatched, |_| true) {
            self.done = true;
            let bytes = outcome.as_ref().map_or(0, |result| {
                result.payload_json.as_ref().map_or_else(|| result.payload.to_string().len(), String::len)
            });
            let mut known = self.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.bytes += bytes;
            known.done.push_back((Instant::now(), self.key.clone(), bytes));
        }
    }
}

impl Drop for First<'_> {
    fn drop(&mut self) {
        if !self.done {
            let mut known = self.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.calls.remove(&self.key);
        }
    }
}

impl Known {
    fn forget(&mut self, now: Instant) {
        while let Some((at, key, bytes)) = self.done.front() {
            if now.duration_since(*at) < KEPT_FOR && self.bytes <= KEPT_BYTES {
                return;
            }
            self.bytes -= bytes;
            self.calls.remove(key);
            self.done.pop_front();
        }
    }
}
