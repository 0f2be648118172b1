//! Asking people whether a command may run (N-12.11…12.18). A question waits in memory and in the store; whoever ends it
//! in the store first has decided it. A yes becomes a permit for exactly what was asked, which the one place that asks
//! nodes checks (N-11.11).

mod desk;
mod elsewhere;
mod legible;
mod note;
mod permit;
mod port;
mod question;
mod route;
mod show;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use store::{ApprovalEnd, ApprovalRecord, Resolver, Settled, Store, StoreError};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use wire::methods::exec_approval::{Decision, TerminalReason};
use wire::methods::sessions::ApprovalReplay;
use wire::{ErrorShape, SessionKey, events};

pub(crate) use self::desk::Found;
use self::desk::{Desk, taken};
pub(crate) use self::elsewhere::{Elsewhere, Told};
pub(crate) use self::permit::Refused;
pub(crate) use self::question::{Question, Requester};
pub(crate) use self::route::Route;
pub(crate) use self::show::{decided, ending, snapshot};
use crate::fault;
use crate::hub::{Hub, Reach, Topic};
use crate::rpc::Caller;

/// How long after the end a decision can still be waited for (N-12.15), in milliseconds.
const LATE_MS: i64 = 15_000;
/// How long whoever waits has to hear that the Gateway is going down.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
/// Questions that a client is told of when it subscribes to a session.
const REPLAYED_MAX: usize = 100;

/// The desk where people are asked; cheap to clone.
#[derive(Clone)]
pub(crate) struct Approvals(Arc<Inner>);

struct Inner {
    store: Store,
    hub: Hub,
    desk: Desk,
    elsewhere: Arc<dyn Elsewhere>,
    clocks: TaskTracker,
}

/// A question that was asked.
pub(crate) enum Asked {
    /// It waits for a person.
    Waits(Waiting),
    /// It was over at once.
    Over(Box<(ApprovalRecord, ApprovalEnd)>),
}

/// The end of a question, awaited.
pub(crate) struct Waiting {
    /// What is asked.
    pub(crate) question: Arc<Question>,
    /// How it got to a person.
    pub(crate) route: Route,
    ended: watch::Receiver<Option<ApprovalEnd>>,
}

impl Waiting {
    /// Waits for it.
    pub(crate) async fn end(mut self) -> (ApprovalRecord, ApprovalEnd) {
        (self.question.record(), ended(&mut self.ended).await)
    }
}

/// Who decides, and what that one is called.
pub(crate) struct Decider {
    resolver: Resolver,
    name: String,
}

impl Decider {
    /// A client.
    pub(crate) fn client(who: &Caller) -> Self {
        let name = who.client.display_name.clone().filter(|name| !name.trim().is_empty());
        let resolver = match &who.device_id {
            Some(id) => Resolver { kind: "device".into(), id: Some(id.clone()) },
            None => Resolver { kind: "runtime".into(), id: Some(who.client.id.clone()) },
        };
        Self { resolver, name: name.unwrap_or_else(|| who.client.id.clone()) }
    }

    /// Somebody in a chat, by the channel's id of them.
    pub(crate) fn chat(channel: &str, id: &str, name: &str) -> Self {
        let resolver = Resolver { kind: "channel".into(), id: Some(format!("{channel}:{id}")) };
        let name = if name.trim().is_empty() { format!("{channel}:{id}") } else { name.to_owned() };
        Self { resolver, name }
    }
}

/// What became of an attempt to decide.
pub(crate) struct Verdict {
    /// Whether this attempt decided it.
    pub(crate) applied: bool,
    /// The question.
    pub(crate) record: ApprovalRecord,
    /// How it ended.
    pub(crate) end: ApprovalEnd,
}

