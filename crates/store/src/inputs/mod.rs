//! Accepted messages and what became of them.
//!
//! An input is durable before it is acknowledged and has three states: `pending` (accepted), `running` (its user message
//! is in the transcript), `finished` (its outcome is kept). Each step is one transaction, so that a process killed at
//! any instant leaves every accepted message either unfinished, and then [`Store::unfinished_inputs`] names it, or
//! finished with exactly one outcome. One run id is one user message, for ever.

mod accept;
mod row;
mod run;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::SessionKey;
use wire::message::{Usage, UserMessage};

use crate::{NewEntry, NewSession, Route, RunStatus, Store, StoreError};

pub(crate) use row::fence;
pub(crate) use run::withdraw;

/// Where an input stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputState {
    /// Accepted, not begun.
    Pending,
    /// Begun: its message is in the transcript.
    Running,
    /// Over; it has an outcome.
    Finished,
}

impl InputState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Finished => "finished",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "pending" => Ok(Self::Pending),
            "running" => Ok(Self::Running),
            "finished" => Ok(Self::Finished),
            other => Err(StoreError::unreadable("an input's state", other)),
        }
    }
}

/// A message to accept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewInput {
    /// The run id: the idempotency key of the request.
    pub run_id: String,
    /// The session it is for.
    pub session: SessionKey,
    /// The session id a new session gets; ignored when the session exists.
    pub session_id: Option<String>,
    /// What a person said.
    pub message: UserMessage,
    /// What the run needs to know beside the message; kept as it is.
    pub options: Value,
    /// Who asked: `chat.send`, `agent`, a channel; `heartbeat`, `cron`, `exec` and `hook` do not count as a person
    ///
    pub source: String,
    /// What a session that does not exist yet starts with.
    pub new_session: NewSession,
    /// Where the answer goes, put into the outbox by the transaction that ends the run. The session remembers it.
    pub answer: Option<Answer>,
    /// The positions in the inbox of what this message was made of; done when this is accepted.
    pub inbox: Vec<i64>,
}

/// Where the answer to a message goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The chat it came from; always with the account of ours that speaks there.
    #[serde(flatten)]
    pub route: Route,
    /// The message that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// What else the channel wants to know when it answers; kept as it is.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub context: Value,
}

/// What became of a message that was to be accepted.
#[derive(Debug, Clone, PartialEq)]
pub enum Accepted {
    /// It is accepted and durable.
    New(Input),
    /// Its run id was accepted before; nothing was changed.
    Known(Input),
}

impl Accepted {
    /// The input, new or known.
    pub fn into_input(self) -> Input {
        match self {
            Self::New(input) | Self::Known(input) => input,
        }
    }
}

/// An accepted message.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Its run id.
    pub run_id: String,
    /// Its session.
    pub session: SessionKey,
    /// The transcript: where its message is, or (while pending) where it would go now.
    pub session_id: String,
    /// Where it stands.
    pub state: InputState,
    /// How often a run was begun for it; more than one means that a process died on the way.
    pub attempts: u32,
    /// Who asked.
    pub source: String,
    /// What the run needs to know beside the message.
    pub options: Value,
    /// What was said.
    pub message: UserMessage,
    /// The transcript entry of its user message, once there is one.
    pub entry_id: Option<String>,
    /// Where the answer goes, when it came from a chat.
    pub answer: Option<Answer>,
    /// How it ended.
    pub outcome: Option<Value>,
    /// When it was accepted, in milliseconds.
    pub accepted_at: i64,
    /// When its first run began.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// What a repeated request is answered with.
    pub outcome: Value,
    /// What the session shows.
    pub status: RunStatus,
    /// The final message, appended in the same transaction.
    pub last: Option<NewEntry>,
    /// Tokens of the whole run; kept with the session unless nothing was used.
    pub usage: Usage,
    /// Tokens of the conversation as the model last saw it; derived from `usage` when absent.
    pub total_tokens: Option<u64>,
    /// The window of the model.
    pub context_tokens: Option<u64>,
    /// The provider that answered.
    pub provider: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// Why it failed, one sentence.
    pub error: Option<String>,
}

impl Finish {
    /// An end with nothing to append and nothing used.
    pub fn new(status: RunStatus, outcome: Value) -> Self {
        Self {
            outcome,
            status,
            last: None,
            usage: Usage::default(),
            total_tokens: None,
            context_tokens: None,
            provider: None,
            model: None,
            error: None,
        }
    }
}

impl Store {
    /// The input with this run id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn input(&self, run_id: &str) -> Result<Option<Input>, StoreError> {
        let run_id = run_id.to_owned();
        self.read(move |conn| row::load(conn, &run_id)).await
    }

    /// What was accepted and has not ended, oldest first; after a start, what the last process left.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn unfinished_inputs(&self) -> Result<Vec<Input>, StoreError> {
        self.read(|conn| row::unfinished(conn, None)).await
    }

    /// What was accepted for a session and has not begun, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn pending_inputs(&self, session: &SessionKey) -> Result<Vec<Input>, StoreError> {
        let session = session.clone();
        self.read(move |conn| {
            let mut inputs = row::unfinished(conn, Some(&session))?;
            inputs.retain(|input| input.state == InputState::Pending);
            Ok(inputs)
        })
        .await
    }
}
