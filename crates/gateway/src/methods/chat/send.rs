//! `chat.send`: accepted durably, answered, then run.

use store::{Input, NewSession};
use wire::methods::chat::{Attachment, SendParams, SendResult};
use wire::methods::{self, Method as _};
use wire::{ErrorShape, Scope, SessionKey};

use crate::intake::{self, RunOptions, Said, Taken};
use crate::lanes::outcome;
use crate::rpc::{Cx, First};
use crate::slash::{self, Command};
use crate::typed::{self, typed};

/// Says something in a session.
pub(super) async fn send(cx: Cx, params: SendParams, first: First) -> Result<(), ErrorShape> {
    let session = cx.agents.key(&params.session_key, params.agent_id.as_deref())?;
    let sending = Sending {
        session,
        run_id: params.idempotency_key,
        text: params.message,
        attachments: params.attachments.unwrap_or_default(),
        options: RunOptions { thinking: params.thinking, timeout_ms: params.timeout_ms, ..RunOptions::default() },
        commands: !params.suppress_command_interpretation.unwrap_or(false),
        new_session: NewSession::default(),
        source: methods::chat::Send::NAME,
    };
    send_message(&cx, sending, |result| first.send(&result)).await
}

/// A message on its way into a session.
pub(crate) struct Sending {
    /// Where.
    pub(crate) session: SessionKey,
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
    if command.as_ref().is_some_and(Command::resets) {
        cx.who.require(Scope::Admin)?;
    }
    Ok(command)
}

async fn run_turn(cx: &Cx, sending: Sending, reply: impl FnOnce(SendResult)) -> Result<(), ErrorShape> {
    let session = sending.session.clone();
    match intake::take(cx, said(sending)).await? {
        Taken::New(input) => {
            reply(started(&input));
            let run_id = input.run_id.clone();
            cx.lanes.submit(*input);
            cx.news.changed(&session, "send", Some(&run_id)).await;
        }
        known => reply(repeated(&known)),
    }
    Ok(())
}

async fn run_command(
    cx: &Cx,
    sending: Sending,
    command: Command,
    reply: impl FnOnce(SendResult),
) -> Result<(), ErrorShape> {
    let sending = Sending { source: typed::SOURCE, ..sending };
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
