//! `chat.send`: accepted durably, answered, then run.

use serde_json::json;
use store::{Input, NewSession};
use wire::methods::chat::{Attachment, QueueMode, SendParams, SendResult};
use wire::methods::{self, Method as _};
use wire::{ErrorShape, SessionKey};

use super::history;
use crate::chats::deliver;
use crate::fault;
use crate::intake::{self, RunOptions, Said, Taken};
use crate::lanes::{How, TYPED, outcome};
use crate::rpc::{Cx, First};
use crate::slash::{self, Command};
use crate::typed::typed;

/// Says something in a session.
pub(super) async fn send(cx: Cx, params: SendParams, first: First) -> Result<(), ErrorShape> {
    let session = cx.agents.key(&params.session_key, params.agent_id.as_deref())?;
    let sending = Sending {
        session,
        expects: Expects { session_id: params.session_id, leaf: params.expected_leaf_entry_id },
        queue: params.queue_mode,
        run_id: params.idempotency_key,
        text: params.message,
        attachments: params.attachments.unwrap_or_default(),
        options: RunOptions {
            thinking: params.thinking,
            timeout_ms: params.timeout_ms,
            rights: cx.who.rights(),
            ..RunOptions::default()
        },
        commands: !params.suppress_command_interpretation.unwrap_or(false),
        new_session: NewSession::default(),
        source: methods::chat::Send::NAME,
        deliver: params.deliver.unwrap_or(false),
    };
    send_message(&cx, sending, |result| first.send(&result)).await
}

/// A message on its way into a session.
pub(crate) struct Sending {
    /// Where.
    pub(crate) session: SessionKey,
    /// What the sender believes of it.
    pub(crate) expects: Expects,
    /// What it does while a run of the session is at work; the session's or the config's word when absent.
    pub(crate) queue: Option<QueueMode>,
    /// The idempotency key.
    pub(crate) run_id: String,
    /// The text.
    pub(crate) text: String,
    /// Pictures and files.
    pub(crate) attachments: Vec<Attachment>,
    /// What the run must know besides.
    pub(crate) options: RunOptions,
    /// Whether a leading `/` may be a command.
    pub(crate) commands: bool,
    /// What a session that does not exist yet starts with.
    pub(crate) new_session: NewSession,
    /// The method it came through.
    pub(crate) source: &'static str,
    /// Whether the chat its session was last written from gets the answer, too.
    pub(crate) deliver: bool,
}

/// What a sender believes of a conversation; a message that was written for another one is not taken.
#[derive(Default)]
pub(crate) struct Expects {
    /// The transcript it read.
    session_id: Option<String>,
    /// The newest entry it read.
    leaf: Option<String>,
}

impl Expects {
    async fn hold(&self, cx: &Cx, key: &SessionKey) -> Result<(), ErrorShape> {
        if self.session_id.is_none() && self.leaf.is_none() {
            return Ok(());
        }
        let Some(session) = cx.store.session(key).await.map_err(fault::store)? else { return Ok(()) };
        if self.session_id.as_ref().is_some_and(|known| *known != session.session_id) {
            return Err(moved("SESSION_CHANGED", "the session has begun a new conversation", &session.session_id));
        }
        let Some(known) = &self.leaf else { return Ok(()) };
        let newest = history::leaf(cx, &session).await?.unwrap_or_default();
        if *known == newest {
            return Ok(());
        }
        // What a run adds meanwhile is no reason to refuse, as long as the entry is of this conversation.
        let entry = cx.store.message(key, known).await.map_err(fault::store)?;
        let is_here = entry.is_some_and(|entry| entry.session_id == session.session_id);
        if is_here && !cx.lanes.runs().of(key).is_empty() {
            return Ok(());
        }
        Err(moved("LEAF_CHANGED", "the conversation has moved on", &newest))
    }
}

fn moved(code: &str, what: &str, now: &str) -> ErrorShape {
    ErrorShape::invalid(format!("{what}; read it again before you answer it")).with(json!({"code": code, "now": now}))
}

