//! What clients hear of runs and sessions. Everything a client learns here it could also ask for, so a lost event costs
//! one question (`session.message` and `sessions.changed` go to those who subscribed only).

use store::{Entry, Session, Store};
use wire::SessionKey;
use wire::events;
use wire::events::chat::ChatEvent;
use wire::events::sessions::{SessionMessage, SessionsChanged};
use wire::message::Message;

use super::report::{Out, Subject};
use crate::display::message::{Limits, Place, project};
use crate::display::rows::Rows;
use crate::hub::{Hub, Reach, Topic};

/// The cap of clients that want tools with their arguments and results.
const TOOL_EVENTS: &str = "tool-events";

/// Tells clients; cheap to clone.
#[derive(Clone)]
pub(crate) struct News {
    hub: Hub,
    store: Store,
    rows: Rows,
}

impl News {
    /// Over this hub, with rows from this store.
    pub(crate) fn new(hub: Hub, store: Store, rows: Rows) -> Self {
        Self { hub, store, rows }
    }

    /// A session changed, or is there now.
    pub(crate) async fn changed(&self, key: &SessionKey, reason: &str, run_id: Option<&str>) {
        if !self.hub.any(|member| member.follows(&Topic::Sessions)) {
            return;
        }
        if let Some(session) = self.session(key).await {
            let row = self.rows.row(&session).await;
            let payload = SessionsChanged {
                session_key: key.clone(),
                agent_id: key.agent(),
                session_id: Some(session.session_id.clone()),
                reason: reason.into(),
                run_id: run_id.map(Into::into),
                ts: base::now_ms(),
                merged: row.merged(),
                session: Some(row),
            };
            self.hub.broadcast_to(&events::SESSIONS_CHANGED, &payload, Reach::Followers(vec![Topic::Sessions]));
        }
    }

    /// A session is gone; `session` is what it was.
    pub(crate) fn gone(&self, session: &Session) {
        let payload = SessionsChanged {
            session_key: session.key.clone(),
            agent_id: session.agent.clone(),
            session_id: Some(session.session_id.clone()),
            reason: "delete".into(),
            run_id: None,
            ts: base::now_ms(),
            session: None,
            merged: serde_json::Map::new(),
        };
        self.hub.broadcast_to(&events::SESSIONS_CHANGED, &payload, Reach::Followers(vec![Topic::Sessions]));
    }

    /// A message became durable outside a turn.
    pub(crate) async fn saved(&self, key: &SessionKey, entry: &Entry) {
        let Some(message) = entry.message() else { return };
        let run_id = entry.run_id.as_deref();
        let place = Place { entry_id: &entry.id, seq: entry.seq, run_id, at: entry.at };
        self.message(key, &entry.session_id, message, place).await;
    }

    /// Sends what one run has to show.
    pub(super) async fn send(&self, subject: &Subject, out: Vec<Out>) {
        for out in out {
            match out {
                Out::Chat(event) => self.chat(&event),
                Out::Agent(event) => {
                    self.hub.broadcast(&events::AGENT, &event);
                    self.hub.to_nodes(&events::AGENT, &event, &Topic::Chat(subject.session.clone()), None);
                }
                Out::Tool(event) => {
                    self.hub.broadcast_to(&events::AGENT, &event, Reach::Cap(TOOL_EVENTS));
                    let followers = Topic::Chat(subject.session.clone());
                    self.hub.to_nodes(&events::AGENT, &event, &followers, Some(TOOL_EVENTS));
                }
                Out::Message { entry_id, seq, message } => {
                    let run_id = Some(subject.run_id.as_str());
                    let place = Place { entry_id: &entry_id, seq, run_id, at: base::now_ms() };
                    self.message(&subject.session, &subject.session_id, &message, place).await;
                }
            }
        }
    }

    /// Sends a `chat` event: to operators, and to nodes that follow the session.
    pub(crate) fn chat(&self, event: &ChatEvent) {
        self.hub.broadcast(&events::CHAT, event);
        self.hub.to_nodes(&events::CHAT, event, &Topic::Chat(event.session_key.clone()), None);
    }

    async fn message(&self, key: &SessionKey, session_id: &str, message: &Message, place: Place<'_>) {
        let one = Topic::SessionMessages(key.clone());
        if !self.hub.any(|member| member.follows(&Topic::Sessions) || member.follows(&one)) {
            return;
        }
        let Some(message) = project(message, place, Limits::page(None)) else { return };
        let Some(session) = self.session(key).await else { return };
        let row = self.rows.row(&session).await;
        let payload = SessionMessage {
            session_key: key.clone(),
            agent_id: key.agent(),
            session_id: session_id.into(),
            message,
            message_id: place.entry_id.into(),
            message_seq: place.seq,
            merged: row.merged(),
            session: row,
        };
        self.hub.broadcast_to(&events::SESSION_MESSAGE, &payload, Reach::Followers(vec![Topic::Sessions, one]));
    }

    async fn session(&self, key: &SessionKey) -> Option<Session> {
        match self.store.session(key).await {
            Ok(session) => session,
            Err(error) => {
                tracing::error!(session = %key, %error, "a session could not be read to tell clients about it");
                None
            }
        }
    }
}
