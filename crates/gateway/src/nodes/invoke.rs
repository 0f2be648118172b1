//! `node.invoke`: one call of a node, from the policy to the answer (N-5). A caller that repeats its key gets the same
//! call, running or done; a node never sees it twice (N-5.11).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant as Moment, timeout_at};
use uuid::Uuid;
use wire::methods::node::{
    AnswerParams, InputParams, InvokeCancel, InvokeInput, InvokeParams, InvokeRequest, InvokeResult, ProgressParams,
};
use wire::{ErrorShape, Scope, events};

use super::by::By;
use super::calls::{Heard, Question, Word};
use super::keys::{Joined, Outcome};
use super::pending::waits_for_foreground;
use super::policy::calling_takes_admin;
use super::unanswered::{Unanswered, failed};
use super::{Live, Nodes};
use crate::rpc::{Caller, unavailable};

pub(crate) use super::unanswered::pairing_changed;

/// How long a node may be silent after its first piece, or altogether when the call has no end (N-5.12).
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
/// How often a node that is not ready yet is asked again (N-5.10).
const NOT_READY_TRIES: u32 = 4;
const NOT_READY_PAUSE: Duration = Duration::from_millis(250);
/// Only the approvals' own methods may speak with a node about them (N-4.11).
const BY_APPROVALS_ONLY: &str = "system.execApprovals.";
/// What a phone answers that cannot do it with its app in the background (N-5.16).
const IN_BACKGROUND: &str = "NODE_BACKGROUND_UNAVAILABLE";

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
        if outcome.is_ok() {
            self.0.put_off.done(&asked.node_id, &asked.idempotency_key);
        }
        first.done(&outcome);
        outcome
    }

    /// More for a call under way, from the connection that made it (N-5.13).
    pub(crate) fn input(&self, who: &Caller, more: InputParams) -> Heard {
        let Some(place) = self.calls().next_input(who.conn_id, &more.node_id, &more.invoke_id) else {
            return Heard::Ignored;
        };
        let InputParams { node_id, payload_json, .. } = more;
        let input = InvokeInput { id: place.id, node_id, seq: place.seq, payload_json };
        self.0.hub.to(place.conn_id, &events::NODE_INVOKE_INPUT, &input);
        Heard::Taken
    }

    /// The call itself; asked again when the node says that it is not ready (N-5.10).
    pub(super) async fn ask(&self, by: By<'_>, asked: &InvokeParams) -> Outcome {
        let began = Moment::now();
        let mut tries = 0;
        let asked = &*self.vetted(by, asked).await?;
        loop {
            let live = self.allowed(asked).await?;
            let limit = match asked.timeout_ms {
                None => Some(live.answers_within),
                Some(0) => None,
                Some(ms) => Some(Duration::from_millis(ms)),
            };
            let until = limit.map(|limit| began + limit);
            let outcome = self.once(by, &live, asked, limit, until).await;
            tries += 1;
            let not_ready =
                matches!(&outcome, Err(Unanswered::Refused { code, touched: false, .. }) if code == "NODE_NOT_READY");
            if !not_ready || tries > NOT_READY_TRIES || until.is_some_and(|until| Moment::now() >= until) {
                return outcome.map_err(|why| self.put_off_or_told(by, &live, asked, why));
            }
            tokio::time::sleep(NOT_READY_PAUSE * tries).await;
        }
    }

    /// N-5.16: what a phone cannot do now waits until its app is in front. An agent hears the failure and decides for
    /// itself.
    fn put_off_or_told(&self, by: By<'_>, live: &Live, asked: &InvokeParams, why: Unanswered) -> ErrorShape {
        let can_wait = matches!(&why, Unanswered::Refused { code, .. } if code == IN_BACKGROUND)
            && waits_for_foreground(&asked.command)
            && matches!(by, By::Client(_));
        let params = asked.params.as_ref().filter(|params| !params.is_null()).map(Value::to_string);
        let put = || self.0.put_off.put(live.debtor(), &asked.idempotency_key, &asked.command, params, base::now_ms());
        let queued = can_wait.then(put).flatten();
        let (Some(id), Unanswered::Refused { code, message, .. }) = (queued, &why) else { return why.into_error() };
        let said = format!("{code}: {message}; it waits until the app is in front");
        ErrorShape::unavailable(said).retryable(true).with(json!({
            "code": "QUEUED_UNTIL_FOREGROUND", "queuedActionId": id, "nodeId": asked.node_id, "command": asked.command,
            "wake": live.wake(), "nodeError": {"code": code, "message": message},
        }))
    }

    /// The node, when it is here and may be asked this.
    pub(super) async fn allowed(&self, asked: &InvokeParams) -> Result<Arc<Live>, ErrorShape> {
        let Some(live) = self.find(&asked.node_id) else {
            let known = self.0.store.node(&asked.node_id).await.map_err(unavailable)?;
            return Err(match known {
                None => pairing_changed("node pairing changed before request dispatch"),
                // N-8.5: no push is sent, so nobody can be woken.
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
        limit: Option<Duration>,
        until: Option<Moment>,
    ) -> Result<InvokeResult, Unanswered> {
        let (id, conn_id) = (Uuid::new_v4().to_string(), live.caller.conn_id);
        let mut call = Underway { nodes: self, id: &id, live, cancel: true };
        let asker = by.conn_id().map(|conn_id| (conn_id, asked.idempotency_key.clone()));
        let (node_id, command) = (asked.node_id.clone(), asked.command.clone());
        let mut words = self.calls().begin(&id, Question { node_id, command, conn_id, asker });
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
        let Some(now) = self.find(&asked.node_id).filter(|now| now.caller.conn_id == conn_id) else {
            call.cancel = false;
            return Err(Unanswered::RouteChanged);
        };
        if !now.may(&self.policy(), &asked.command) {
            call.cancel = false;
            return Err(Unanswered::Withdrawn);
        }
        self.issue(live, asked);
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
                Err(_) if deadline == until => return Err(Unanswered::Timeout(limit.unwrap_or_default())),
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
                Ok(Some(Word::Withdrawn)) => return Err(Unanswered::Withdrawn),
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