impl Approvals {
    /// Over this store; what waited when the last Gateway ended waits no more.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(crate) async fn start(store: Store, hub: Hub, elsewhere: Arc<dyn Elsewhere>) -> Result<Self, StoreError> {
        let left = store.settle_waiting_approvals(by_itself(TerminalReason::GatewayRestart)).await?;
        if left > 0 {
            tracing::info!(left, "questions of the last run wait no more");
        }
        Ok(Self(Arc::new(Inner { store, hub, desk: Desk::default(), elsewhere, clocks: TaskTracker::new() })))
    }

    /// The way to a person, if there is one.
    pub(crate) fn route(&self, session: Option<&SessionKey>) -> Option<Route> {
        Route::now(&self.0.hub, session).or_else(|| self.0.elsewhere.is_anybody().then_some(Route::Chat))
    }

    /// Asks; without a route the question is over at once and counts as denied (N-12.12).
    ///
    /// # Errors
    /// When its id was used before, too many wait, or it could not be made durable.
    pub(crate) async fn put(&self, question: Question, route: Option<Route>) -> Result<Asked, ErrorShape> {
        let mut record = question.record();
        let Some(route) = route else {
            let end = by_itself(TerminalReason::NoRoute);
            record.end = Some(end.clone());
            self.keep(record.clone()).await?;
            tracing::info!(approval = %record.id, "nobody is here who could allow a command");
            return Ok(Asked::Over(Box::new((record, end))));
        };
        let question = Arc::new(question);
        let ended = self.0.desk.open(&question)?;
        if let Err(error) = self.keep(record).await {
            self.0.desk.forget(&question.id);
            return Err(error);
        }
        tracing::info!(approval = %question.id, "a command waits for a person; run: openclaw approvals pending");
        self.tell_asked(&question);
        self.0.elsewhere.ask(question.told()).await;
        self.0.clocks.spawn(self.clone().expire(question.clone(), ended.clone()));
        Ok(Asked::Waits(Waiting { question, route, ended }))
    }

    /// A person's word. The first one counts.
    ///
    /// # Errors
    /// `APPROVAL_NOT_FOUND`, a decision that cannot be made here, or a store that fails.
    pub(crate) async fn decide(&self, id: &str, decision: Decision, by: Decider) -> Result<Verdict, ErrorShape> {
        let Some((question, _)) = self.0.desk.get(id) else {
            let record = self.0.store.approval(id).await.map_err(fault::store)?;
            return record.and_then(Verdict::before).ok_or_else(not_found);
        };
        if !question.allowed.contains(&decision) {
            return Err(unavailable_decision(decision));
        }
        if base::now_ms() >= question.expires_at_ms {
            self.give_up(id, TerminalReason::Timeout).await;
        }
        let end = ApprovalEnd {
            at_ms: base::now_ms(),
            reason: TerminalReason::User,
            decision: Some(decision),
            resolver: by.resolver,
            name: Some(by.name),
        };
        match self.0.store.settle_approval(id, end.clone()).await.map_err(fault::store)? {
            Settled::Now(record) => {
                self.over(id, &end);
                Ok(Verdict { applied: true, record, end })
            }
            Settled::Before(record) => Verdict::before(record).ok_or_else(not_found),
            Settled::Unknown => Err(not_found()),
        }
    }

    /// Waits for the end of a question; what ended a moment ago is answered too (N-12.15).
    ///
    /// # Errors
    /// `APPROVAL_NOT_FOUND`.
    pub(crate) async fn wait(&self, id: &str) -> Result<(ApprovalRecord, ApprovalEnd), ErrorShape> {
        if let Some((question, mut end)) = self.0.desk.get(id) {
            return Ok((question.record(), ended(&mut end).await));
        }
        let record = self.0.store.approval(id).await.map_err(fault::store)?.ok_or_else(not_found)?;
        match record.end.clone() {
            Some(end) if base::now_ms() < end.at_ms.saturating_add(LATE_MS) => Ok((record, end)),
            _ => Err(not_found()),
        }
    }

    /// The questions that wait, oldest first.
    pub(crate) fn waiting(&self) -> Vec<Arc<Question>> {
        self.0.desk.waiting()
    }

    /// A question that waits.
    ///
    /// # Errors
    /// `APPROVAL_NOT_FOUND`.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<Question>, ErrorShape> {
        self.0.desk.get(id).map(|(question, _)| question).ok_or_else(not_found)
    }

    /// The question that waits whose id begins with `start`.
    pub(crate) fn find(&self, start: &str) -> Found {
        self.0.desk.find(start)
    }

    /// What waits in a session, for a client that begins to follow it.
    pub(crate) fn replay(&self, session: &SessionKey) -> ApprovalReplay {
        let waiting = self.0.desk.waiting();
        let of_session = waiting.iter().filter(|question| question.session.as_ref() == Some(session));
        let mut approvals: Vec<Value> = of_session.map(|question| snapshot(&question.record())).collect();
        let truncated = approvals.len() > REPLAYED_MAX;
        approvals.truncate(REPLAYED_MAX);
        ApprovalReplay { session_key: session.to_string(), updated_at_ms: base::now_ms(), approvals, truncated }
    }

    /// What is sent to a node in the place of `params`, which claim to be approved under `id`.
    ///
    /// # Errors
    /// [`Refused`] in the protocol's words, or a store that fails.
    pub(crate) async fn admit(
        &self,
        id: &str,
        node_id: &str,
        by: &Requester,
        params: &Map<String, Value>,
    ) -> Result<Map<String, Value>, ErrorShape> {
        if let Some(admitted) = self.0.desk.admit(id, node_id, by, params) {
            return admitted.map_err(ErrorShape::from);
        }
        let record = self.0.store.approval(id).await.map_err(fault::store)?;
        Err(record.map_or(Refused::Unknown, |record| without_permit(&record)).into())
    }

    /// Asks nobody any more; what waits is over.
    pub(crate) async fn close(&self) {
        let waiting = self.0.desk.close();
        let ends = waiting.iter().map(async |(id, waiters)| {
            self.give_up(id, TerminalReason::GatewayRestart).await;
            waiters.closed().await;
        });
        let told = tokio::time::timeout(TOLD_WITHIN, futures_util::future::join_all(ends)).await;
        if told.is_err() {
            tracing::warn!("not everyone who waited for a decision heard that there will be none");
        }
        self.0.clocks.close();
    }

    /// Ends a question nobody decided, unless somebody did.
    async fn give_up(&self, id: &str, reason: TerminalReason) {
        let end = by_itself(reason);
        match self.0.store.settle_approval(id, end.clone()).await {
            Ok(Settled::Now(_) | Settled::Unknown) => self.over(id, &end),
            // Whoever was first sees to the rest.
            Ok(Settled::Before(_)) => {}
            Err(error) => {
                tracing::error!(approval = %id, %error, "the end of a question was not written down");
                self.over(id, &end);
            }
        }
    }

    async fn expire(self, question: Arc<Question>, mut end: watch::Receiver<Option<ApprovalEnd>>) {
        let left = question.expires_at_ms.saturating_sub(base::now_ms()).max(0).unsigned_abs();
        if tokio::time::timeout(Duration::from_millis(left), ended(&mut end)).await.is_err() {
            self.give_up(&question.id, TerminalReason::Timeout).await;
        }
    }

    async fn keep(&self, record: ApprovalRecord) -> Result<(), ErrorShape> {
        if self.0.store.put_approval(record).await.map_err(fault::store)? { Ok(()) } else { Err(taken()) }
    }

    fn tell_asked(&self, question: &Question) {
        let hub = &self.0.hub;
        hub.broadcast(&events::EXEC_APPROVAL_REQUESTED, &question.row());
        if let Some(session) = &question.session {
            self.tell_session(session, "pending", &question.record());
            note::post(hub, question, session);
        }
    }

    /// A question is over: a yes counts from now on, whoever waits goes on, and everyone is told.
    fn over(&self, id: &str, end: &ApprovalEnd) {
        let Some(question) = self.0.desk.end(id, end) else { return };
        tracing::info!(approval = %id, reason = ?end.reason, decision = ?end.decision, "a question is over");
        self.0.hub.broadcast(&events::EXEC_APPROVAL_RESOLVED, &question.resolved(end));
        self.0.clocks.spawn(self.0.elsewhere.over(id.to_owned(), ending(end)));
        if let Some(session) = &question.session {
            let record = ApprovalRecord { end: Some(end.clone()), ..question.record() };
            self.tell_session(session, "terminal", &record);
        }
    }

    fn tell_session(&self, session: &SessionKey, phase: &str, record: &ApprovalRecord) {
        let event = json!({
            "sessionKey": session, "updatedAtMs": base::now_ms(), "phase": phase, "approval": snapshot(record),
        });
        let reach = Reach::Followers(vec![Topic::SessionApprovals(session.clone())]);
        self.0.hub.broadcast_to(&events::SESSION_APPROVAL, &event, reach);
    }
}

