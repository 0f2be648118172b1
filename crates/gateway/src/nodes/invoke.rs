//! `node.invoke`: one call of a node, from the policy to the answer (N-5). A caller that repeats its key gets the same
//! call, running or done; a node never sees it twice (N-5.11).

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::time::{Instant as Moment, timeout_at};
use uuid::Uuid;
use wire::methods::node::{AnswerParams, InvokeCancel, InvokeParams, InvokeRequest, InvokeResult, ProgressParams};
use wire::{ErrorShape, Scope, events};

use super::by::By;
use super::calls::Word;
use super::policy::calling_takes_admin;
use super::{Live, Nodes};
use crate::rpc::unavailable;

/// How long a call may take when nobody says (N-5.1).
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a node may be silent after its first piece, or altogether when the call has no end (N-5.12).
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
/// How often a node that is not ready yet is asked again (N-5.10).
const NOT_READY_TRIES: u32 = 4;
const NOT_READY_PAUSE: Duration = Duration::from_millis(250);
/// How long an answer is kept for a caller that repeats its key.
const KEPT_FOR: Duration = Duration::from_secs(5 * 60);
/// How much of the answers is kept.
const KEPT_BYTES: usize = 8 * 1024 * 1024;
/// Only the approvals' own methods may speak with a node about them (N-4.11).
const BY_APPROVALS_ONLY: &str = "system.execApprovals.";

type Outcome = Result<InvokeResult, ErrorShape>;

impl Nodes {
    /// Asks a node to do something, and waits for its answer.
    ///
    /// # Errors
    /// Which gate the command does not pass (N-4.12), that the node is away, or what it said (N-5.5…5.9).
    pub(crate) async fn invoke(&self, by: By<'_>, asked: InvokeParams) -> Outcome {
        if asked.idempotency_key.trim().is_empty() {
            return Err(ErrorShape::invalid("invalid node.invoke params: at /idempotencyKey: must not be empty"));
        }
        if asked.command.starts_with(BY_APPROVALS_ONLY) {
            let message = format!("node.invoke does not allow {}; use exec.approvals.node.*", asked.command);
            return Err(ErrorShape::invalid(message));
        }
        self.invoke_unguarded(by, asked).await
    }

    /// The same for `exec.approvals.node.*`, which alone may speak of a node's own document (N-4.11, N-12.10).
    ///
    /// # Errors
    /// As [`Nodes::invoke`].
    pub(crate) async fn invoke_for_approvals(&self, by: By<'_>, asked: InvokeParams) -> Outcome {
        by.require(Scope::Admin)?;
        self.invoke_unguarded(by, asked).await
    }

    async fn invoke_unguarded(&self, by: By<'_>, asked: InvokeParams) -> Outcome {
        if calling_takes_admin(&asked.command) {
            by.require(Scope::Admin)?;
        }
        self.may_browse(by, &asked)?;
        let first = match self.calls().keys.join(&asked)? {
            Joined::First(first) => first,
            Joined::Again(mut same) => {
                let done = same.wait_for(Option::is_some).await;
                let outcome = done.ok().and_then(|done| done.clone());
                return outcome.unwrap_or_else(|| Err(failed("ABORTED", "the first caller gave up", true, None)));
            }
        };
        let outcome = self.ask(by, &asked).await;
        first.done(&outcome);
        outcome
    }

    /// The call itself; asked again when the node says that it is not ready (N-5.10).
    async fn ask(&self, by: By<'_>, asked: &InvokeParams) -> Outcome {
        let limit = match asked.timeout_ms {
            None => Some(DEFAULT_TIMEOUT),
            Some(0) => None,
            Some(ms) => Some(Duration::from_millis(ms)),
        };
        let until = limit.map(|limit| Moment::now() + limit);
        let mut tries = 0;
        loop {
            let live = self.allowed(asked).await?;
            let outcome = self.once(by, &live, asked, until).await;
            tries += 1;
            let not_ready =
                matches!(&outcome, Err(Unanswered::Refused { code, touched: false, .. }) if code == "NODE_NOT_READY");
            if !not_ready || tries > NOT_READY_TRIES || until.is_some_and(|until| Moment::now() >= until) {
                return outcome.map_err(Unanswered::into_error);
            }
            tokio::time::sleep(NOT_READY_PAUSE * tries).await;
        }
    }

