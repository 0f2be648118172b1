//! Sends one thing: plans it, makes its calls one by one, and keeps on disk how far it got.

use std::sync::Arc;
use std::time::Duration;

use channels::{Body, Part, Receipt, Say, SendError, Transport};
use serde_json::Value;
use store::{End, NewOutgoing, Outgoing, PartState, Route, StoreError};
use tokio_util::sync::CancellationToken;

use super::plan::plan;
use super::repair::{Step, Tried};
use crate::chats::Live;
use crate::services::Services;

/// How long something waits to be sent at most; nobody waits for an older answer.
const WAITS_MS: i64 = 24 * 3_600_000;
/// Ends the id of the notice that something may not have arrived.
const NOTICE: &str = ":unsure";

/// Sends `row`, or leaves it for the next start when told to stop.
pub(super) async fn send(services: &Arc<Services>, row: Outgoing, stop: &CancellationToken) -> Result<(), StoreError> {
    let (answer, route) = (row.body["kind"] == "answer", row.route.clone());
    let parts = Vec::new();
    let mut sender = Sender { services, stop, row, route, parts, answer, begun: false, unsure: false, refused: None };
    let Some(at) = sender.account().await? else { return Ok(()) };
    match sender.prepare(&at).await? {
        Go::Over => Ok(()),
        _ => sender.make_calls().await,
    }
}

struct Sender<'a> {
    services: &'a Arc<Services>,
    stop: &'a CancellationToken,
    row: Outgoing,
    /// Where; without the topic once that is known to be gone.
    route: Route,
    parts: Vec<(Part, PartState)>,
    /// Whether it is the answer of a run.
    answer: bool,
    /// Whether the next call is begun on disk, by us and just now.
    begun: bool,
    /// Whether some of it may or may not have arrived.
    unsure: bool,
    /// The account whose token was refused.
    refused: Option<Arc<Live>>,
}

/// An account at work.
struct At {
    live: Arc<Live>,
    transport: Arc<dyn Transport>,
}

/// How to go on.
#[derive(PartialEq, Eq)]
enum Go {
    /// With the next call.
    On,
    /// With the same one.
    Again,
    /// Not at all.
    Over,
}