impl Verdict {
    fn before(record: ApprovalRecord) -> Option<Self> {
        let end = record.end.clone()?;
        Some(Self { applied: false, record, end })
    }
}

/// The end, once there is one; a desk that is gone ends what waits.
async fn ended(end: &mut watch::Receiver<Option<ApprovalEnd>>) -> ApprovalEnd {
    let ended = end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
    ended.unwrap_or_else(|| by_itself(TerminalReason::GatewayRestart))
}

fn by_itself(reason: TerminalReason) -> ApprovalEnd {
    let resolver = Resolver { kind: "system".into(), id: None };
    ApprovalEnd { at_ms: base::now_ms(), reason, decision: None, resolver, name: None }
}

/// Why a question without a permit lets nothing through.
fn without_permit(record: &ApprovalRecord) -> Refused {
    let allowed = record.end.as_ref().and_then(|end| end.decision).is_some_and(Decision::allows);
    match (allowed, base::now_ms() >= record.expires_at_ms) {
        (_, true) => Refused::Expired,
        (true, false) => Refused::Unknown,
        (false, false) => Refused::Required,
    }
}

/// `APPROVAL_NOT_FOUND`.
pub(crate) fn not_found() -> ErrorShape {
    ErrorShape::new(wire::ErrorCode::ApprovalNotFound, "unknown or expired approval id")
        .with(json!({"code": "APPROVAL_NOT_FOUND", "reason": "APPROVAL_NOT_FOUND"}))
}

fn unavailable_decision(decision: Decision) -> ErrorShape {
    let code = "APPROVAL_DECISION_UNAVAILABLE";
    ErrorShape::invalid(format!("`{}` cannot be said to this question", decision.as_str()))
        .with(json!({"code": code, "reason": code}))
}