    /// The node, when it is here and may be asked this.
    async fn allowed(&self, asked: &InvokeParams) -> Result<Live, ErrorShape> {
        let Some(live) = self.find(&asked.node_id) else {
            let known = self.0.store.node(&asked.node_id).await.map_err(unavailable)?;
            return Err(match known {
                None => pairing_changed("node pairing changed before request dispatch"),
                Some(_) => ErrorShape::unavailable("node not connected")
                    .with(json!({"code": "NOT_CONNECTED", "nodeCommandDispatched": false})),
            });
        };
        let verdict = self.policy().judge(live.platform(), &live.declared, live.approved.as_ref(), &asked.command);
        verdict.map_err(|withheld| withheld.refusal(&asked.command, live.request_id.as_deref()))?;
        Ok(live)
    }

    async fn once(
        &self,
        by: By<'_>,
        live: &Live,
        asked: &InvokeParams,
        until: Option<Moment>,
    ) -> Result<InvokeResult, Unanswered> {
        let (id, conn_id) = (Uuid::new_v4().to_string(), live.caller.conn_id);
        let mut call = Underway { nodes: self, id: &id, live, cancel: true };
        let mut words = self.calls().begin(&id, &asked.node_id, conn_id);
        let left = until.map(|until| until.saturating_duration_since(Moment::now()));
        let request = InvokeRequest {
            id: id.clone(),
            node_id: asked.node_id.clone(),
            command: asked.command.clone(),
            params_json: asked.params.as_ref().filter(|params| !params.is_null()).map(Value::to_string),
            timeout_ms: left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
            idempotency_key: Some(asked.idempotency_key.clone()),
        };
        // It may have left between the look and now; then its calls were ended before this one began.
        if self.find(&asked.node_id).is_none_or(|now| now.caller.conn_id != conn_id) {
            call.cancel = false;
            return Err(Unanswered::RouteChanged);
        }
        self.0.hub.to(conn_id, &events::NODE_INVOKE_REQUEST, &request);
        let mut idle_until = until.is_none().then(|| Moment::now() + IDLE_TIMEOUT);
        let mut touched = false;
        loop {
            let deadline = [until, idle_until].into_iter().flatten().min();
            let word = match deadline {
                Some(deadline) => timeout_at(deadline, words.recv()).await,
                None => Ok(words.recv().await),
            };
            match word {
                Err(_) if deadline == until => return Err(Unanswered::Timeout(asked.timeout_ms)),
                Err(_) => return Err(Unanswered::Idle),
                Ok(Some(Word::Chunk { seq, chunk })) => {
                    touched = true;
                    if let Some(conn_id) = by.progress_to() {
                        let (invoke_id, node_id) = (asked.idempotency_key.clone(), asked.node_id.clone());
                        let piece = ProgressParams { invoke_id, node_id, seq, chunk };
                        self.0.hub.to(conn_id, &events::NODE_INVOKE_PROGRESS, &piece);
                    } else {
                        by.hears(chunk);
                    }
                    idle_until = Some(Moment::now() + IDLE_TIMEOUT);
                }
                Ok(Some(Word::Answer(answer))) => {
                    call.cancel = false;
                    return read(*answer, asked, touched);
                }
                Ok(Some(Word::Unpaired)) => {
                    call.cancel = false;
                    return Err(Unanswered::Unpaired);
                }
                Ok(Some(Word::Lost) | None) => {
                    call.cancel = false;
                    return Err(Unanswered::Lost(asked.command.clone()));
                }
            }
        }
    }
}

