//! From what a client said to a durable input: the one way into the lanes.

pub(crate) mod attachments;
mod options;

use store::{Accepted, Answer, Input, NewInput, NewSession};
use wire::message::{Block, UserContent, UserMessage};
use wire::methods::agent::Outcome;
use wire::methods::chat::Attachment;
use wire::{ErrorShape, SessionKey};

pub(crate) use options::RunOptions;

use crate::fault;
use crate::lanes::outcome;
use crate::rpc::Cx;
use crate::services::Services;

/// Longest message in characters; what is longer belongs in a file.
const MESSAGE_MAX_CHARS: usize = 1_000_000;
/// Longest run id.
const RUN_ID_MAX: usize = 256;

/// A message as a client sent it.
pub(crate) struct Said {
    /// The idempotency key, and the run's id from now on.
    pub(crate) run_id: String,
    /// Where.
    pub(crate) session: SessionKey,
    /// What a session that does not exist yet starts with.
    pub(crate) new_session: NewSession,
    /// The text.
    pub(crate) text: String,
    /// Pictures and files.
    pub(crate) attachments: Vec<Attachment>,
    /// What the run must know besides.
    pub(crate) options: RunOptions,
    /// The method it came through.
    pub(crate) source: &'static str,
    /// The chat that is answered; `None` when its asker reads the answer from the run.
    pub(crate) answer: Option<Answer>,
    /// What of the inbox it was made of.
    pub(crate) inbox: Vec<i64>,
}

/// What became of it.
pub(crate) enum Taken {
    /// Accepted just now; durable, not yet with its lane.
    New(Box<Input>),
    /// Accepted before and not over.
    Running(Box<Input>),
    /// Over.
    Ended(Box<Outcome>),
}

/// Makes a message durable, or finds what became of it.
///
/// # Errors
/// `INVALID_REQUEST` for an empty or oversized message; `UNAVAILABLE` when it could not be made durable.
pub(crate) async fn take(services: &Services, said: Said) -> Result<Taken, ErrorShape> {
    take_with(services, said, Vec::new()).await
}

/// The same with blocks of ours behind the text: what a chat tells beside the words, pictures it brought.
///
/// # Errors
/// As [`take`].
pub(crate) async fn take_with(services: &Services, said: Said, beside: Vec<Block>) -> Result<Taken, ErrorShape> {
    check(&said)?;
    let workspace = services.agents.workspace(&said.session.agent());
    let content = content(&said, &workspace, beside).await?;
    let message = UserMessage { content, timestamp: base::now_ms(), idempotency_key: Some(said.run_id.clone()) };
    let accepted = services
        .store
        .accept_input(NewInput {
            run_id: said.run_id,
            session: said.session,
            session_id: None,
            answer: said.answer,
            inbox: said.inbox,
            message,
            options: said.options.to_value(),
            source: said.source.into(),
            new_session: said.new_session,
        })
        .await
        .map_err(fault::store)?;
    Ok(match accepted {
        Accepted::New(input) => Taken::New(Box::new(input)),
        Accepted::Known(input) => match outcome::of(&input) {
            Some(outcome) => Taken::Ended(Box::new(outcome)),
            None => Taken::Running(Box::new(input)),
        },
    })
}

/// What is known of a run id, before anything else is looked at: a repeated request is answered from here even if it
/// would be refused today.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn known(cx: &Cx, run_id: &str) -> Result<Option<Taken>, ErrorShape> {
    let Some(input) = cx.store.input(run_id).await.map_err(fault::store)? else { return Ok(None) };
    Ok(Some(match outcome::of(&input) {
        Some(outcome) => Taken::Ended(Box::new(outcome)),
        None => Taken::Running(Box::new(input)),
    }))
}

fn check(said: &Said) -> Result<(), ErrorShape> {
    if said.run_id.trim().is_empty() || said.run_id.len() > RUN_ID_MAX {
        return Err(ErrorShape::invalid(format!("`idempotencyKey` must have 1 to {RUN_ID_MAX} bytes")));
    }
    if said.text.trim().is_empty() && said.attachments.is_empty() {
        return Err(ErrorShape::invalid("message or attachment required"));
    }
    if said.text.chars().nth(MESSAGE_MAX_CHARS).is_some() {
        return Err(ErrorShape::invalid(format!(
            "the message is longer than {MESSAGE_MAX_CHARS} characters; send it as a file"
        )));
    }
    Ok(())
}

async fn content(said: &Said, workspace: &std::path::Path, mut beside: Vec<Block>) -> Result<UserContent, ErrorShape> {
    beside.extend(attachments::take(&said.attachments, workspace).await?);
    if beside.is_empty() {
        return Ok(UserContent::Text(said.text.clone()));
    }
    let text = (!said.text.trim().is_empty()).then(|| Block::text(said.text.as_str()));
    Ok(UserContent::Blocks(text.into_iter().chain(beside).collect()))
}