impl Sender<'_> {
    /// The account, as soon as it is at work; `None` when it was not for too long, or the Gateway goes down.
    async fn account(&mut self) -> Result<Option<At>, StoreError> {
        let mut changes = self.services.chats.changes();
        loop {
            changes.mark_unchanged();
            if let Some(live) = self.services.chats.of(&self.row.route)
                && !self.refused.as_ref().is_some_and(|refused| live.is_same(refused))
                && let Some(transport) = live.transport.clone()
            {
                return Ok(Some(At { live, transport }));
            }
            tokio::select! {
                () = self.stop.cancelled() => return Ok(None),
                _changed = changes.changed() => {}
                () = tokio::time::sleep(self.left()) => {
                    let why = format!("the account at {} was not at work for a day", self.row.route.channel);
                    self.end(End::Failed, Some(why)).await?;
                    return Ok(None);
                }
            }
        }
    }

    /// How long it may still wait.
    fn left(&self) -> Duration {
        let left = self.row.created_at + WAITS_MS - base::now_ms();
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }

    /// Knows its calls: those planned before, or those planned now.
    async fn prepare(&mut self, at: &At) -> Result<Go, StoreError> {
        if !self.row.parts.is_empty() {
            let read = |part: &store::Part| Some((serde_json::from_value(part.body.clone()).ok()?, part.state));
            let parts: Option<Vec<_>> = self.row.parts.iter().map(read).collect();
            let Some(parts) = parts else {
                self.end(End::Failed, Some("its calls cannot be read".into())).await?;
                return Ok(Go::Over);
            };
            self.parts = parts;
            return Ok(Go::On);
        }
        let parts = plan(self.services, &at.live, at.transport.as_ref(), &self.row).await?;
        if parts.is_empty() {
            self.end(End::Dropped, None).await?;
            return Ok(Go::Over);
        }
        self.services.store.plan_parts(&self.row.id, values(&parts)).await?;
        self.parts = parts.into_iter().map(|part| (part, PartState::Waiting)).collect();
        self.begun = true;
        Ok(Go::On)
    }

    async fn make_calls(&mut self) -> Result<(), StoreError> {
        let (mut number, mut tried) = (0, Tried::default());
        while number < self.parts.len() {
            let go = if self.is_settled(number).await? {
                Go::On
            } else if self.stop.is_cancelled() {
                Go::Over
            } else {
                let Some(at) = self.account().await? else { return Ok(()) };
                if !std::mem::take(&mut self.begun) {
                    self.services.store.part_begins(&self.row.id, number).await?;
                }
                self.make(number, &at, &mut tried).await?
            };
            match go {
                Go::On => (number, tried) = (number + 1, Tried::default()),
                Go::Again => {}
                Go::Over => return Ok(()),
            }
        }
        let end = if self.unsure { End::Unsure } else { End::Sent };
        self.end(end, self.unsure.then(|| "some of it may or may not have arrived".to_owned())).await
    }

    /// Whether nothing is to be done for this call any more.
    async fn is_settled(&mut self, number: usize) -> Result<bool, StoreError> {
        let (part, state) = &self.parts[number];
        match state {
            PartState::Sent | PartState::Failed => return Ok(true),
            PartState::Waiting => return Ok(false),
            PartState::Begun if part.is_repeatable() => return Ok(false),
            PartState::Unsure => {}
            // Begun by a process that is gone: it may have arrived (C-8.9).
            PartState::Begun => self.mark(number, PartState::Unsure).await?,
        }
        self.unsure = true;
        Ok(true)
    }

    /// Makes one call that was begun, or decides what its failure means.
    async fn make(&mut self, number: usize, at: &At, tried: &mut Tried) -> Result<Go, StoreError> {
        let part = self.parts[number].0.clone();
        let key = format!("{}:{number}", self.row.id);
        let error = match at.transport.perform_as(&key, &self.route, &part).await {
            Ok(receipt) => return self.sent(number, &at.live, &receipt).await,
            Err(error) => error,
        };
        tracing::debug!(id = %self.row.id, number, %error, "a call was not made");
        match tried.next(&error, &part, self.answer, roll()) {
            Step::Again(pause) => return self.pause(number, pause, &at.live, &error).await,
            Step::WithoutThread => {
                self.route.thread_id = None;
                return Ok(Go::Again);
            }
            Step::Instead(parts) => {
                self.replan(number, parts).await?;
                return Ok(Go::Again);
            }
            Step::OtherAccount => {
                self.mark(number, PartState::Waiting).await?;
                at.live.refuse();
                self.refused = Some(at.live.clone());
                return Ok(Go::Again);
            }
            Step::Unsure => {
                self.mark(number, PartState::Unsure).await?;
                self.unsure = true;
            }
            Step::Skip => self.mark(number, PartState::Failed).await?,
            Step::Fail(why) => {
                self.mark(number, PartState::Failed).await?;
                tracing::warn!(id = %self.row.id, channel = %self.route.channel, %why, "a message was not delivered");
                self.end(End::Failed, Some(why)).await?;
                return Ok(Go::Over);
            }
        }
        Ok(Go::On)
    }

    /// Waits before the same call. One that certainly was not made counts as not begun meanwhile.
    async fn pause(
        &mut self,
        number: usize,
        pause: Duration,
        live: &Live,
        error: &SendError,
    ) -> Result<Go, StoreError> {
        if matches!(error, SendError::Retry { .. }) {
            self.mark(number, PartState::Waiting).await?;
        }
        if pause > self.left() {
            self.mark(number, PartState::Failed).await?;
            self.end(End::Failed, Some(format!("it could not be sent for a day: {error}"))).await?;
            return Ok(Go::Over);
        }
        tokio::select! {
            () = self.stop.cancelled() => Ok(Go::Over),
            // The account changes: its new state may wait less.
            () = live.stop.cancelled() => Ok(Go::Again),
            () = tokio::time::sleep(pause) => Ok(Go::Again),
        }
    }

    async fn sent(&mut self, number: usize, live: &Live, receipt: &Receipt) -> Result<Go, StoreError> {
        let kept = serde_json::to_value(receipt).ok();
        self.services.store.part_ends(&self.row.id, number, PartState::Sent, kept, None).await?;
        self.parts[number].1 = PartState::Sent;
        live.status.change(|seen| seen.last_outbound_at = Some(base::now_ms()));
        Ok(Go::On)
    }

    async fn mark(&mut self, number: usize, state: PartState) -> Result<(), StoreError> {
        self.services.store.part_ends(&self.row.id, number, state, None, None).await?;
        self.parts[number].1 = state;
        Ok(())
    }

    /// Puts `parts` in the place of one call.
    async fn replan(&mut self, number: usize, parts: Vec<Part>) -> Result<(), StoreError> {
        let new = parts.into_iter().map(|part| (part, PartState::Waiting));
        self.parts.splice(number..=number, new);
        let rest: Vec<Part> = self.parts[number..].iter().map(|(part, _)| part.clone()).collect();
        self.services.store.replan(&self.row.id, number, values(&rest)).await
    }

    async fn end(&self, end: End, why: Option<String>) -> Result<(), StoreError> {
        if end == End::Unsure && self.answer {
            self.tell().await?;
        }
        self.services.store.outgoing_ends(&self.row.id, end, why).await
    }

    /// Tells the person, once, that some of an answer may not be there (C-8.5).
    async fn tell(&self) -> Result<(), StoreError> {
        let text = "⚠️ Part of my last answer may not have arrived. Ask me to repeat it if it is missing.".into();
        let body = serde_json::to_value(Body::Say(Say { text, ..Say::default() })).unwrap_or(Value::Null);
        let id = format!("{}{NOTICE}", self.row.id);
        let notice = NewOutgoing { id, route: self.row.route.clone(), body, inbox: Vec::new() };
        self.services.store.put_outgoing(notice).await.map(|_| ())
    }
}

fn values(parts: &[Part]) -> Vec<Value> {
    parts.iter().map(|part| serde_json::to_value(part).unwrap_or_default()).collect()
}

/// A number in `0.0..=1.0`.
fn roll() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 255.0
}