/// Accepts a message, answers through `reply`, and only then lets anything happen, so that the answer is always the
/// first a client hears of its run (A-6.8a).
///
/// # Errors
/// When the message was not accepted; `reply` was not called then.
pub(crate) async fn send_message(
    cx: &Cx,
    sending: Sending,
    reply: impl FnOnce(SendResult) + Send,
) -> Result<(), ErrorShape> {
    if let Some(known) = intake::known(cx, &sending.run_id).await? {
        reply(repeated(&known));
        return Ok(());
    }
    match command_in(cx, &sending)? {
        Some(command) => run_command(cx, sending, command, reply).await,
        None => run_turn(cx, sending, reply).await,
    }
}

fn command_in(cx: &Cx, sending: &Sending) -> Result<Option<Command>, ErrorShape> {
    if !sending.commands || !sending.attachments.is_empty() {
        return Ok(None);
    }
    let busy = !cx.lanes.runs().of(&sending.session).is_empty();
    let command = slash::parse(&sending.text, busy);
    if let Some(scope) = command.as_ref().and_then(Command::takes) {
        cx.who.require(scope)?;
    }
    Ok(command)
}

async fn run_turn(cx: &Cx, sending: Sending, reply: impl FnOnce(SendResult)) -> Result<(), ErrorShape> {
    let session = sending.session.clone();
    sending.expects.hold(cx, &session).await?;
    let how = how(cx, &sending).await?;
    let answer = match sending.deliver {
        true => deliver::home(cx, &session).await.map_err(fault::store)?,
        false => None,
    };
    match intake::take(cx, Said { answer, ..said(sending) }).await? {
        Taken::New(input) => {
            reply(started(&input));
            let run_id = input.run_id.clone();
            cx.lanes.submit_as(*input, how);
            cx.news.changed(&session, "send", Some(&run_id)).await;
        }
        known => reply(repeated(&known)),
    }
    Ok(())
}

/// What the message does while a run is at work. Where nobody says anything, each client's message gets an answer of its
/// own, as clients of every age expect; chats are steered by default.
async fn how(cx: &Cx, sending: &Sending) -> Result<How, ErrorShape> {
    let config = cx.config.current();
    let mode = match sending.queue {
        Some(QueueMode::Followup) => config::QueueMode::Followup,
        Some(QueueMode::Steer) => config::QueueMode::Steer,
        Some(QueueMode::Collect) => config::QueueMode::Collect,
        Some(QueueMode::Interrupt) => config::QueueMode::Interrupt,
        None => {
            let session = cx.store.session(&sending.session).await.map_err(fault::store)?;
            let own = session.and_then(|session| config::QueueMode::parse(&session.queue_mode?));
            let is_written = cx.config.loaded().source.pointer("/messages/queue/mode").is_some();
            match own.or(is_written.then_some(config.messages.queue.mode)) {
                Some(mode) => mode,
                None => return Ok(How::in_turn()),
            }
        }
    };
    Ok(How::of(&config.messages.queue, mode))
}

async fn run_command(
    cx: &Cx,
    sending: Sending,
    command: Command,
    reply: impl FnOnce(SendResult),
) -> Result<(), ErrorShape> {
    let sending = Sending { source: TYPED, ..sending };
    match intake::take(cx, said(sending)).await? {
        Taken::New(input) => {
            reply(started(&input));
            typed(cx, &input, &command).await;
        }
        known => reply(repeated(&known)),
    }
    Ok(())
}

fn said(sending: Sending) -> Said {
    Said {
        run_id: sending.run_id,
        session: sending.session,
        new_session: sending.new_session,
        text: sending.text,
        attachments: sending.attachments,
        options: sending.options,
        source: sending.source,
        answer: None,
        inbox: Vec::new(),
    }
}

fn started(input: &Input) -> SendResult {
    SendResult { run_id: input.run_id.clone(), status: "started".into(), ..SendResult::default() }
}

/// The answer to a key that was seen before.
fn repeated(known: &Taken) -> SendResult {
    match known {
        Taken::New(input) => started(input),
        Taken::Running(input) => {
            SendResult { run_id: input.run_id.clone(), status: "in_flight".into(), ..SendResult::default() }
        }
        Taken::Ended(ended) => outcome::as_send(ended),
    }
}