/// A call that is waited for. When nobody waits any more the node is told to stop (N-5.6, N-5.14).
struct Underway<'a> {
    nodes: &'a Nodes,
    id: &'a str,
    live: &'a Live,
    cancel: bool,
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        let was_open = self.nodes.calls().end(self.id);
        if self.cancel && was_open {
            let node_id = self.live.caller.device_id.clone().unwrap_or_default();
            let cancel = InvokeCancel { invoke_id: self.id.to_owned(), node_id };
            self.nodes.0.hub.to(self.live.caller.conn_id, &events::NODE_INVOKE_CANCEL, &cancel);
        }
    }
}

/// What the node's answer means.
fn read(answer: AnswerParams, asked: &InvokeParams, touched: bool) -> Result<InvokeResult, Unanswered> {
    if !answer.ok {
        let error = answer.error.unwrap_or_default();
        let code = error.code.unwrap_or_else(|| "UNAVAILABLE".into());
        let message = error.message.unwrap_or_else(|| "the node gave no reason".into());
        return Err(Unanswered::Refused { code, message, touched });
    }
    let (payload, payload_json) = match (answer.payload_json, answer.payload) {
        (Some(Value::String(text)), _) => (serde_json::from_str(&text).unwrap_or_default(), Some(text)),
        (Some(Value::Null) | None, payload) => (payload.unwrap_or_default(), None),
        (Some(payload), _) => (payload, None),
    };
    let (node_id, command) = (asked.node_id.clone(), asked.command.clone());
    Ok(InvokeResult { ok: true, node_id, command, payload, payload_json })
}

/// Why there is no answer.
enum Unanswered {
    Refused { code: String, message: String, touched: bool },
    Timeout(Option<u64>),
    Idle,
    Lost(String),
    Unpaired,
    RouteChanged,
}

impl Unanswered {
    fn into_error(self) -> ErrorShape {
        match self {
            Self::Refused { code, message, .. } => {
                let node_error = json!({"code": code, "message": message});
                failed(&code, &message, true, Some(node_error))
            }
            Self::Timeout(ms) => {
                let ms = ms.unwrap_or(u64::try_from(DEFAULT_TIMEOUT.as_millis()).unwrap_or(u64::MAX));
                failed("TIMEOUT", &format!("node did not answer within {ms} ms"), true, None)
            }
            Self::Idle => failed("IDLE_TIMEOUT", "node fell silent in the middle of its answer", true, None),
            Self::Lost(command) => failed("DISCONNECTED", &format!("node disconnected ({command})"), true, None),
            Self::Unpaired => pairing_changed("node pairing changed while invocation was active"),
            Self::RouteChanged => failed("ROUTE_CHANGED", "node reconnected", false, None).retryable(true),
        }
    }
}

/// The answer when a node is not, or not yet, one that may speak (N-3.12, N-5.8).
pub(crate) fn pairing_changed(message: &str) -> ErrorShape {
    ErrorShape::unavailable(message).retryable(true).with(json!({"code": "PAIRING_CHANGED"}))
}

fn failed(code: &str, message: &str, dispatched: bool, node_error: Option<Value>) -> ErrorShape {
    let mut details = json!({"nodeCommandDispatched": dispatched});
    if let Some(error) = node_error {
        details["nodeError"] = error;
    }
    ErrorShape::unavailable(format!("{code}: {message}")).with(details)
}

/// The calls by their callers' keys (N-5.11).
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
    /// The digest of the params, which may be megabytes.
    params: [u8; 32],
    outcome: watch::Receiver<Option<Outcome>>,
}

enum Joined<'a> {
    First(First<'a>),
    Again(watch::Receiver<Option<Outcome>>),
}

/// The one that makes a call; others of the same key wait for what it makes of it.
struct First<'a> {
    keys: &'a Keys,
    key: (String, String),
    tell: watch::Sender<Option<Outcome>>,
    done: bool,
}

impl Keys {
    fn join(&self, asked: &InvokeParams) -> Result<Joined<'_>, ErrorShape> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.forget(Instant::now());
        let key = (asked.node_id.clone(), asked.idempotency_key.clone());
        let params = Sha256::digest(asked.params.as_ref().map_or_else(String::new, Value::to_string)).into();
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
    fn done(mut self, outcome: &Outcome) {
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
